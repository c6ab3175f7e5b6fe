/**
 * What someone who carries order lines through whole checkouts relies on: with enough stock every cart is bought and the revenue is
 * that of the lines; with too little nothing is sold twice and every cart is bought or given back; and being killed changes nothing.
 */
import { existsSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import * as ProjectionStore from "@daybook/core/ProjectionStore"
import * as Database from "@daybook/postgres/Database"
import * as SqlProjectionStore from "@daybook/postgres/SqlProjectionStore"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import { afterAll, describe, expect, it } from "vitest"
import { csv, daybook, folder, line, scratch, start } from "./Orders.ts"

const root = scratch()

const countries = ["United Kingdom", "France", ""]

interface Sold {
  readonly invoice: string
  readonly sku: string
  readonly quantity: number
  readonly price: number
  readonly country: string
}

/** Invoices that interrupt one another, all of them with some of the same products; one product twice in an invoice. */
const sold = Array.from({ length: 60 }, (_, i): Sold => {
  const invoice = 700 + Math.floor(i / 12) * 3 + (i % 3)
  return {
    invoice: `${invoice}`,
    sku: `S${i % 4 === 0 ? 0 : i % 11}`,
    quantity: (i % 5) + 1,
    price: (i % 7) + 1,
    country: countries[invoice % 3]!
  }
})

const lines = sold.map(({ quantity, price, ...one }) =>
  line({ ...one, quantity: `${quantity}`, price: `${price}.00`, customer: "17850.0" })
)

const orders = folder({
  "1.csv": csv(...lines.slice(0, 35), line({ invoice: "C700", quantity: "-1" })),
  // Its only line is one that no cart takes: there is nothing to check out.
  "2.csv.gz": csv(...lines.slice(35), line({ invoice: "900", quantity: "100001", price: "1.00" }))
})

const sum = (some: ReadonlyArray<Sold>): number =>
  some.reduce((total, { quantity, price }) => total + quantity * price * 100, 0)

/** Worked out from the lines by another way than the import's. */
const byCountry = {
  France: sum(sold.filter(({ country }) => country === "France")),
  Unspecified: sum(sold.filter(({ country }) => country === "")),
  "United Kingdom": sum(sold.filter(({ country }) => country === "United Kingdom"))
}

const invoices = new Set(sold.map(({ invoice }) => invoice)).size

const expected = {
  lines: 62,
  accepted: 60,
  rejected: { QuantityOutOfRange: 1, cancellation: 1 },
  cartsCheckedOut: invoices,
  customers: 1,
  skus: 11,
  revenueMinor: sum(sold),
  revenueMinorByCountry: byCountry,
  checkouts: { started: invoices, confirmed: invoices, restored: 0, needsAttention: 0 },
  confirmedRevenueByCountry: byCountry,
  oversold: 0
}

afterAll(() => {
  for (const path of [root, orders]) rmSync(path, { recursive: true, force: true })
})

const argumentsOf = (store: string, ...flags: ReadonlyArray<string>) => [
  ...["import", "online-retail", orders, "--json", "--rejects", join(root, `${store}.rejects.csv`)],
  ...flags
]

const storeOf = (name: string) => ({ DAYBOOK_HOME: join(root, name) })

const importing = (store: string, ...flags: ReadonlyArray<string>) =>
  daybook(storeOf(store), ...argumentsOf(store, ...flags))

interface Listed {
  readonly name: string
  readonly offsets: ReadonlyArray<{ readonly position: number }>
}

/** How many events there are of each service, as its projections have seen them. */
const positions = async (store: string) => {
  const { out } = await daybook(storeOf(store), "projection", "list", "--json")
  return JSON.parse(out).map(({ name, offsets }: Listed) => [name, offsets.map(({ position }) => position)])
}

/** Does what a worker of the inventory would, on the store that the commands work on. */
const onInventory = (
  store: string,
  work: (store: ProjectionStore.ProjectionStore["Service"]) => Effect.Effect<unknown, Error>
) =>
  Effect.flatMap(ProjectionStore.ProjectionStore, work).pipe(
    Effect.provide(
      SqlProjectionStore.layer("inventory").pipe(Layer.provide(Database.layer({ folder: join(root, store) })))
    ),
    Effect.runPromise
  )

/** Asks the database of a store. */
const query = (store: string, text: string) =>
  Effect.flatMap(SqlClient, (sql) => sql.unsafe(text)).pipe(
    Effect.provide(Database.layer({ folder: join(root, store) })),
    Effect.runPromise
  )

/** What is held for checkouts that have not been paid. */
const held = (store: string) => query(store, "SELECT sum(reserved)::integer AS held FROM inventory.stock_level")

/** Which events, of all services, did not occur when the invoices were written. */
const ofAnotherTime = (store: string) => {
  const written = "timestamptz '2010-12-01 08:26:00+00'"
  const schemas = ["cart", "orders", "inventory", "payment", "checkout"]
  const all = schemas.map((schema) => `SELECT type FROM ${schema}.event WHERE occurred_at <> ${written}`)
  return query(store, `${all.join(" UNION ")} ORDER BY type`)
}

const patience = 120_000

describe("an import with checkouts, and enough stock", () => {
  it(
    "takes up the carts of an import without, and has each of them bought",
    async () => {
      expect((await importing("enough")).code).toBe(0)
      const report = join(root, "out/report.json")
      const { code, out, err } = await importing("enough", "--checkout", "--report", report)
      expect(code, err).toBe(0)
      expect(JSON.parse(out)).toEqual(expected)
      expect(JSON.parse(readFileSync(report, "utf8"))).toEqual(expected)
    },
    patience
  )

  it(
    "has everything that came of the invoices occur when they were written, but for what the provider says unasked",
    async () => {
      expect(await ofAnotherTime("enough")).toEqual([{ type: "NotificationRecorded" }])
    },
    patience
  )

  it(
    "changes nothing when it is run again, and tells people what came of it",
    async () => {
      const before = await positions("enough")
      const { code, out } = await daybook(
        storeOf("enough"),
        ...argumentsOf("enough", "--checkout").filter((argument) => argument !== "--json")
      )
      expect(code).toBe(0)
      expect(out).toMatch(/^All 62 lines had been imported before; nothing was changed\./)
      expect(out).toMatch(/checkouts +15\n {2}confirmed +15\n {2}restored +0\n/)
      expect(out).toMatch(/stock items oversold +0\n/)
      expect(await positions("enough")).toEqual(before)
    },
    patience
  )

  it(
    "refuses to receive another quantity of the same goods, and says what to do",
    async () => {
      const before = await positions("enough")
      const { code, out, err } = await importing("enough", "--checkout", "--stock", "50")
      expect({ code, out }).toEqual({ code: 1, out: "" })
      expect(err).toMatch(/^Stock for these order lines was received before, .*Give --stock the same value/m)
      expect(await positions("enough")).toEqual(before)
    },
    patience
  )

  it(
    "has a reaction's stream taken back in from the command line, which sends again what was sent before",
    async () => {
      const { name, stream } = { name: "inventory-reservation-reaction", stream: "reservation-import-700" }
      const parked = { stream, partition: 0, version: 1, position: 1, reason: "broken", parkedAtMillis: 0 }
      await onInventory("enough", (store) =>
        Effect.flatMap(store.offsets(name), (offsets) => {
          const { partition, position } = offsets.find((one) => one.position > 0)!
          return store.park(name, { ...parked, partition, position })
        })
      )
      const { code, out, err } = await daybook(storeOf("enough"), "projection", "unpark", name, stream)
      expect(code, err).toBe(0)
      expect(out).toMatch(/^inventory-reservation-reaction +inventory +0 {2}in order$/m)
    },
    patience
  )
})

describe("an import with checkouts, and too little stock", () => {
  it(
    "sells nothing twice, and has every cart bought or given back",
    async () => {
      const { code, out, err } = await importing("short", "--checkout", "--stock", "90")
      expect(code, err).toBe(0)
      const { checkouts, ...report } = JSON.parse(out)
      expect(report).toMatchObject({ lines: 62, accepted: 60, oversold: 0 })
      expect(checkouts).toMatchObject({ started: invoices, needsAttention: 0 })
      expect(checkouts.confirmed + checkouts.restored).toBe(invoices)
      expect(checkouts.restored).toBeGreaterThan(0)
      expect(report.cartsCheckedOut).toBe(checkouts.confirmed)
      // What the order service has confirmed is what the carts that were bought come to.
      expect(report.confirmedRevenueByCountry).toEqual(report.revenueMinorByCountry)
      expect(await held("short")).toEqual([{ held: 0 }])
      expect((await importing("short", "--checkout", "--stock", "90")).out).toBe(out)
    },
    patience
  )
})

describe("an import with checkouts that is killed", () => {
  it(
    "again and again ends with every cart bought once",
    async () => {
      const lock = join(root, "killed/lock.json")
      const moments: Array<number> = []
      for (let round = 0; round < 2; round++) {
        const running = start(storeOf("killed"), argumentsOf("killed", "--checkout"))
        while (!existsSync(lock)) await new Promise((resolve) => setTimeout(resolve, 20))
        moments.push(Math.round(1_500 + Math.random() * 3_000))
        await Promise.race([new Promise((resolve) => setTimeout(resolve, moments.at(-1))), running.ended])
        running.child.kill("SIGKILL")
        await running.ended
      }
      const { code, out, err } = await importing("killed", "--checkout")
      expect({ code, moments }, err).toEqual({ code: 0, moments })
      expect(JSON.parse(out), `Killed after ${moments.join(", ")} ms`).toEqual(expected)
    },
    patience
  )
})

describe("an import that makes no sense is refused before anything is written", () => {
  it("where the payments would be real ones", async () => {
    const { code, err } = await daybook(
      { ...storeOf("none"), PAYMENT_PROVIDER: "stripe" },
      ...argumentsOf("none", "--checkout")
    )
    expect(code).toBe(1)
    expect(err).toMatch(/^--checkout pays by the simulated provider, and PAYMENT_PROVIDER is stripe\./)
    expect(existsSync(join(root, "none"))).toBe(false)
  })

  it("with stock and no checkouts", async () => {
    const { code, err } = await importing("none", "--stock", "90")
    expect({ code, err }).toEqual({
      code: 1,
      err: "--stock says how much --checkout has in stock. Give both, or neither."
    })
    expect(existsSync(join(root, "none"))).toBe(false)
  })
})
