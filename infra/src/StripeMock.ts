/**
 * Stripe's own mock of its API, stripe-mock, for tests of what talks to Stripe: it holds each request to Stripe's published
 * specification and answers with Stripe's fixtures. It remembers nothing. Built once from its Go module into a cache; on
 * loopback, gone when stopped. Used by `main.ts`.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { setTimeout } from "node:timers/promises"
import { freePort } from "./FreePort.ts"
import { stripeMockProgram } from "./StripeMockProgram.ts"

/** A running server. `stop` is idempotent; `await using` stops it too. */
export interface StripeMock extends AsyncDisposable {
  /** `http://127.0.0.1:port`. */
  readonly url: string
  readonly stop: () => Promise<void>
}

const startAttempts = 3
const readyTimeoutMillis = 30_000
const pollMillis = 50
/** Characters of what the server says, to be told when it does not start. */
const keptLog = 4_000

/** Starts a server and waits until it answers. If the process exits without `stop`, the server is killed. */
export const startStripeMock = async (): Promise<StripeMock> => {
  const program = stripeMockProgram()
  for (let attempt = 1; ; attempt++) {
    const address = `127.0.0.1:${await freePort()}`
    const url = `http://${address}`
    // HTTPS too, on any port: left to itself it takes a fixed one, which only one server can have.
    const addresses = ["-http-addr", address, "-https-addr", "127.0.0.1:0"]
    // Its own process group: Ctrl-C must reach the tests first, and the server only when they have ended.
    const server = spawn(program, addresses, { detached: true, stdio: ["ignore", "pipe", "pipe"] })
    const kill = () => server.kill("SIGKILL")
    process.once("exit", kill)
    const failure = await ready(server, url)
    if (failure === undefined) return handle(url, server, kill)
    server.kill("SIGKILL")
    process.off("exit", kill)
    // Another process may take a port between choosing and binding it.
    if (attempt === startAttempts || !failure.includes("address already in use")) {
      throw new Error(`stripe-mock did not start: ${failure}`)
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

const handle = (url: string, server: ChildProcess, kill: () => void): StripeMock => {
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
