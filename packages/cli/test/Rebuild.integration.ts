/**
 * A rebuild of the cart's views from real order lines on a real server, while customers go on. Set `REBUILD_FILES=all` for the whole
 * data set instead of a month of it, to measure: what took how long is printed.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { Broker } from "@daybook/core/Broker"
import * as Database from "@daybook/postgres/Database"
import { database } from "@daybook/shop/Place"
import * as Running from "@daybook/shop/Running"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { SqlClient } from "effect/sql/SqlClient"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as CartTraffic from "./CartTraffic.ts"
import { scratch, start } from "./Orders.ts"

/** Not in the repository: the UCI "Online Retail" data, by month. */
const data = new URL("../../../../shared/data/online-retail", import.meta.url).pathname
const present = existsSync(join(data, "2011-02.csv.gz"))
const given = process.env.DATABASE_URL
if (given === undefined) throw new Error("Run this with npm run test:integration, which provides DATABASE_URL")

const root = scratch()
const name = `rebuild_${process.pid}`
const url = new URL(given)
url.pathname = `/${name}`
const settings = { DATABASE_URL: url.href }
const commandsPerSecond = 200

const on = <A, E>(where: string, work: Effect.Effect<A, E, SqlClient>) =>
  Effect.runPromise(Effect.provide(work, Database.layer({ url: Redacted.make(where) })))

const ask = (statement: string) =>
  on(
    url.href,
    Effect.flatMap(SqlClient, (sql) => sql.unsafe<Record<string, number>>(statement))
  )

const rebuilding = (...flags: ReadonlyArray<string>) =>
  start(settings, ["projection", "rebuild", "cart-views", "--json", ...flags])

/** The cart at work, without messages. */
const cart = Effect.sync(() => {
  const place = database({ url: Redacted.make(url.href) })
  return Running.cart({
    write: place,
    read: place,
    roles: new Set(["command", "query", "projection"]),
    // Not asked for by these roles.
    broker: Broker.layerMemory()
  })
})

const imported = () => {
  const folder = join(root, "orders")
  mkdirSync(folder)
  const wanted =
    process.env.REBUILD_FILES === "all" ? readdirSync(data).filter((file) => file.endsWith(".gz")) : ["2011-02.csv.gz"]
  for (const file of wanted) copyFileSync(join(data, file), join(folder, file))
  return start(settings, ["import", "online-retail", folder, "--json", "--rejects", join(root, "r.csv")]).ended
}

/** How many events the rebuild has applied; 0 before it has begun. */
const rebuilt = async () => {
  const [there] = await ask(
    "SELECT (to_regclass('cart_rebuild_cart_views.projection_offset') IS NOT NULL)::integer AS n"
  )
  if (there!.n === 0) return 0
  const [row] = await ask(
    "SELECT coalesce(sum(position), 0)::float8 AS n FROM cart_rebuild_cart_views.projection_offset"
  )
  return row!.n!
}

/** Waits until the rebuild has applied so many events. */
const until = async (events: number, ended: Promise<unknown>) => {
  let over = false
  void ended.then(() => {
    over = true
  })
  while (!over && (await rebuilt()) < events) await new Promise((resolve) => setTimeout(resolve, 20))
}

const percentile = (millis: ReadonlyArray<number>, part: number) =>
  Math.round(millis.toSorted((a, b) => a - b)[Math.floor((millis.length - 1) * part)]!)

const same = (compared: ReadonlyArray<{ onlyLive: number; onlyRebuilt: number; different: number }>) =>
  compared.map(({ onlyLive, onlyRebuilt, different }) => onlyLive + onlyRebuilt + different)

if (!present) console.warn(`Skipped: there are no order lines in ${data}. Put the data set there to test with it.`)

describe.skipIf(!present)("a rebuild of the cart's views from real order lines", () => {
  beforeAll(async () => {
    await on(
      given,
      Effect.flatMap(SqlClient, (sql) => sql.unsafe(`CREATE DATABASE ${name}`))
    )
    const { code, err } = await imported()
    expect(code, err).toBe(0)
  }, 900_000)

  afterAll(async () => {
    await on(
      given,
      Effect.flatMap(SqlClient, (sql) => sql.unsafe(`DROP DATABASE ${name} WITH (FORCE)`))
    )
    rmSync(root, { recursive: true, force: true })
  })

  it("that is killed goes on from where it was, and one that is interrupted says how to", async () => {
    const killed = rebuilding("--rate", "4000")
    await until(3_000, killed.ended)
    killed.child.kill("SIGKILL")
    expect(await killed.ended).toMatchObject({ code: -1, out: "" })
    const before = await rebuilt()
    const interrupted = rebuilding("--rate", "4000")
    await until(before + 3_000, interrupted.ended)
    interrupted.child.kill("SIGINT")
    const stopped = await interrupted.ended
    expect(stopped).toMatchObject({ code: 130, out: "" })
    expect(stopped.err).toMatch(/^Stopped\. The live read model is as it was\. .*the same command goes on.*--abandon/m)
    expect(await rebuilt()).toBeGreaterThanOrEqual(before + 3_000)
    const { code, out, err } = await rebuilding("--compare").ended
    expect(code, err).toBe(0)
    const done = JSON.parse(out)
    expect(done).toMatchObject({ projection: "cart-views", resumed: true, switched: true })
    expect(same(done.compared)).toEqual([0, 0, 0])
  })

  it("while customers go on fails no query and shows nothing stale, and is the live one row by row", async () => {
    const { result, traffic } = await Effect.gen(function* () {
      const busy = CartTraffic.during(
        commandsPerSecond,
        Effect.gen(function* () {
          const first = yield* Effect.promise(() => rebuilding().ended)
          const second = yield* Effect.promise(() => rebuilding("--compare").ended)
          return [first, second]
        })
      )
      return yield* Effect.provide(busy, yield* cart)
    }).pipe(Effect.scoped, Effect.runPromise)
    const done = result.map(({ code, out, err }) => {
      expect(code, err).toBe(0)
      return JSON.parse(out)
    })
    for (const one of done) expect(one).toMatchObject({ switched: true, resumed: false })
    expect(same(done[1].compared)).toEqual([0, 0, 0])
    expect(traffic.failures).toEqual([])
    expect(traffic.stale).toBe(0)
    expect(traffic.commands).toBeGreaterThan((traffic.seconds * commandsPerSecond) / 2)
    expect(traffic.queries).toBeGreaterThan(traffic.commands)
    const after = await rebuilding("--compare", "--dry-run").ended
    expect(same(JSON.parse(after.out).compared)).toEqual([0, 0, 0])
    const figures = done.map(({ positions, seconds, heldMillis }) => ({
      events: positions.reduce((sum: number, position: number) => sum + position, 0),
      seconds,
      heldMillis
    }))
    const { commands, seconds, queries, queryMillis } = traffic
    const [p50, p99, max] = [0.5, 0.99, 1].map((part) => percentile(queryMillis, part))
    console.log(JSON.stringify({ figures, seconds, commands, queries, queryMillis: { p50, p99, max } }))
  }, 600_000)
})
