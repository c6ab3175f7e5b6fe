/**
 * Runs a command beside the servers it needs. An interruption is passed on, and the command is given time to end, so that
 * whoever called can stop the servers after it and never under it.
 */
import { spawn } from "node:child_process"
import { constants } from "node:os"

const graceMillis = 10_000

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const

const exitCodeOf = (signal: NodeJS.Signals): number => 128 + constants.signals[signal]

/** A terminal's Ctrl-C may come twice at once, by way of npm. */
const echoMillis = 500

/**
 * Until disposed, makes a signal end this process through `process.exit`, so that its exit handlers run. For the time
 * while servers start and there is no command yet to pass the signal to. What takes longer than an exit handler may is done by
 * `finish` before; a second signal, or ten seconds, end that.
 */
export const exitOnSignal = (finish?: () => Promise<void>): Disposable => {
  let firstMillis: number | undefined
  const exit = (signal: NodeJS.Signals) => {
    const end = () => process.exit(exitCodeOf(signal))
    if (finish === undefined) return end()
    if (firstMillis !== undefined) return performance.now() - firstMillis > echoMillis ? end() : undefined
    firstMillis = performance.now()
    setTimeout(end, graceMillis)
    const complain = (error: unknown) => void process.stderr.write(`${error}\n`)
    void finish().catch(complain).then(end)
  }
  for (const signal of signals) process.on(signal, exit)
  return {
    [Symbol.dispose]: () => {
      for (const signal of signals) process.off(signal, exit)
    }
  }
}

/** Resolves to the command's exit code, or 128 + the signal's number as a shell says it. */
export const runBeside = (
  variables: Readonly<Record<string, string>>,
  program: string,
  args: ReadonlyArray<string>
): Promise<number> =>
  new Promise((resolve, reject) => {
    const interrupt = (signal: NodeJS.Signals) => {
      // A terminal sends Ctrl-C to the child by itself, and a second one would read as "stop without cleaning up".
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal)
      setTimeout(() => child.kill("SIGKILL"), graceMillis).unref()
    }
    // Before the command is there: it may be heard of, and interrupted, before this goes on.
    for (const signal of signals) process.on(signal, interrupt)
    const child = spawn(program, args, { env: { ...process.env, ...variables }, stdio: "inherit" })
    const done = () => {
      for (const signal of signals) process.off(signal, interrupt)
    }
    child.once("error", (cause) => {
      done()
      reject(new Error(`${program} could not be run: ${cause.message}`, { cause }))
    })
    child.once("exit", (code, signal) => {
      done()
      resolve(signal === null ? (code ?? 1) : exitCodeOf(signal))
    })
  })
