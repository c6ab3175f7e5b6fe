/**
 * Programs that are started and timed until they are ready: the shop as `npm start` starts it, and the bare PGlite beside it.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { cpuSecondsOf, signalLeaves } from "../ProcessTree.ts"

/** A program that is ready. */
export interface Launched {
  /** From its start until it was ready. */
  readonly seconds: number
  /** Processor time in that time, of all its processes. */
  readonly cpuSeconds: number
  /** Processor time up to now, of all its processes. */
  readonly cpuSecondsNow: () => number
  /** Sends a signal to it, and waits until it has ended. */
  readonly end: (signal: NodeJS.Signals) => Promise<void>
}

export interface Program {
  readonly command: string
  readonly args: ReadonlyArray<string>
  /** Besides the path and the home folder, which are all that it gets of this process's environment. */
  readonly environment?: Readonly<Record<string, string>>
  /** Resolves when the program is ready; given what it prints. */
  readonly ready: (output: NodeJS.ReadableStream, signal: AbortSignal) => Promise<unknown>
}

const root = fileURLToPath(new URL("../../..", import.meta.url))
const readyWithinMillis = 120_000
const endsWithinMillis = 30_000

/** Else a database or a broker that is set for something else would be measured. */
const inherited = (): Record<string, string> => {
  const { PATH = "", HOME = "", TMPDIR } = process.env
  return { PATH, HOME, ...(TMPDIR === undefined ? {} : { TMPDIR }) }
}

const endOf = async (child: ChildProcess, closed: Promise<unknown>, signal: NodeJS.Signals): Promise<void> => {
  if (child.exitCode === null && child.signalCode === null) signalLeaves(child.pid!, signal)
  const timer = setTimeout(() => signalLeaves(child.pid!, "SIGKILL"), endsWithinMillis)
  await closed
  clearTimeout(timer)
}

/** Starts a program in the repository's root and waits until it is ready. Fails with what it said when it ends before. */
export const launch = async ({ command, args, environment = {}, ready }: Program): Promise<Launched> => {
  const started = performance.now()
  const child = spawn(command, args, {
    cwd: root,
    env: { ...inherited(), ...environment },
    stdio: ["ignore", "pipe", "pipe"]
  })
  let said = ""
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-4_000)
    })
  }
  const closed = once(child, "close")
  const over = AbortSignal.timeout(readyWithinMillis)
  const called = [command, ...args].join(" ")
  const tooEarly = closed.then(() => {
    throw new Error(`${called} ended before it was ready: ${said}`)
  })
  tooEarly.catch(() => {})
  const tooLate = once(over, "abort").then(() => {
    throw new Error(`${called} is not ready after ${readyWithinMillis / 1000} s: ${said}`)
  })
  try {
    await Promise.race([ready(child.stdout, over), tooEarly, tooLate])
  } catch (error) {
    if (child.pid !== undefined) await endOf(child, closed, "SIGKILL")
    throw error
  }
  return {
    seconds: (performance.now() - started) / 1000,
    cpuSeconds: cpuSecondsOf(child.pid!),
    cpuSecondsNow: () => cpuSecondsOf(child.pid!),
    end: (signal) => endOf(child, closed, signal)
  }
}
