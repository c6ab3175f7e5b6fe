/**
 * A server for tests that is one program and speaks HTTP: on loopback, on a free port, gone when stopped. Used by `StripeMock` and
 * `S3Server`.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { setTimeout } from "node:timers/promises"
import { freePort } from "./FreePort.ts"

/** A running server. `stop` is idempotent; `await using` stops it too. */
export interface HttpServer extends AsyncDisposable {
  /** `http://127.0.0.1:port`. */
  readonly url: string
  readonly stop: () => Promise<void>
}

const startAttempts = 3
const readyTimeoutMillis = 30_000
const pollMillis = 50
/** Characters of what the server says, to be told when it does not start. */
const keptLog = 4_000

/** Starts a program on an address that it is told, and waits until it answers. If the process exits without `stop`, it is killed. */
export const startHttpServer = async (
  name: string,
  program: string,
  argumentsFor: (address: string) => ReadonlyArray<string>
): Promise<HttpServer> => {
  for (let attempt = 1; ; attempt++) {
    const address = `127.0.0.1:${await freePort()}`
    const url = `http://${address}`
    // Its own process group: Ctrl-C must reach the tests first, and the server only when they have ended.
    const server = spawn(program, argumentsFor(address), { detached: true, stdio: ["ignore", "pipe", "pipe"] })
    const kill = () => server.kill("SIGKILL")
    process.once("exit", kill)
    const failure = await ready(server, url)
    if (failure === undefined) return handle(url, server, kill)
    server.kill("SIGKILL")
    process.off("exit", kill)
    // Another process may take a port between choosing and binding it.
    if (attempt === startAttempts || !failure.includes("address already in use")) {
      throw new Error(`${name} did not start: ${failure}`)
    }
  }
}

/** Resolves when the server answers, or to the reason why it never will. It says that it listens before it does. */
const ready = async (server: ChildProcess, url: string): Promise<string | undefined> => {
  let log = ""
  let ended: string | undefined
  // Read for good: a pipe that nobody reads would fill up and stop the server.
  for (const stream of [server.stdout, server.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      log = `${log}${text}`.slice(-keptLog)
    })
  }
  server.once("error", ({ message }) => {
    ended = message
  })
  server.once("close", (code, signal) => {
    ended ??= `it ended with ${code ?? signal}`
  })
  const deadline = performance.now() + readyTimeoutMillis
  while (ended === undefined && performance.now() < deadline) {
    if (await answers(url)) return undefined
    await setTimeout(pollMillis)
  }
  return `${ended ?? `not ready after ${readyTimeoutMillis} ms`}\n${log}`
}

const answers = (url: string): Promise<boolean> =>
  fetch(url).then(
    () => true,
    () => false
  )

const handle = (url: string, server: ChildProcess, kill: () => void): HttpServer => {
  const end = async () => {
    process.off("exit", kill)
    if (server.exitCode !== null || server.signalCode !== null) return
    const exited = once(server, "exit")
    // It keeps nothing that an orderly end would save.
    server.kill("SIGKILL")
    await exited
  }
  let stopping: Promise<void> | undefined
  const stop = () => {
    stopping ??= end()
    return stopping
  }
  return { url, stop, [Symbol.asyncDispose]: stop }
}
