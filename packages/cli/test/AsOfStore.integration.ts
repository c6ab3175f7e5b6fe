/**
 * What whoever asks about the past relies on: the answer is that of the day, by the time that was meant; the live read model and its
 * store stay as they are; and what is kept is there until it is dropped. Each question opens the store anew, as people's do.
 */
import { rmSync } from "node:fs"
import { join } from "node:path"
import type * as AsOf from "@daybook/core/AsOf"
import * as Database from "@daybook/postgres/Database"
import * as SqlAsOf from "@daybook/postgres/SqlAsOf"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { SqlClient } from "effect/sql/SqlClient"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as AsOfStore from "../src/AsOfStore.ts"
import { csv, daybook, folder, line, scratch } from "./Orders.ts"

const root = scratch()
const settings = { DAYBOOK_HOME: join(root, "store") }

/** Two carts of March, one of April that was begun in March, and one of April. */
const orders = folder({
  "1.csv": csv(
    line({ invoice: "1", quantity: "2", price: "1.00", date: "2011-03-30 10:00:00", customer: "17850" }),
    line({ invoice: "2", quantity: "3", price: "1.00", date: "2011-03-31 23:59:00", country: "France" }),
    line({ invoice: "3", quantity: "4", price: "1.00", date: "2011-03-31 23:59:00" }),
    line({ invoice: "3", quantity: "5", price: "1.00", date: "2011-04-01 00:00:00" }),
    line({ invoice: "4", quantity: "6", price: "1.00", date: "2011-04-02 09:00:00", country: "France" })
  )
})

const asOf = (...args: ReadonlyArray<string>) => daybook(settings, "projection", "as-of", ...args)

/** What it says on standard output, where it succeeds. */
const said = async (...args: ReadonlyArray<string>) => {
  const { code, out, err } = await asOf(...args)
  expect(code, err).toBe(0)
  return out
}

const json = async (...args: ReadonlyArray<string>) => JSON.parse(await said("--json", ...args))

/** What it says when it cannot do what it was asked, besides how far it has come: that it says where it takes a while. */
const refusal = async (...args: ReadonlyArray<string>) => {
  const { code, out, err } = await asOf(...args)
  expect({ code, out }).toEqual({ code: 1, out: "" })
  return err.replaceAll(/^Making .*\n/gm, "")
}

const inStore = <A, E>(work: Effect.Effect<A, E, SqlClient>) =>
  work.pipe(Effect.provide(Database.layer({ folder: settings.DAYBOOK_HOME })), Effect.runPromise)

const query = <Row extends object>(text: string) => inStore(Effect.flatMap(SqlClient, (sql) => sql.unsafe<Row>(text)))

const schemas = async () =>
  (
    await query<{ readonly name: string }>("SELECT nspname::text AS name FROM pg_namespace WHERE nspname LIKE '%asof%'")
  ).map(({ name }) => name)

const occurred = (at: string) => ["cart-views", "--at", at, "--by", "occurred"]

beforeAll(async () => {
  const { code, err } = await daybook(
    settings,
    "import",
    "online-retail",
    orders,
    "--json",
    "--rejects",
    join(root, "r")
  )
  expect(code, err).toBe(0)
})

afterAll(() => {
  for (const path of [root, orders]) rmSync(path, { recursive: true, force: true })
})

describe("a read model as of some time", () => {
  it("by occurred time holds what had happened in the business, a day counting to its end", async () => {
    expect(await said(...occurred("2011-03-31"), "--", "revenue")).toBe(
      [
        "cart-views as of 2011-03-31T23:59:59.999Z by occurred time",
        "",
        "COUNTRY         CARTS     TOTAL",
        "France              1  GBP 3.00",
        "United Kingdom      1  GBP 2.00",
        "all                 2  GBP 5.00"
      ].join("\n")
    )
    const { answer, ...head } = await json(...occurred("2011-03-31T23:58:59Z"), "--", "revenue", "United Kingdom")
    expect(head).toEqual({
      projection: "cart-views",
      at: "2011-03-31T23:58:59.000Z",
      by: "occurred",
      positions: {},
      events: 3,
      query: "revenue",
      args: ["United Kingdom"]
    })
    expect(answer).toEqual([
      { country: "United Kingdom", day: "2011-03-30", carts: 1, total: { amountMinor: 200, currency: "GBP" } }
    ])
  })

  it("by recorded time holds what was known then: of an import of old orders nothing in those days, and now everything", async () => {
    const at = async (instant: string) => (await json("cart-views", "--at", instant, "--", "revenue")).answer
    expect(await at("2011-03-31")).toEqual([])
    expect(await at("2100-01-01")).toHaveLength(4)
  })

  it("shows a cart as it was, with the lines that it had, and none that there was not", async () => {
    const cart = async (at: string) => (await json(...occurred(at), "--", "cart", "3")).answer
    expect(await cart("2011-03-31")).toMatchObject({ status: "open", version: 2, total: { amountMinor: 400 } })
    expect(await cart("2011-04-01T00:00:00Z")).toMatchObject({ status: "checking-out", lineCount: 2, version: 4 })
    expect(await refusal(...occurred("2011-03-30"), "--", "cart", "3")).toBe(
      "There was no cart 3 in cart-views as of 2011-03-30T23:59:59.999Z by occurred time."
    )
    const table = await said(...occurred("2011-03-31"), "--", "cart", "3")
    expect(table).toMatch(/^status +open$/m)
    expect(table).toMatch(/^85123A +WHITE HANGING HEART T-LIGHT HOLDER +4 +GBP 1\.00$/m)
  })

  it("lists a customer's carts of then", async () => {
    const carts = async (at: string) =>
      (await json(...occurred(at), "--", "carts-of", "17850")).answer.map(({ id }: { id: string }) => id)
    expect(await carts("2011-03-30")).toEqual(["1"])
    expect(await carts("2011-04-02")).toEqual(["4", "3", "2", "1"])
    expect(await said(...occurred("2011-03-29"), "--", "carts-of", "17850")).toMatch(/\n\nNone\.$/)
  })

  it("by positions holds each partition up to there", async () => {
    const heads = await query<{ readonly partition: number; readonly head: number }>(
      "SELECT partition, max(position)::integer AS head FROM cart.event GROUP BY 1 ORDER BY 1"
    )
    const whole = heads.flatMap(({ partition, head }) => ["--position", `${partition}:${head}`])
    const { events, positions } = await json("cart-views", ...whole)
    expect(events).toBe(13)
    expect(Object.keys(positions)).toHaveLength(heads.length)
    const { partition, head } = heads[0]!
    const before = ["cart-views", "--position", `${partition}:${head - 1}`]
    expect((await json(...before)).events).toBe(12)
    expect((await json(...before, "--at", "2011-03-30", "--by", "occurred")).events).toBeLessThanOrEqual(3)
  })

  it("without a question says how many events it holds and what can be asked", async () => {
    const out = await said(...occurred("2011-03-31"))
    expect(out).toMatch(/^cart-views as of 2011-03-31T23:59:59\.999Z by occurred time: made of 8 events\.\n/)
    expect(out).toMatch(/^revenue \[COUNTRY\] +what checked-out carts come to, by country$/m)
  })

  it("leaves nothing behind, and the live read model as it was", async () => {
    const live = () => query("SELECT * FROM cart.cart_view ORDER BY cart_id")
    const before = await live()
    await said(...occurred("2011-03-31"), "--", "revenue")
    await refusal(...occurred("2011-03-31"), "--", "cart", "nobody's")
    expect(await live()).toEqual(before)
    expect(await schemas()).toEqual([])
  })
})

describe("one that does not come to its end", () => {
  const moment: AsOf.Moment = { at: { millis: Date.parse("2011-03-31T23:59:59Z"), by: "occurred" } }

  /** Makes one by a handler that is a little different, under a label or not, and does something with it. */
  const making = (
    { handle, label = null }: { readonly handle?: Effect.Effect<void, Error>; readonly label?: string | null },
    use: Effect.Effect<void> = Effect.void
  ) =>
    Effect.gen(function* () {
      const model = yield* AsOfStore.modelOf("cart-views")
      const projection = (schema: string) => {
        const real = model.projection(schema)
        return handle === undefined ? real : { ...real, handle: () => handle }
      }
      yield* AsOfStore.on(
        "cart",
        AsOfStore.withMade({ ...model, projection }, { moment, label }, () => use)
      )
    }).pipe(Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(settings))))

  /** Interrupts it as soon as it has come to a certain place. */
  const interrupted = (make: (here: Effect.Effect<void>) => Effect.Effect<void, unknown>) =>
    Effect.gen(function* () {
      const arrived = yield* Deferred.make<void>()
      const fiber = yield* Effect.forkChild(make(Effect.andThen(Deferred.succeed(arrived, undefined), Effect.never)))
      yield* Deferred.await(arrived)
      yield* Fiber.interrupt(fiber)
    }).pipe(Effect.runPromise)

  it("leaves nothing when it is interrupted, while it is made or while it is asked", async () => {
    await interrupted((here) => making({ handle: here, label: "kept" }))
    expect(await schemas()).toEqual([])
    await interrupted((here) => making({}, here))
    expect(await schemas()).toEqual([])
  })

  it("leaves nothing when an event cannot be applied, which it names", async () => {
    const handle = Effect.fail(new Error("broken on purpose"))
    const error = await Effect.runPromise(Effect.flip(making({ handle, label: "kept" })))
    expect((error as Error).message).toMatch(
      /^Projection cart-views cannot apply CartOpened at version 1 of stream cart-\d/
    )
    expect(await schemas()).toEqual([])
  })
})

describe("what is kept", () => {
  it("answers more questions, is listed, and goes when it is dropped", async () => {
    await said(...occurred("2011-03-31"), "--keep", "quarter", "--", "revenue")
    const [first] = await json("--list")
    expect(first).toMatchObject({ label: "quarter", projection: "cart-views", service: "cart", events: 8 })
    // It is not made again.
    await query(`UPDATE ${first.schema}.cart_view SET country = 'Utopia'`)
    const cart = async (...more: ReadonlyArray<string>) =>
      (await json("cart-views", "--keep", "quarter", ...more, "--", "cart", "1")).answer.country
    expect(await cart()).toBe("Utopia")
    expect(await cart("--at", "2011-03-31", "--by", "occurred")).toBe("Utopia")
    expect(await said("--list")).toMatch(/^quarter +cart-views +2011-03-31T23:59:59\.999Z by occurred time +8 /m)
    expect(await said("--drop", "quarter")).toBe(`Dropped ${first.schema}.`)
    expect(await said("--list")).toBe("None is kept.")
    expect(await schemas()).toEqual([])
  })

  it("is not taken for what it is not", async () => {
    await said(...occurred("2011-03-31"), "--keep", "march")
    const drop = "Give another label, or drop it: daybook projection as-of --drop march"
    expect(await refusal(...occurred("2011-03-30"), "--keep", "march")).toBe(
      `march is as of 2011-03-31T23:59:59.999Z by occurred time. ${drop}`
    )
    expect(await refusal("cart-views", "--at", "2011-03-31", "--keep", "march")).toContain(drop)
    await said("--drop", "march")
  })

  it("has its label once, also where two ask for it at once; and what was left unfinished is said to be so, and dropped", async () => {
    const about = { projection: "cart-views", label: "twice", atMillis: 0, by: "occurred", positions: {} } as const
    const create = Effect.exit(SqlAsOf.create("cart", { ...about, madeAtMillis: 1, events: null }, []))
    const ends = await inStore(Effect.all([create, create], { concurrency: 2 }))
    expect(ends.map(({ _tag }) => _tag).sort()).toEqual(["Failure", "Success"])
    expect(await refusal("cart-views", "--keep", "twice")).toMatch(/^twice is being made, or was left unfinished/)
    expect(await said("--list")).toMatch(/ unfinished /)
    await said("--drop", "cart_asof_1")
    expect(await schemas()).toEqual([])
  })
})

describe("what does not fit the store is refused, with what to do", () => {
  it.each([
    [["cart-views", "--keep", "new"], "Say as of when"],
    [["cart-views", "--position", "99:1"], "There is no partition 99: the journal's are 0 to 7."],
    [["cart-views", "--position", "0:999"], /^Partition 0 has come to position \d+, not 999\./],
    [["payment-views", "--at", "2011-03-31"], "The payment service has not run on this store."],
    [["--drop", "nothing"], 'Nothing is kept as "nothing". See daybook projection as-of --list']
  ])("as-of %j", async (args, message) => {
    const err = await refusal(...args)
    if (typeof message === "string") expect(err).toContain(message)
    else expect(err).toMatch(message)
  })
})
