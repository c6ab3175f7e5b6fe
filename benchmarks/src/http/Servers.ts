/**
 * The HTTP servers that `http` puts under load, each a program of its own that listens on loopback.
 */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { freePort } from "@daybook/infra/FreePort"
import { v8Flags } from "../ContestantProcess.ts"
import { launch } from "../startup/Launch.ts"

/** A server that answers. */
export interface HttpServer extends AsyncDisposable {
  readonly url: string
  /** Processor time of the server's process since it was started. */
  readonly cpuMicros: () => number
}

/** A program that listens on `PORT`. */
interface Program {
  readonly file: URL
  readonly args?: ReadonlyArray<string>
  readonly environment?: Readonly<Record<string, string>>
  /** A path that is answered when the server is ready, and not with a server's error. */
  readonly readyAt?: string
  readonly profileFolder: string | undefined
}

const answers = (url: string): Promise<boolean> =>
  fetch(url).then(
    async (response) => {
      await response.arrayBuffer()
      return response.status < 500
    },
    () => false
  )

const start = async ({
  file,
  args = [],
  environment = {},
  readyAt = "/",
  profileFolder
}: Program): Promise<HttpServer> => {
  const port = String(await freePort())
  const url = `http://127.0.0.1:${port}`
  const profiling = profileFolder === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profileFolder}`]
  const { cpuSecondsNow, end } = await launch({
    command: process.execPath,
    args: [...v8Flags, ...profiling, fileURLToPath(file), ...args],
    environment: { ...environment, PORT: port },
    ready: async (_, over) => {
      while (!(await answers(`${url}${readyAt}`)) && !over.aborted) await sleep(50)
    }
  })
  return { url, cpuMicros: () => cpuSecondsNow() * 1e6, [Symbol.asyncDispose]: () => end("SIGTERM") }
}

/** `node:http` alone, returning a constant. */
export const startConstant = (profileFolder: string | undefined): Promise<HttpServer> =>
  start({ file: new URL("../limits/ConstantHandler.ts", import.meta.url), profileFolder })

/** The shop's HTTP framework alone, returning the same constant. */
export const startFramework = (profileFolder: string | undefined): Promise<HttpServer> =>
  start({ file: new URL("./FrameworkHandler.ts", import.meta.url), profileFolder })

/** A shop written by hand, on an empty database. */
export const startBareShop = (databaseUrl: string, profileFolder: string | undefined): Promise<HttpServer> =>
  start({
    file: new URL("./BareShop.ts", import.meta.url),
    environment: { DATABASE_URL: databaseUrl },
    profileFolder
  })

/**
 * The shop as `npm start` runs it with these arguments: by default one process with the cart service in all its roles; without any, with
 * all services.
 */
export const startShop = async (
  databaseUrl: string,
  profileFolder: string | undefined,
  args: ReadonlyArray<string> = ["--services", "cart"]
): Promise<HttpServer> => {
  const home = await mkdtemp(join(tmpdir(), "daybook-http-"))
  const shop = await start({
    file: new URL("../../../apps/shop/src/main.ts", import.meta.url),
    args,
    environment: { DATABASE_URL: databaseUrl, DAYBOOK_HOME: home },
    readyAt: "/health/ready",
    profileFolder
  })
  return {
    ...shop,
    [Symbol.asyncDispose]: async () => {
      await shop[Symbol.asyncDispose]()
      await rm(home, { recursive: true, force: true })
    }
  }
}
