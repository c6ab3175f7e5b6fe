/**
 * What someone who asks a service about the past relies on, over HTTP: what was shown then is what is shown for then, every version says
 * who, when and why, and a question that makes no sense is told so. The services as they are, in one embedded store, without a socket.
 */
import type { Entities } from "@daybook/core/Entities"
import { Journal } from "@daybook/core/Journal"
import type { Token } from "@daybook/core/PersonalToken"
import { SubjectKeys } from "@daybook/core/SubjectKeys"
import * as Database from "@daybook/postgres/Database"
import * as Stores from "@daybook/postgres/Stores"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { HttpRouter, HttpServer } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import * as JsonPatch from "effect/JsonPatch"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as fc from "fast-check"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { RequestProblems } from "../src/InvalidRequest.ts"
import { InventoryApi } from "../src/inventory/Api.ts"
import { Reservations, StockItems } from "../src/inventory/Entities.ts"
import * as InventoryHandlers from "../src/inventory/Handlers.ts"
import * as Inventory from "../src/inventory/Inventory.ts"
import { tables as inventoryTables } from "../src/inventory/Projections.ts"
import { stockItemId } from "../src/inventory/StockItemState.ts"
import { OrderApi } from "../src/order/Api.ts"
import * as OrderHandlers from "../src/order/Handlers.ts"
import * as Order from "../src/order/Order.ts"
import { tables as orderTables } from "../src/order/Projections.ts"
import { PaymentApi } from "../src/payment/Api.ts"
import * as PaymentHandlers from "../src/payment/Handlers.ts"
import * as Payment from "../src/payment/Payment.ts"
import { tables as paymentTables } from "../src/payment/Projections.ts"
import { ProviderSimulator } from "../src/payment/ProviderSimulator.ts"
import * as Recipient from "../src/Recipient.ts"
import * as InventoryGiven from "./inventory/Given.ts"
import { reservationCommands, stockCommands } from "./inventory/Life.ts"
import * as OrderGiven from "./order/Given.ts"
import { commands as orderCommands } from "./order/Life.ts"
import { commands as paymentCommands } from "./payment/Life.ts"

// --- the services ---

const database = Database.layer({ folder: undefined })

/** The stores of a service, one for each build. */
const storesOf = (schema: string, tables: Parameters<typeof Stores.readSide>[0]["tables"]) =>
  Layer.mergeAll(Stores.writeSide({ schema }), Stores.readSide({ schema, tables })).pipe(Layer.provideMerge(database))

const inventory = Layer.merge(Inventory.commandSide(), Inventory.querySide()).pipe(
  Layer.provideMerge(storesOf(Inventory.schema, inventoryTables))
)

const order = Layer.merge(Order.commandSide(), Order.querySide()).pipe(
  Layer.provideMerge(Layer.merge(storesOf(Order.schema, orderTables), SubjectKeys.layerMemory))
)

const payment = Layer.merge(Payment.commandSide(), Payment.querySide()).pipe(
  Layer.provideMerge(Layer.merge(storesOf(Payment.schema, paymentTables), ProviderSimulator.layer()))
)

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: any
}

type Get = (path: string) => Promise<Answer>

/** Answers requests to routes. */
const serve = (routes: Layer.Layer<never, never, HttpRouter.HttpRouter>) => {
  const { handler, dispose } = HttpRouter.toWebHandler(routes, {
    disableLogger: true,
    routerConfig: { maxParamLength: 16_384 }
  })
  const get: Get = async (path) => {
    const response = await handler(new Request(`http://shop${path}`), Context.empty() as never)
    return { status: response.status, headers: response.headers, body: await response.json() }
  }
  return { get, dispose }
}

const common = Layer.merge(RequestProblems.layer, HttpServer.layerServices)

const start = async () => {
  const scope = Effect.runSync(Scope.make())
  const memo = Effect.runSync(Layer.makeMemoMap)
  const build = <A>(layer: Layer.Layer<A, unknown>) => Effect.runPromise(Layer.buildWithMemoMap(layer, memo, scope))
  const inventoryContext = await build(inventory)
  const orderContext = await build(order)
  const paymentContext = await build(payment)
  const served = {
    inventory: serve(
      HttpApiBuilder.layer(InventoryApi).pipe(
        Layer.provide(InventoryHandlers.layer),
        Layer.provide(Layer.succeedContext(inventoryContext)),
        Layer.provide(common)
      )
    ),
    order: serve(
      HttpApiBuilder.layer(OrderApi).pipe(
        Layer.provide(OrderHandlers.layer),
        Layer.provide(Layer.succeedContext(orderContext)),
        Layer.provide(common)
      )
    ),
    payment: serve(
      HttpApiBuilder.layer(PaymentApi).pipe(
        Layer.provide(PaymentHandlers.layer),
        Layer.provide(Layer.succeedContext(paymentContext)),
        Layer.provide(common)
      )
    )
  }
  return {
    served,
    inventory: inventoryContext,
    order: orderContext,
    payment: paymentContext,
    stop: async () => {
      for (const { dispose } of Object.values(served)) await dispose()
      await Effect.runPromise(Scope.close(scope, Exit.void))
    }
  }
}

let running: Awaited<ReturnType<typeof start>>

const jane: Recipient.Recipient = {
  name: "Jane Doe",
  email: "jane@example.org",
  phone: null,
  address: { lines: ["1 High Street"], city: "Leeds", postalCode: "LS1", country: "United Kingdom" }
}

/** Jane, under the key of a customer. */
const sealed = (customerId: string) =>
  Effect.runPromise(Recipient.recipient.seal(customerId, jane).pipe(Effect.provideContext(running.order)))

/** Whom the orders of these tests go to. */
let recipient: Token

beforeAll(async () => {
  running = await start()
  recipient = await sealed("17850")
}, 60_000)

afterAll(() => running?.stop())

// --- the things that have a past ---

/** A kind of thing, and how to bring some of it about. */
interface Kind {
  readonly get: Get
  readonly entities: Entities<any, any, any>
  readonly aggregate: string
  /** A life of a new thing: its id, its path, and what is asked of it. */
  readonly life: (
    number: number,
    asked: ReadonlyArray<any>
  ) => { readonly id: string; readonly path: string; readonly commands: ReadonlyArray<any> }
}

const kinds = {
  "stock items": {
    lives: stockCommands.map((commands) => [InventoryGiven.receiveStock(), ...commands]),
    kind: (): Kind => ({
      get: running.served.inventory.get,
      entities: Context.get(running.inventory, StockItems),
      aggregate: "stockitem",
      life: (number, asked) => {
        const item = { sku: `sku/${number}`, location: "LONDON" }
        return {
          id: stockItemId(item),
          path: `/stock/${encodeURIComponent(item.sku)}/LONDON`,
          commands: asked.map((command) => ({ ...command, sku: item.sku }))
        }
      }
    })
  },
  reservations: {
    lives: reservationCommands,
    kind: (): Kind => ({
      get: running.served.inventory.get,
      entities: Context.get(running.inventory, Reservations),
      aggregate: "reservation",
      life: (number, commands) => ({ id: `order-${number}`, path: `/reservations/order-${number}`, commands })
    })
  },
  orders: {
    lives: orderCommands,
    kind: (): Kind => ({
      get: running.served.order.get,
      entities: Context.get(running.order, Order.Orders),
      aggregate: "order",
      life: (number, asked) => ({
        id: `order-${number}`,
        path: `/orders/order-${number}`,
        commands: asked.map((command) =>
          command.recipient === OrderGiven.sealed ? { ...command, recipient } : command
        )
      })
    })
  },
  payments: {
    lives: paymentCommands,
    kind: (): Kind => ({
      get: running.served.payment.get,
      entities: Context.get(running.payment, Payment.Payments),
      aggregate: "payment",
      life: (number, commands) => ({ id: `payment-${number}`, path: `/payments/payment-${number}`, commands })
    })
  }
} as const

let made = 0

const begin = Date.UTC(2011, 2, 31)
const minute = 60_000
const at = (millis: number) => new Date(millis).toISOString()

/** Commands of a life: enough for everything to come up in some. */
const longest = 25

/** What was shown of a thing at the time. */
interface Shown {
  readonly version: number
  readonly occurredAt: string
  readonly body: unknown
}

/** Lets a new thing live, and looks at it after each change, as its users do. Its life goes by the minute. */
const live = async (kind: Kind, asked: ReadonlyArray<unknown>) => {
  const { id, path, commands } = kind.life(++made, asked)
  const seen: Array<Shown> = []
  for (const [i, command] of commands.slice(0, longest).entries()) {
    const options = { occurredAtMillis: begin + i * minute, actor: `clerk ${i}`, reason: `reason ${i}` }
    const exit = await Effect.runPromise(Effect.exit(kind.entities.execute(id, command, options)))
    if (Exit.isFailure(exit) || exit.value.version === (seen.at(-1)?.version ?? 0)) continue
    const { status, body } = await kind.get(`${path}?atLeastVersion=${exit.value.version}`)
    expect(status, JSON.stringify(body)).toBe(200)
    seen.push({ version: exit.value.version, occurredAt: at(begin + i * minute), body })
  }
  return { id, path, seen }
}

const expectProblem = ({ status, body }: Answer, wanted: number, type: string, detail: string) => {
  expect(body).toMatchObject({ status: wanted, type: `urn:daybook:problem:${type}` })
  expect(body.detail).toContain(detail)
  expect(status).toBe(wanted)
}

const expectInvalid = (answer: Answer, path: string, message: string) => {
  expectProblem(answer, 400, "InvalidRequest", "")
  expect(answer.body.errors).toEqual([{ path: path.split("."), message: expect.stringContaining(message) }])
}

describe.each(Object.entries(kinds))("%s", (_, { lives, kind }) => {
  it("are shown as they were shown at the time, by version and by the time at which it happened", async () => {
    const of = kind()
    await fc.assert(
      fc.asyncProperty(lives as fc.Arbitrary<ReadonlyArray<unknown>>, async (asked) => {
        const { path, seen } = await live(of, asked)
        for (const { version, occurredAt, body } of seen) {
          const then = await of.get(`${path}?version=${version}`)
          expect(then.body).toEqual(body)
          expect(then.headers.get("etag")).toBe(`"${version}"`)
          const wasSo = await of.get(`${path}?asOf=${occurredAt}&by=occurred`)
          expect(wasSo.body).toEqual(body)
          expect(wasSo.headers.get("x-left-out-versions")).toBeNull()
        }
      }),
      { numRuns: 3 }
    )
  }, 60_000)

  it("have a history that says who, when and why, and differences that lead from one state to the next", async () => {
    const of = kind()
    await fc.assert(
      fc.asyncProperty(lives as fc.Arbitrary<ReadonlyArray<unknown>>, async (asked) => {
        const { id, path, seen } = await live(of, asked)
        const newest = seen.at(-1)
        if (newest === undefined) return
        const { body: history } = await of.get(`${path}/history?limit=500`)
        const { body: whole } = await of.get(`${path}/diff?from=0&limit=500`)
        const { state, version } = await Effect.runPromise(of.entities.read(id))
        expect([history.newestVersion, history.firstVersion, history.next]).toEqual([version, 1, null])
        expect(history.versions.map((one: { version: number }) => one.version)).toEqual(
          Array.from({ length: version }, (_, i) => i + 1)
        )
        const last = history.versions.at(-1)
        const i = (Date.parse(newest.occurredAt) - begin) / minute
        expect(last).toMatchObject({ occurredAt: newest.occurredAt, actor: `clerk ${i}`, reason: `reason ${i}` })
        const initial = (await Effect.runPromise(of.entities.read("nobody"))).state
        expect(JsonPatch.apply(whole.patch, initial)).toEqual(JSON.parse(JSON.stringify(state)))
        const stepped = whole.changes.reduce(
          (value: any, change: { patch: JsonPatch.JsonPatch }) => JsonPatch.apply(change.patch, value),
          initial
        )
        expect(stepped).toEqual(JSON.parse(JSON.stringify(state)))
        expect(whole.changes.map(({ patch, ...version }: any) => version)).toEqual(history.versions)
      }),
      { numRuns: 3 }
    )
  }, 60_000)

  it("that nobody knows have no past", async () => {
    const of = kind()
    const { path } = of.life(++made, [])
    const { body: now } = await of.get(path)
    for (const question of ["?version=1", "?asOf=2011-03-31T00:00:00Z", "/history", "/diff?from=1"]) {
      const { status, body } = await of.get(`${path}${question}`)
      expect([status, body]).toEqual([404, now])
    }
  })
})

describe("a stock item", () => {
  const receive = (quantity: number, reference: string) => InventoryGiven.receiveStock({ quantity, reference })

  /** Versions 1 and 2: ten came, which is enough again. Version 3: five came a minute later. Version 4: one, in the next minute. */
  const stocked = async () => {
    const of = kinds["stock items"].kind()
    const { path, id } = await live(of, [receive(10, "a"), receive(5, "b"), receive(1, "c")])
    return { of, path, id }
  }

  const versionsIn = ({ body }: Answer): ReadonlyArray<number> =>
    (body.versions ?? body.changes).map((one: { readonly version: number }) => one.version)

  it("by recorded time is what was known then, however long ago it happened", async () => {
    const { of, path } = await stocked()
    const { body } = await of.get(`${path}/history`)
    const last = body.versions.at(-1)
    expect(last.occurredAt).toBe("2011-03-31T00:02:00.000Z")
    expect((await of.get(`${path}?asOf=${last.recordedAt}`)).body).toMatchObject({ onHand: 16, version: 4 })
    const before = at(Date.parse(body.versions[0].recordedAt) - 1)
    expectProblem(await of.get(`${path}?asOf=${before}&by=recorded`), 404, "NotYetBegun", "nothing had happened yet")
    expectProblem(await of.get(`${path}?asOf=2011-03-31T00:05:00Z`), 404, "NotYetBegun", "by recorded time")
  })

  it("by business time leaves out what came later, and says which versions these are", async () => {
    const { of, path, id } = await stocked()
    const late = { ...receive(100, "late"), sku: decodeURIComponent(id.split("@")[0]!) }
    await Effect.runPromise(of.entities.execute(id, late, { occurredAtMillis: begin + minute / 2 }))
    const { body, headers } = await of.get(`${path}?asOf=2011-03-31T01:00:30%2B01:00&by=occurred`)
    expect(body).toMatchObject({ version: 5, onHand: 110, updatedAt: "2011-03-31T00:00:30.000Z" })
    expect(headers.get("x-left-out-versions")).toBe("3, 4")
    const between = await of.get(`${path}/diff?from=2011-03-31T00:00:00Z&to=2011-03-31T00:01:00Z&by=occurred`)
    expect(versionsIn(between)).toEqual([5, 3])
    expect(between.body.patch).toContainEqual({ op: "replace", path: "/onHand", value: 115 })
    expect([between.body.from, between.body.to]).toEqual([
      { version: 2, leftOut: [] },
      { version: 5, leftOut: [4] }
    ])
    const untilNow = await of.get(`${path}/diff?from=2011-03-31T00:00:00Z&by=occurred`)
    expect(versionsIn(untilNow)).toEqual([5, 3, 4])
  })

  it("shows a difference as operations that can be read", async () => {
    const { of, path } = await stocked()
    const { body } = await of.get(`${path}/diff?from=3&to=4`)
    expect(body.patch).toEqual([
      { op: "replace", path: "/onHand", value: 16 },
      { op: "add", path: "/recorded/2", value: { document: '["StockReceived","c",null]', content: "[1,null]" } }
    ])
    expect(body.changes).toMatchObject([{ version: 4, type: "StockReceived", actor: "clerk 2", patch: body.patch }])
  })

  it("lists versions and changes in pages", async () => {
    const { of, path } = await stocked()
    const first = await of.get(`${path}/history?limit=2`)
    expect([versionsIn(first), first.body.next]).toEqual([[1, 2], 2])
    const rest = await of.get(`${path}/history?limit=2&after=2`)
    expect([versionsIn(rest), rest.body.next]).toEqual([[3, 4], null])
    const changes = await of.get(`${path}/diff?from=0&limit=1&after=1`)
    expect([versionsIn(changes), changes.body.next]).toEqual([[2], 2])
  })

  it("says of what there is not, what there is", async () => {
    const { of, path } = await stocked()
    expectProblem(await of.get(`${path}?version=99`), 404, "VersionNotFound", "its newest is 4")
    expectProblem(await of.get(`${path}/diff?from=1&to=99`), 404, "VersionNotFound", "its newest is 4")
  })

  it("has no telling of what is not kept any more", async () => {
    const { of, path, id } = await stocked()
    await Effect.runPromise(Context.get(running.inventory, Journal).deleteTo(`stockitem-${id}`, 2))
    expectProblem(await of.get(`${path}?version=2`), 410, "HistoryGone", "not kept")
    expectProblem(await of.get(`${path}/diff?from=1`), 410, "HistoryGone", "not kept")
    expect((await of.get(`${path}/history`)).body).toMatchObject({ firstVersion: 3, newestVersion: 4 })
    expect((await of.get(path)).status).toBe(200)
  })
})

describe("an order", () => {
  it("is shown with its recipient as long as they are not erased, and without ever after, whatever the time asked for", async () => {
    const of = kinds.orders.kind()
    const forRuth = { customerId: "ruth", recipient: await sealed("ruth") }
    const { path } = await live(of, [OrderGiven.submitOrder(forRuth), OrderGiven.confirmOrder()])
    const then = `${path}?version=1`
    expect((await of.get(then)).body).toMatchObject({ status: "pending", recipient: jane, recipientErased: false })
    await Effect.runPromise(Context.get(running.order, SubjectKeys).destroy("ruth"))
    expect((await of.get(then)).body).toMatchObject({ status: "pending", recipient: null, recipientErased: true })
    expect(JSON.stringify((await of.get(`${path}/diff?from=0`)).body)).not.toContain("Jane")
  })
})

describe("a question that makes no sense is told so", () => {
  const ask = (question: string) => kinds.payments.kind().get(`/payments/p${question}`)
  const instant = "2011-03-31T00:00:00Z"

  it.each([
    [`?asOf=${instant}&version=1`, "query.version", "Expected either asOf or version, and not both"],
    ["?by=occurred", "query.by", "Expected together with asOf"],
    ["?version=1&by=recorded", "query.by", "Expected together with asOf"],
    ["?version=1&atLeastVersion=1", "query.atLeastVersion", "does not have to be waited for"],
    ["?version=0", "query.version", "between 1"],
    ["?version=one", "query.version", "Expected"],
    ["?version=1e0", "query.version", "in decimal digits"],
    ["?asOf=yesterday", "query.asOf", "Expected an instant such as 2011-03-31T23:59:59Z"],
    ["?asOf=2011-03-31", "query.asOf", "with its offset from UTC"],
    ["?asOf=2011-02-31T00:00:00Z", "query.asOf", "Expected an instant"],
    ["?asOf=2011-03-31T00:00:00+01:00", "query.asOf", "%2B"],
    ["?asOf=9999-01-01T00:00:00Z", "query.asOf", "Expected an instant that has come: it is 20"],
    [`?asOf=${instant}&by=guess`, "query.by", "recorded"],
    ["/history?limit=501", "query.limit", "500"],
    ["/history?after=-1", "query.after", "0"],
    ["/history?after=1e0", "query.after", "in decimal digits"],
    ["/diff", "query.from", "missing"],
    ["/diff?from=1st", "query.from", "Expected a version or an instant"],
    ["/diff?from=1&to=tomorrow", "query.to", "Expected a version or an instant"],
    ["/diff?from=1&to=9999-01-01T00:00:00Z", "query.to", "has come"]
  ])("%s", async (question, path, message) => {
    expectInvalid(await ask(question), path, message)
  })

  it("a difference from the later to the earlier point", async () => {
    expectProblem(await ask("/diff?from=2&to=1"), 400, "PointsNotInOrder", "from version 2 to version 1")
    expectProblem(
      await ask(`/diff?from=${instant}&to=2011-03-30T00:00:00Z&by=occurred`),
      400,
      "PointsNotInOrder",
      "swap them"
    )
    expectProblem(await ask(`/diff?from=1&to=${instant}&by=occurred`), 400, "PointsNotInOrder", "give two of them")
  })
})
