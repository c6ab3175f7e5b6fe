/**
 * Stopping a shop: it answers what it has accepted, after a notice where one is wanted, and ends within seconds though its database hangs; then it says what it
 * left undone.
 */
import { execFileSync, spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { Agent, request } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { type Postgres, startPostgres, withDatabase } from "@daybook/infra/Postgres"
import { postgresBinaries } from "@daybook/infra/PostgresBinaries"
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest"
import { freePort, start } from "./Process.ts"

let postgres: Postgres
let folder: string
let port: string
let shop: ReturnType<typeof start> | undefined

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "daybook-stopping-"))
  postgres = await startPostgres()
})

beforeEach(async () => {
  port = await freePort()
})

afterEach(async () => {
  postgres.thaw()
  shop?.child.kill("SIGKILL")
  await shop?.exited
})

afterAll(async () => {
  await postgres?.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** It gives a command up later than all else has to end. */
const startShop = (url = postgres.url, delaySeconds = 0) => {
  shop = start({
    DATABASE_URL: url,
    DAYBOOK_HOME: folder,
    PORT: port,
    ANSWER_WITHIN_SECONDS: "7",
    LEASE_SECONDS: "3",
    SHUTDOWN_DELAY_SECONDS: `${delaySeconds}`
  })
  return shop
}

const open = (id: string) =>
  fetch(`http://127.0.0.1:${port}/carts`, {
    method: "POST",
    body: JSON.stringify({ id, currency: "GBP" }),
    headers: { "content-type": "application/json" }
  })

const statusOf = async (cart: string) => (await fetch(`http://127.0.0.1:${port}/carts/${cart}?atLeastVersion=1`)).status

/** How a shop ended, which must not take longer than that. */
const endedWithin = (millis: number, { exited }: ReturnType<typeof start>) => {
  const late = sleep(millis, undefined, { ref: false }).then(() => {
    throw new Error(`The shop has not ended within ${millis} ms`)
  })
  return Promise.race([exited, late])
}

const expectUnfinished = ({ code, output }: Awaited<ReturnType<typeof start>["exited"]>) => {
  expect(code, output).toBe(1)
  const lines = output.split("\n").filter((line) => line.startsWith("The shop ended unfinished: "))
  expect(lines, output).toHaveLength(1)
  for (const words of ["within 5 s", "nothing acknowledged is lost", "LEASE_SECONDS"]) {
    expect(lines[0]).toContain(words)
  }
}

it("a shop whose database hangs answers what it has accepted, ends, and leaves nothing that the next has not", async () => {
  const first = startShop()
  await first.ready
  expect((await open("before")).status).toBe(202)
  postgres.freeze()
  const accepted = open("during")
  await sleep(500)
  first.child.kill("SIGTERM")
  expect((await accepted).status).toBe(503)
  expectUnfinished(await endedWithin(7_000, first))

  postgres.thaw()
  const next = startShop()
  await next.ready
  await expect.poll(() => statusOf("before"), { timeout: 30_000 }).toBe(200)
  next.child.kill("SIGTERM")
  const { code, output } = await endedWithin(5_000, next)
  expect(code, output).toBe(0)
  expect(output).not.toContain("unfinished")
})

it("one whose clients go on asking on connections that they keep answers each of them, and ends", async () => {
  const { child, ready } = startShop()
  await ready
  const agent = new Agent({ keepAlive: true })
  const options = { agent, method: "POST", headers: { "content-type": "application/json" } }
  const ask = (id: string) =>
    new Promise<string>((resolve) => {
      const asking = request(`http://127.0.0.1:${port}/carts`, options, (answer) => {
        answer.resume().on("end", () => resolve(`${answer.statusCode} ${answer.headers.connection}`))
      })
      asking.on("error", ({ code }: NodeJS.ErrnoException) => resolve(code!))
      asking.end(JSON.stringify({ id, currency: "GBP" }))
    })
  const goOn = async (_: unknown, client: number): Promise<ReadonlyArray<string>> => {
    const answers: Array<string> = []
    while (answers.at(-1) !== "ECONNREFUSED") answers.push(await ask(`${client}-${answers.length}`))
    return answers
  }
  const clients = Promise.all(Array.from({ length: 8 }, goOn))
  await sleep(1_000)
  child.kill("SIGTERM")
  const { code, output } = await endedWithin(7_000, shop!)
  expect(code, output).toBe(0)
  for (const answers of await clients) {
    expect(answers.slice(-2)).toEqual(["202 close", "ECONNREFUSED"])
    expect(new Set(answers.slice(0, -2))).toEqual(new Set(["202 keep-alive"]))
  }
  agent.destroy()
})

it("one that is to wait is not ready any more, and answers all that comes until it has waited", async () => {
  const { child, ready } = startShop(postgres.url, 3)
  await ready
  const probe = async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/health/ready`)
    return [answer.status, ((await answer.json()) as { readonly detail?: string }).detail]
  }
  expect(await probe()).toEqual([200, undefined])
  child.kill("SIGTERM")
  await expect.poll(probe).toEqual([503, "The process has been asked to stop."])
  const asked = performance.now()
  let answered = 0
  for (; performance.now() < asked + 2_000; answered++) {
    const answer = await open(`delayed-${answered}`)
    expect([answer.status, answer.headers.get("connection")]).toEqual([202, "keep-alive"])
  }
  expect(answered).toBeGreaterThan(1)
  const { code, output } = await endedWithin(7_000, shop!)
  expect(code, output).toBe(0)
})

it("one that is to wait does not where it is asked again", async () => {
  const { child, ready } = startShop(postgres.url, 600)
  await ready
  child.kill("SIGINT")
  await sleep(500)
  expect((await open("waiting")).status).toBe(202)
  child.kill("SIGINT")
  const { code, output } = await endedWithin(7_000, shop!)
  expect(code, output).toBe(0)
})

it("one that has nothing to answer ends after the limit, however often Ctrl-C comes", async () => {
  const { child, ready } = startShop()
  await ready
  postgres.freeze()
  child.kill("SIGINT")
  await sleep(1_000)
  child.kill("SIGINT")
  expectUnfinished(await endedWithin(7_000, shop!))
})

it("one that is still starting ends too", async () => {
  const psql = (url: string, sql: string) =>
    [join(postgresBinaries(), "psql"), ["--no-psqlrc", "-Atc", sql, url]] as const
  execFileSync(...psql(postgres.url, "CREATE DATABASE starting"))
  const url = withDatabase(postgres.url, "starting")
  const holder = spawn(...psql(url, "BEGIN; CREATE SCHEMA cart; SELECT pg_sleep(600)"))
  try {
    const waiting = "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = 'starting' AND wait_event_type = 'Lock'"
    const { child } = startShop(url)
    await expect.poll(() => `${execFileSync(...psql(postgres.url, waiting))}`, { timeout: 30_000 }).toBe("t\n")
    postgres.freeze()
    child.kill("SIGTERM")
    expectUnfinished(await endedWithin(7_000, shop!))
  } finally {
    holder.kill()
  }
})
