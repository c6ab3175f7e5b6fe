/**
 * What the operators of an older release rely on: its store opens with today's code, says what it said, and goes on. Declared by
 * `Release.test.ts` for the embedded store and by `Release.integration.ts` for PostgreSQL.
 */
import { readFileSync } from "node:fs"
import { gunzipSync } from "node:zlib"
import { evolveAll } from "@daybook/core/Aggregate"
import { Journal } from "@daybook/core/Journal"
import * as Partition from "@daybook/core/Partition"
import { recover, stateReader } from "@daybook/core/Recovery"
import { Snapshots } from "@daybook/core/Snapshot"
import type { Database } from "@daybook/postgres/Database"
import * as Stores from "@daybook/postgres/Stores"
import * as Parts from "@daybook/shop/Parts"
import { database } from "@daybook/shop/Place"
import * as Server from "@daybook/shop/Server"
import * as Settings from "@daybook/shop/Settings"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { HttpServer } from "effect/http"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import { SqlClient } from "effect/sql/SqlClient"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { aggregates } from "../../src/ServiceAggregates.ts"
import { kept } from "../../src/ServiceProjections.ts"
import { daybook } from "../Orders.ts"
import type { Answer, Recorded } from "./Life.ts"
import type { RecordedState } from "./States.ts"

const read = (release: string, what: string): string =>
  gunzipSync(readFileSync(new URL(`${release}.${what}.gz`, import.meta.url))).toString("utf8")

/** The database of a release, as SQL. */
export const dumpOf = (release: string): string => read(release, "sql")

/** Where a release's store is. */
export interface Store {
  /** As the environment of the shop and of the command line has them. */
  readonly settings: Readonly<Record<string, string>>
  /** Loads the dump; before that there is nothing. */
  readonly load: (dump: string) => Promise<void>
  readonly remove: () => Promise<void>
}

/** What goes by message is left out: the other side of that, the provider's books, is not in the store. */
const roles: Settings.Roles = new Set(["command", "query", "projection"])

/** Today's shop on a store, and the store's client. */
const shopOf = Layer.unwrap(
  Effect.gen(function* () {
    const parts = yield* Parts.fromEnvironment(Settings.serviceNames, roles)
    const { write } = yield* Settings.sides("order")
    return Layer.merge(Server.layer({ host: "127.0.0.1", port: 0 }, parts), database(write))
  })
)

const startShop = async ({ settings }: Store) => {
  const scope = Effect.runSync(Scope.make())
  const context = await Layer.buildWithScope(shopOf, scope).pipe(
    Effect.provideService(References.MinimumLogLevel, "Error"),
    Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ ...settings, DEMO_STOCK: "false" }))),
    Effect.runPromise
  )
  const { address } = Context.get(context, HttpServer.HttpServer)
  if (!("port" in address)) throw new Error("The server has no port")
  const call = async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const response = await fetch(`http://127.0.0.1:${address.port}${path}`, {
      method,
      headers: { "content-type": "application/json", connection: "close" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    const text = await response.text()
    return { status: response.status, body: text === "" ? undefined : JSON.parse(text) }
  }
  const run = <A, E>(work: Effect.Effect<A, E, SqlClient | Database>) =>
    Effect.runPromise(Effect.provideContext(work, context))
  const query = (text: string) => run(Effect.flatMap(SqlClient, (sql) => sql.unsafe(text)))
  return { call, run, query, stop: () => Effect.runPromise(Scope.close(scope, Exit.void)) }
}

/** Today's shop, at work. */
type Shop = Awaited<ReturnType<typeof startShop>>

const serviceOf = (schema: string): Settings.ServiceName =>
  Settings.serviceNames.find((service) => kept[service].schema === schema)!

const aggregateOf = ({ schema, stream }: RecordedState) => {
  const name = stream.slice(0, stream.indexOf("-"))
  return aggregates[serviceOf(schema)].find((aggregate) => aggregate.name === name)!
}

/** What today's code makes of the streams of a schema: recovered as an entity is, and from the events alone. */
const recovered = (schema: string, states: ReadonlyArray<RecordedState>) =>
  Effect.gen(function* () {
    const stores = { journal: yield* Journal, snapshots: yield* Snapshots }
    return yield* Effect.forEach(states, (recorded) =>
      Effect.gen(function* () {
        const aggregate = aggregateOf(recorded)
        const readState = stateReader(aggregate)
        const codec = { encode: (state: unknown) => state, decode: readState }
        const { state, version } = yield* recover({ aggregate, stores, codec })(recorded.stream)
        const events = yield* stores.journal.readStream(recorded.stream)
        const folded = evolveAll(
          aggregate,
          aggregate.initial,
          events.flatMap((one) => aggregate.events.decode(one))
        )
        return { stream: recorded.stream, version, state, folded, recorded: readState(recorded) }
      })
    )
  }).pipe(Effect.provide(Stores.writeSide({ schema })))

/** Sends commands to streams of before: one of before, and new ones. */
const goOn = async ({ call }: Shop) => {
  const before = {
    shipmentId: "s-1",
    carrier: "DHL",
    trackingNumber: "JD-1",
    lines: [{ lineId: "1", quantity: 1 }]
  }
  const old = (await call("GET", "/orders/underway")).body
  expect(await call("POST", "/orders/underway/shipments", before)).toMatchObject({
    status: 202,
    body: { version: old.version }
  })
  const parcels = [
    { carrier: "DHL", trackingNumber: "JD-2" },
    { carrier: null, trackingNumber: null }
  ]
  const rest = { shipmentId: "s-2", parcels, promisedBy: "2027-01-31", lines: [{ lineId: "1", quantity: 2 }] }
  const { body } = await call("POST", "/orders/underway/shipments", rest)
  expect(body.version).toBe(old.version + 1)
  const now = await call("GET", `/orders/underway?atLeastVersion=${body.version}`)
  expect(now.body.shipments).toMatchObject([...old.shipments, { shipmentId: "s-2", parcels, promisedBy: "2027-01-31" }])
  const commands: ReadonlyArray<readonly [string, unknown?]> = [
    ["/orders/underway/returns/r-1/receipt", { lines: [{ lineId: "1", quantity: 1 }] }],
    ["/orders/untouched/cancellation", {}],
    ["/carts/cart-changed/items", { sku: "MUG-WHITE", quantity: 1 }],
    ["/carts/cart-changed/checkout", {}],
    ["/stock/MUG-BLUE/main/receipts", { quantity: 5, reference: "delivery-of-today" }],
    ["/payments/whole/refunds", { amount: { amountMinor: 1, currency: "GBP" }, reason: "Goodwill" }],
    ["/checkouts/confirming/cancellation"]
  ]
  for (const [path, sent] of commands) {
    expect({ path, ...(await call("POST", path, sent)) }).toMatchObject({ path, status: 202 })
  }
}

/** Writes what a later release might; answers the last position of it. */
const writeLater = async ({ query }: Shop): Promise<number> => {
  const columns =
    "position, occurred_at, recorded_at, event_id, version, partition, schema_version, is_receipt, stream, type, data"
  const event = (position: number, schemaVersion: number, stream: string, type: string, data: string) =>
    `INSERT INTO orders.event (${columns}) VALUES (${position}, now(), now(), gen_random_uuid(), 1, 0, ${schemaVersion}, false,
     '${stream}', '${type}', '${data}')`
  await query("UPDATE orders.partition SET head = head + 3 WHERE id = 0")
  const [{ head }] = (await query("SELECT head::integer AS head FROM orders.partition WHERE id = 0")) as [
    { head: number }
  ]
  await query(event(head - 2, 4, "order-later", "OrderShipped", "{}"))
  await query(event(head - 1, 1, "order-later2", "OrderGiftWrapped", "{}"))
  await query(event(head, 1, "order-broken", "OrderClosed", '{"cartId": 7}'))
  await query(`INSERT INTO orders.state VALUES (now(), 3, 99, 'order-later', '{}')`)
  await query(`INSERT INTO orders.snapshot VALUES (now(), 3, 99, 'order-later', '{}')`)
  return head
}

/** What is told of that. */
const unreadableUpTo = (head: number) => {
  const first = { service: "order", kind: "event", partition: 0, version: 1, schemaVersion: 1 }
  const later = expect.stringContaining("deploy the release that wrote it")
  const state = { service: "order", partition: null, position: null, stream: "order-later", version: 3, type: "order" }
  return [
    { ...first, stream: "order-later", position: head - 2, type: "OrderShipped", schemaVersion: 4, why: later },
    {
      ...first,
      stream: "order-later2",
      position: head - 1,
      type: "OrderGiftWrapped",
      why: "this code has no event of that name"
    },
    { ...first, stream: "order-broken", position: head, type: "OrderClosed", why: expect.stringContaining("cartId") },
    { ...state, kind: "state", schemaVersion: 99, why: later },
    { ...state, kind: "snapshot", schemaVersion: 99, why: later }
  ]
}

/** Declares the tests. */
export const releaseSuite = (release: string, open: () => Promise<Store>): void => {
  const answers: ReadonlyArray<Recorded> = JSON.parse(read(release, "answers.json"))
  const states: ReadonlyArray<RecordedState> = JSON.parse(read(release, "states.json"))

  const schemas = [...new Set(states.map(({ schema }) => schema))]

  describe(`a store of ${release}`, () => {
    let store: Store
    let shop: Shop

    const answersAgain = async (about: RegExp = /^/u) => {
      const asked = answers.filter(({ path }) => about.test(path))
      const now = await Promise.all(
        asked.map(async ({ path }) => ({ path, body: (await shop.call("GET", path)).body }))
      )
      expect(now).toMatchObject(asked)
    }

    beforeAll(async () => {
      store = await open()
      await store.load(dumpOf(release))
    })

    afterAll(() => store.remove())

    it("can be checked before it is migrated: there is nothing that today's code would not read", async () => {
      const { code, out } = await daybook(store.settings, "events", "check", "--json")
      const { services, events, failing, passedOver } = JSON.parse(out)
      const had = Settings.serviceNames.filter((service) => schemas.includes(kept[service].schema))
      expect({ code, services, failing, passedOver }).toEqual({
        code: 0,
        services: had,
        failing: 0,
        passedOver: 0
      })
      expect(events).toBeGreaterThan(900)
    })

    it("is migrated, and today's shop answers what the release did, and more at most", async () => {
      shop = await startShop(store)
      expect(answers.length).toBeGreaterThan(100)
      await answersAgain()
    })

    it("has every aggregate in the state that the release had it in, also from its events alone", async () => {
      const bySchema = Map.groupBy(states, ({ schema }) => schema)
      for (const [schema, ofSchema] of bySchema) {
        const now = await shop.run(recovered(schema, ofSchema))
        expect(now.map(({ stream, version }) => ({ stream, version }))).toEqual(
          ofSchema.map(({ stream, version }) => ({ stream, version }))
        )
        for (const { stream, state, folded, recorded } of now) {
          expect({ stream, state, folded }).toEqual({ stream, state: recorded, folded: recorded })
        }
      }
    })

    it("has read models that are the same when they are built anew from what the release stored", async () => {
      await shop.query("TRUNCATE orders.order_view, orders.order_line, orders.order_timeline")
      await shop.query("UPDATE orders.projection_offset SET position = 0 WHERE projection = 'order-views'")
      await shop.stop()
      shop = await startShop(store)
      const orders = states.filter(({ stream }) => stream.startsWith("order-"))
      for (const { stream, version } of orders) {
        const { status } = await shop.call("GET", `/orders/${Partition.idOf(stream)}?atLeastVersion=${version}`)
        expect(status).toBe(200)
      }
      await answersAgain(/^\/orders|confirmed-revenue/u)
    })

    it("goes on: commands of before are known again, and new ones add to what there is", async () => {
      await goOn(shop)
    })

    it("is told about by name where a later release has written what this one cannot read", async () => {
      const head = await writeLater(shop)
      await shop.query("DROP SCHEMA checkout CASCADE")
      await shop.stop()

      const { code, out } = await daybook(store.settings, "events", "check", "--service", "order", "--json")
      expect(code).toBe(1)
      const found = JSON.parse(out)
      expect(found).toMatchObject({ services: ["order"], failing: 4, passedOver: 1 })
      expect(found.unreadable).toEqual(unreadableUpTo(head))

      const people = await daybook(store.settings, "events", "check")
      expect(people.code).toBe(1)
      expect(people.out).toMatch(/order +OrderShipped +1 +4 +raised by upcasters\n/u)
      expect(people.out).toMatch(/order +OrderShipped +3 +1 +current\n/u)
      expect(people.out).toMatch(/order +OrderShipped +4 +1 +1 UNREADABLE\n/u)
      expect(people.out).toContain(
        `order: OrderGiftWrapped (schema version 1) at version 1 of stream order-later2, partition 0 position ${head - 1}: this code has`
      )
      expect(people.out).toContain("This release cannot read 4 events or states, and would stop at them.")
    })

    it("is not taken for one in order where a service has not run on it", async () => {
      const { code, out, err } = await daybook(store.settings, "events", "check", "--service", "checkout")
      expect({ code, out }).toEqual({ code: 1, out: "" })
      expect(err).toMatch(/nothing to check: the checkout has not run .*DAYBOOK_HOME/u)
    })
  })
}
