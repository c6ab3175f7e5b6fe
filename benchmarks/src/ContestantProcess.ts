/**
 * Contestants in processes of their own, one each, so that one's garbage, connections and compiled code are not the other's.
 *
 * The harness asks a process for one thing at a time over Node's IPC; between rounds it idles. A process ends with its parent.
 */

import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { reasonOf } from "@daybook/core/Problem"
import type { Contestant, Figures, Load, Settings, Start } from "./Contestant.ts"

/** What `main.ts` is called with to become a contestant; the benchmark's and the contestant's name follow. */
export const contestantArgument = "--contestant"

type Request =
  | { readonly ask: "start"; readonly databaseUrl: string; readonly settings: Settings }
  | { readonly ask: "round"; readonly load: Load }
  | { readonly ask: "stored" }
  | { readonly ask: "close" }

type Answer = { readonly value: unknown } | { readonly error: string }

/** A contestant in its process. */
export interface ContestantProcess extends AsyncDisposable {
  readonly round: (load: Load) => Promise<Figures>
  readonly stored: () => Promise<number>
  readonly close: () => Promise<void>
}

export interface Spawn {
  readonly benchmark: string
  readonly contestant: string
  readonly databaseUrl: string
  readonly settings: Settings
  /** Where the process leaves a CPU profile when it ends. */
  readonly profileFolder?: string | undefined
}

const closeTimeoutMillis = 20_000

/** Daybook sets this for itself (docs/adr/0013). The others get it too: Emmett's handler gains by it as well. */
export const v8Flags = ["--no-allocation-site-pretenuring"]

const ask = async (child: ChildProcess, request: Request): Promise<unknown> => {
  const ended = new AbortController()
  const exit = once(child, "exit", { signal: ended.signal }).then(([code, signal]): Answer => {
    return { error: `its process ended with ${code ?? signal}` }
  })
  exit.catch(() => {})
  const answer = once(child, "message", { signal: ended.signal }).then(([message]) => message as Answer)
  child.send(request)
  const first = await Promise.race([answer, exit])
  ended.abort()
  if ("error" in first) throw new Error(first.error)
  return first.value
}

/** Starts a contestant in a process of its own. */
export const spawn = async (options: Spawn): Promise<ContestantProcess> => {
  const { benchmark, contestant, databaseUrl, settings, profileFolder } = options
  const profiling = profileFolder === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profileFolder}`]
  const child = fork(fileURLToPath(new URL("main.ts", import.meta.url)), [contestantArgument, benchmark, contestant], {
    execArgv: [...process.execArgv, ...v8Flags, ...profiling]
  })
  const failedAs = (error: unknown) => {
    const why = reasonOf(error)
    return new Error(`${contestant} ${JSON.stringify(settings)}: ${why}`)
  }
  const request = <A>(given: Request) =>
    ask(child, given).catch((error) => {
      throw failedAs(error)
    }) as Promise<A>
  const close = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, "exit")
    const timer = setTimeout(() => child.kill("SIGKILL"), closeTimeoutMillis)
    if (child.connected) child.send({ ask: "close" } satisfies Request)
    await exited
    clearTimeout(timer)
  }
  try {
    await request({ ask: "start", databaseUrl, settings })
  } catch (error) {
    await close()
    throw error
  }
  return {
    round: (load) => request({ ask: "round", load }),
    stored: () => request({ ask: "stored" }),
    close,
    [Symbol.asyncDispose]: close
  }
}

/** Answers the harness' requests in a contestant's process. */
export const serve = (start: Start): void => {
  let contestant: Contestant | undefined
  const answer = async (request: Request): Promise<unknown> => {
    switch (request.ask) {
      case "start":
        contestant = await start(request.databaseUrl, request.settings)
        return null
      case "round":
        return contestant!.round(request.load)
      case "stored":
        return contestant!.stored()
      case "close":
        await contestant?.close()
        process.exit()
    }
  }
  process.on("message", (request: Request) => {
    answer(request).then(
      (value) => process.send!({ value } satisfies Answer),
      (error) => process.send!({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
    )
  })
  // Ctrl-C reaches the whole group; the parent says when to stop, and its end is the end.
  process.on("SIGINT", () => {})
  process.on("disconnect", () => process.exit())
}
