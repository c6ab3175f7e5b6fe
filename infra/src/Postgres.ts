/**
 * A real PostgreSQL for tests and benchmarks: its own data folder and port, on loopback, durable settings (fsync on), gone
 * when stopped. PostgreSQL refuses to run as root, so root starts it as the `postgres` user (or `nobody`).
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { freePort } from "./FreePort.ts"
import { postgresBinaries } from "./PostgresBinaries.ts"

/** A running server. `stop` is idempotent; `await using` stops it too. */
export interface Postgres extends AsyncDisposable {
  /** Connects as a superuser, who may create roles and databases. */
  readonly url: string
  /** Ends the server as a failure would, in the middle of whatever it does. Its data stays. */
  readonly crash: () => Promise<void>
  /** Starts it again after a crash, with its data and at the same address; it recovers what was committed. */
  readonly recover: () => Promise<void>
  /** Stops all of its processes where they are, as a host that hangs does: connections stay, and nobody answers. Needs Linux. */
  readonly freeze: () => void
  /** Lets a frozen server go on, with what has been sent to it meanwhile. */
  readonly thaw: () => void
  readonly stop: () => Promise<void>
}

/** The URL of another database on the same server. */
export const withDatabase = (url: string, name: string): string => {
  const changed = new URL(url)
  changed.pathname = `/${name}`
  return changed.href
}

export interface PostgresOptions {
  /** Server settings (`postgresql.conf` names) beside the defaults below. */
  readonly settings?: Readonly<Record<string, string>>
}

const defaults: Readonly<Record<string, string>> = {
  listen_addresses: "127.0.0.1",
  // Durability as in production: a benchmark on a server that may forget measures something else.
  fsync: "on",
  synchronous_commit: "on",
  full_page_writes: "on",
  // Several test processes, each with its pools.
  max_connections: "300",
  // Readiness is read from the log, so its language is fixed.
  lc_messages: "C"
}

const startAttempts = 3
const readyTimeoutMillis = 60_000
const stopTimeoutMillis = 20_000

/** Starts a server and waits until it accepts connections. If the process exits without `stop`, the server is killed. */
export const startPostgres = async (options: PostgresOptions = {}): Promise<Postgres> => {
  const binaries = postgresBinaries()
  const owner = unprivilegedOwner()
  const folder = mkdtempSync(join(tmpdir(), "daybook-postgres-"))
  let server: ChildProcess | undefined
  // Retries, since a server that is dying may still write a file between listing the folder and removing it.
  const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
  let frozen = false
  const freeze = () => {
    frozen = true
    signalAll(server!, "SIGSTOP")
  }
  const thaw = () => {
    if (frozen) signalAll(server!, "SIGCONT")
    frozen = false
  }
  const abandon = () => {
    thaw()
    server?.kill("SIGQUIT")
    // It goes on writing until it has ended, and no event will tell of that any more.
    const pidFile = join(folder, "data", "postmaster.pid")
    for (let waited = 0; existsSync(pidFile) && waited < stopTimeoutMillis; waited += 50) sleepSync(50)
    remove()
  }
  process.once("exit", abandon)
  const stop = async () => {
    thaw()
    if (server !== undefined) await shutDown(server, "SIGINT")
    process.off("exit", abandon)
    remove()
  }
  const start = async (port: number): Promise<string | undefined> => {
    server = launch(binaries, folder, { ...defaults, ...options.settings, port: String(port) }, owner)
    return ready(server)
  }
  try {
    if (owner !== undefined) chownSync(folder, owner.uid, owner.gid)
    initialise(binaries, join(folder, "data"), owner)
    for (let attempt = 1; ; attempt++) {
      const port = await freePort()
      const failure = await start(port)
      if (failure === undefined) {
        const crash = () => shutDown(server!, "SIGQUIT")
        const recover = async () => {
          const failed = await start(port)
          if (failed !== undefined) throw new Error(`PostgreSQL did not start again: ${failed}`)
        }
        return handle({ url: `postgres://postgres@127.0.0.1:${port}/postgres`, crash, recover, freeze, thaw, stop })
      }
      // Another process may take the port between choosing and binding it.
      if (attempt === startAttempts || !failure.includes("Address already in use")) {
        throw new Error(`PostgreSQL did not start: ${failure}`)
      }
    }
  } catch (error) {
    await stop()
    throw error
  }
}

const sleepSync = (millis: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, millis)

interface Owner {
  readonly uid: number
  readonly gid: number
}

const unprivilegedOwner = (): Owner | undefined => {
  if (process.getuid?.() !== 0) return undefined
  const accounts = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"))
  for (const name of ["postgres", "nobody"]) {
    const account = accounts.find((fields) => fields[0] === name)
    if (account !== undefined) return { uid: Number(account[2]), gid: Number(account[3]) }
  }
  throw new Error("PostgreSQL does not run as root, and /etc/passwd has neither a postgres nor a nobody user: add one.")
}

const initialise = (binaries: string, data: string, owner: Owner | undefined): void => {
  const args = ["--pgdata", data, "--username", "postgres", "--auth", "trust", "--encoding", "UTF8", "--locale", "C"]
  try {
    execFileSync(join(binaries, "initdb"), args, { ...owner, cwd: "/", encoding: "utf8", stdio: "pipe" })
  } catch (cause) {
    const output = (cause as { stderr?: string }).stderr ?? ""
    throw new Error(`initdb could not create ${data}: ${output.trim() || String(cause)}`, { cause })
  }
}

type Settings = Readonly<Record<string, string>>

const launch = (binaries: string, folder: string, settings: Settings, owner: Owner | undefined): ChildProcess => {
  const all = { ...settings, unix_socket_directories: folder }
  const args = [
    "-D",
    join(folder, "data"),
    ...Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`])
  ]
  return spawn(join(binaries, "postgres"), args, {
    ...owner,
    cwd: "/",
    // Its own process group: Ctrl-C must reach the tests first, and the server only when they have ended.
    detached: true,
    stdio: ["ignore", "ignore", "pipe"]
  })
}

/** Resolves when the server accepts connections, or to the reason why it never will. */
const ready = (server: ChildProcess): Promise<string | undefined> =>
  new Promise((resolve) => {
    let log = ""
    const settle = (failure?: string) => {
      clearTimeout(timer)
      server.stderr?.off("data", read).resume()
      resolve(failure === undefined ? undefined : `${failure}\n${log}`)
    }
    const read = (text: string) => {
      log += text
      if (log.includes("ready to accept connections")) settle()
    }
    const timer = setTimeout(settle, readyTimeoutMillis, `not ready after ${readyTimeoutMillis} ms`)
    server.once("error", (error) => settle(error.message))
    // "close" rather than "exit": only then has all of the log been read.
    server.once("close", (code, signal) => settle(`it ended with ${code ?? signal}`))
    server.stderr?.setEncoding("utf8").on("data", read)
  })

/** SIGINT is PostgreSQL's "fast" shutdown: it ends the sessions and writes a checkpoint; SIGQUIT ends at once. */
const shutDown = async (server: ChildProcess, signal: "SIGINT" | "SIGQUIT"): Promise<void> => {
  if (server.pid === undefined || server.exitCode !== null || server.signalCode !== null) return
  const exited = once(server, "exit")
  server.kill(signal)
  const timer = setTimeout(() => server.kill("SIGQUIT"), stopTimeoutMillis)
  await exited
  clearTimeout(timer)
}

/** The children first: what they have been sent is then carried out before the server takes up anything new. */
const signalAll = (server: ChildProcess, signal: "SIGSTOP" | "SIGCONT"): void => {
  const children = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && parentOf(name) === server.pid)
  for (const pid of [...children.map(Number), server.pid!]) {
    try {
      process.kill(pid, signal)
    } catch (error) {
      // One whose client has left ends while the others are looked for.
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error
    }
  }
}

/** The parent of a process; `undefined` when it has ended meanwhile. */
const parentOf = (pid: string): number | undefined => {
  try {
    return Number(/^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1])
  } catch {
    return undefined
  }
}

const handle = (server: Omit<Postgres, typeof Symbol.asyncDispose>): Postgres => {
  let stopping: Promise<void> | undefined
  const stop = () => {
    stopping ??= server.stop()
    return stopping
  }
  return { ...server, stop, [Symbol.asyncDispose]: stop }
}
