/**
 * How order lines become carts: in order, one checkout for each, never in a cart of somebody else's, and the same whatever goes
 * wrong on the way.
 */
import * as Entities from "@daybook/core/Entities"
import { Journal } from "@daybook/core/Journal"
import * as Persistence from "@daybook/core/Persistence"
import { Snapshots } from "@daybook/core/Snapshot"
import { type Command, make as makeCart } from "@daybook/services/cart/Domain"
import * as FaultInjection from "@daybook/testkit/FaultInjection"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { CartLoader, checkoutPrefix, linePrefixOf, type Placed } from "../src/online-retail/CartLoader.ts"
import { isRejected, type OrderLine, rules } from "../src/online-retail/OrderLine.ts"
import type { Invoice } from "../src/online-retail/Survey.ts"
import { cells, type Fields } from "./Orders.ts"

const hash = "0123456789abcdef0123456789abcdef"

/** Accepted lines, as if they were read from the second line of a file on. */
const place = (lines: ReadonlyArray<Partial<Fields>>, file = hash): ReadonlyArray<Placed> =>
  lines.map((fields, i) => {
    const order = rules()(cells(fields))
    if (isRejected(order)) throw new Error(order.detail)
    return { hash: file, line: i + 2, cells: cells(fields), order }
  })

const invoicesOf = (placed: ReadonlyArray<Placed>): ReadonlyMap<string, Invoice> => {
  const invoices = new Map<string, Invoice>()
  for (const { hash: lastHash, line: lastLine, order } of placed) {
    const { invoice, customerId, country, atMillis: openedAtMillis } = order
    invoices.set(invoice, { ...(invoices.get(invoice) ?? { customerId, country, openedAtMillis }), lastHash, lastLine })
  }
  return invoices
}

interface Loading {
  /** All the lines that there are, when only some of them are loaded. */
  readonly survey?: ReadonlyArray<Placed>
  readonly concurrency?: number
  readonly patience?: Duration.Input
}

/** The carts, and what a loader has said. */
const runtime = Effect.gen(function* () {
  const carts = yield* Entities.make(makeCart(), { persistence: Persistence.state() })
  const rejected: Array<string> = []
  const done: Array<number> = []
  const loader = (survey: ReadonlyArray<Placed>, { concurrency = 100, patience = "10 seconds" }: Loading) =>
    Effect.map(
      Effect.scope,
      (scope) =>
        new CartLoader(
          {
            carts,
            invoices: invoicesOf(survey),
            concurrency,
            patience,
            onRejected: ({ line }, { _tag }) => rejected.push(`${line} ${_tag}`),
            onDone: ({ line }) => done.push(line),
            onRetry: () => {}
          },
          scope
        )
    )
  /** Loads lines, and waits for the answers. */
  const load = (placed: ReadonlyArray<Placed>, options: Loading = {}) =>
    Effect.gen(function* () {
      const to = yield* loader(options.survey ?? placed, options)
      const all = Effect.forEach(placed, (one) => to.load(one), { discard: true })
      yield* Effect.raceFirst(Effect.andThen(all, to.idle), to.broken)
    })
  const command = (id: string, ...commands: ReadonlyArray<Command>) =>
    Effect.forEach(commands, (one) => carts.execute(id, one), { discard: true })
  return { carts, rejected, done, loader, load, command }
})

const stores = Layer.merge(FaultInjection.layer(Journal.layerMemory()), Snapshots.layerMemory)

const eventsOf = (id: string) => Effect.flatMap(Journal, (journal) => journal.readStream(`cart-${id}`))

const open: Command = { _tag: "OpenCart", customerId: "17850", country: "United Kingdom", currency: "GBP" }
const item: Command = {
  _tag: "AddItem",
  lineId: "1",
  sku: "A",
  description: "MUG",
  quantity: 1,
  unitPrice: { amountMinor: 100, currency: "GBP" }
}

/** Lines of many invoices, each interrupted by others. */
const many = place(
  Array.from({ length: 600 }, (_, i) => ({ invoice: `${i % 37}`, sku: `S${i}`, quantity: `${(i % 9) + 1}` }))
)

const linesOf = (placed: ReadonlyArray<Placed>, invoice: string): ReadonlyArray<OrderLine> =>
  placed.filter(({ order }) => order.invoice === invoice).map(({ order }) => order)

/** Holds every cart to hold the lines of its invoice, in their order, and to be checked out. */
const expectAll = (carts: Effect.Success<typeof runtime>["carts"], placed: ReadonlyArray<Placed>) =>
  Effect.forEach(new Set(placed.map(({ order }) => order.invoice)), (invoice) =>
    Effect.gen(function* () {
      const { state } = yield* carts.read(invoice)
      expect(state.lines.map(({ sku }) => sku)).toEqual(linesOf(placed, invoice).map(({ sku }) => sku))
      expect(state).toMatchObject({ status: "checking-out", checkoutId: `${checkoutPrefix}${invoice}` })
      const events = yield* eventsOf(invoice)
      expect(events.filter(({ type }) => type === "CheckoutBegun")).toHaveLength(1)
      expect(events.at(-1)!.type).toBe("CheckoutBegun")
    })
  )

describe("an invoice becomes a cart", () => {
  it.effect("that is opened by its first line, holds its lines, and is checked out by its last, at their times", () =>
    Effect.gen(function* () {
      const { load, done, rejected } = yield* runtime
      const at = (minute: number) => `2011-01-01 10:0${minute}:00`
      yield* load(
        place([
          { date: at(1), sku: "A" },
          { date: at(3), sku: "A", price: "3.00" },
          { date: at(2), sku: "B" }
        ])
      )
      const events = yield* eventsOf("536365")
      expect(
        events.map(({ type, occurredAtMillis }) => `${new Date(occurredAtMillis).getUTCMinutes()} ${type}`)
      ).toEqual(["1 CartOpened", "1 ItemAdded", "3 ItemAdded", "2 ItemAdded", "2 CheckoutBegun"])
      expect(new Set(events.map(({ actor }) => actor))).toEqual(new Set(["import"]))
      expect(events[2]!.data).toEqual({
        lineId: `${linePrefixOf(hash)}3`,
        sku: "A",
        description: "WHITE HANGING HEART T-LIGHT HOLDER",
        quantity: 6,
        unitPrice: { amountMinor: 300, currency: "GBP" }
      })
      expect(done.toSorted()).toEqual([2, 3, 4])
      expect(rejected).toEqual([])
    }).pipe(Effect.scoped, Effect.provide(stores))
  )

  it.effect.each([1, 2, 1_000])("with %d lines under way, however invoices interrupt one another", (concurrency) =>
    Effect.gen(function* () {
      const { carts, load, done } = yield* runtime
      yield* load(many, { concurrency })
      yield* expectAll(carts, many)
      expect(done).toHaveLength(many.length)
    }).pipe(Effect.scoped, Effect.provide(stores))
  )

  it.effect("once: sent again, from anywhere, it changes nothing", () =>
    Effect.gen(function* () {
      const { carts, load, rejected } = yield* runtime
      yield* load(many)
      const heads = Effect.flatMap(Journal, (journal) => journal.heads)
      const before = yield* heads
      for (const from of [0, 1, 300, many.length - 1]) yield* load(many.slice(from), { survey: many })
      expect(yield* heads).toEqual(before)
      expect(rejected).toEqual([])
      yield* expectAll(carts, many)
    }).pipe(Effect.scoped, Effect.provide(stores))
  )
})

describe("a cart that was there before", () => {
  const lines = place([{ sku: "A" }, { sku: "B" }])

  const refused = (before: ReadonlyArray<Command>, tag: string) =>
    Effect.gen(function* () {
      const { carts, load, rejected, done, command } = yield* runtime
      yield* command("536365", ...before)
      const { version } = yield* carts.read("536365")
      yield* load(lines)
      expect(rejected).toEqual([`2 ${tag}`, `3 ${tag}`])
      expect(done).toHaveLength(2)
      expect((yield* carts.read("536365")).version).toBe(version)
    }).pipe(Effect.scoped, Effect.provide(stores))

  const sold: ReadonlyArray<Command> = [open, item, { _tag: "BeginCheckout", checkoutId: "mine", acceptedTotal: null }]
  const ours = `${checkoutPrefix}536365`

  it.effect("of somebody else takes no line", () =>
    refused([{ ...open, customerId: "1" } as Command, item], "CartAlreadyOpened")
  )

  it.effect("of another country takes no line", () =>
    refused([{ ...open, country: "France" } as Command], "CartAlreadyOpened")
  )

  it.effect("that was checked out by its owner takes no line", () => refused(sold, "CartNotEditable"))

  it.effect("that was bought takes no line", () =>
    refused([...sold, { _tag: "CompleteCart", checkoutId: "mine" }], "CartNotEditable")
  )

  it.effect("that was given up takes no line", () =>
    refused([open, item, { _tag: "AbandonCart", reason: "discarded" }], "CartNotEditable")
  )

  it.effect("whose import was undone takes no line, and is not checked out behind its owner's back", () =>
    refused(
      [
        open,
        item,
        { _tag: "BeginCheckout", checkoutId: ours, acceptedTotal: null },
        { _tag: "RestoreCart", checkoutId: ours, reason: "cancelled", shortages: [] }
      ],
      "CheckoutMismatch"
    )
  )

  it.effect("from a file that has been changed since refuses what it does not hold", () =>
    Effect.gen(function* () {
      const { load, rejected } = yield* runtime
      yield* load(lines)
      yield* load(place([{ sku: "A" }, { sku: "C" }], "fedcba9876543210"))
      expect(rejected).toEqual(["2 CartNotEditable", "3 CartNotEditable"])
    }).pipe(Effect.scoped, Effect.provide(stores))
  )
})

describe("a line that its cart refuses", () => {
  it.effect("is told of, and the others go on", () =>
    Effect.gen(function* () {
      const { carts, load, rejected, done } = yield* runtime
      yield* load(
        place([{ sku: "A" }, { sku: "B", quantity: "100001" }, { sku: "C" }, { sku: "D", quantity: "999999" }])
      )
      expect(rejected.toSorted()).toEqual(["3 QuantityOutOfRange", "5 QuantityOutOfRange"])
      expect(done).toHaveLength(4)
      const { state } = yield* carts.read("536365")
      expect(state.lines.map(({ sku }) => sku)).toEqual(["A", "C"])
      expect(state.status).toBe("checking-out")
    }).pipe(Effect.scoped, Effect.provide(stores))
  )

  it.effect("leaves an empty cart when there is no other, which is not told of again", () =>
    Effect.gen(function* () {
      const { carts, load, rejected } = yield* runtime
      yield* load(place([{ quantity: "100001" }]))
      expect(rejected).toEqual(["2 QuantityOutOfRange"])
      expect((yield* carts.read("536365")).state.status).toBe("open")
    }).pipe(Effect.scoped, Effect.provide(stores))
  )

  it.effect("may be one too many for a cart", () =>
    Effect.gen(function* () {
      const { carts, load, rejected } = yield* runtime
      yield* load(place(Array.from({ length: 2_003 }, () => ({}))))
      expect(rejected).toEqual(["2002 TooManyLines", "2003 TooManyLines", "2004 TooManyLines"])
      expect((yield* carts.read("536365")).state).toMatchObject({ status: "checking-out" })
    }).pipe(Effect.scoped, Effect.provide(stores))
  )
})

describe("a journal that fails", () => {
  it.live("for a while changes nothing of the outcome, whether or not it had stored what it was asked to", () =>
    Effect.gen(function* () {
      const { carts, load, rejected, done } = yield* runtime
      const faults = yield* FaultInjection.Faults
      const { failBefore, failAfter, conflict, none } = FaultInjection
      yield* faults.inject(
        failBefore,
        none,
        failAfter,
        conflict,
        none,
        failAfter,
        failBefore,
        none,
        conflict,
        failAfter
      )
      yield* load(many)
      yield* expectAll(carts, many)
      expect(rejected).toEqual([])
      expect(done.toSorted((a, b) => a - b)).toEqual(many.map(({ line }) => line))
    }).pipe(Effect.scoped, Effect.provide(stores))
  )

  it.live("for good stops the import, and no line counts as done", () =>
    Effect.gen(function* () {
      const { load, done } = yield* runtime
      const faults = yield* FaultInjection.Faults
      yield* faults.always(FaultInjection.failBefore)
      const problem = yield* Effect.flip(load(many, { patience: "300 millis" }))
      expect(problem).toMatchObject({ _tag: "JournalUnavailable" })
      expect(done).toEqual([])
    }).pipe(Effect.scoped, Effect.provide(stores))
  )

  it.effect("in a way that no repetition mends stops the import at once", () =>
    Effect.gen(function* () {
      const { load } = yield* runtime
      const faults = yield* FaultInjection.Faults
      yield* faults.always(FaultInjection.die(new Error("broken")))
      expect(yield* Effect.flip(load(many))).toMatchObject({ message: "broken" })
    }).pipe(Effect.scoped, Effect.provide(stores))
  )
})

describe("an import that is interrupted", () => {
  it.effect("gets its last answers, and loses no place for others", () =>
    Effect.gen(function* () {
      const { loader, done } = yield* runtime
      const faults = yield* FaultInjection.Faults
      const release = yield* Deferred.make<void>()
      yield* faults.always(FaultInjection.hold(Deferred.await(release)))
      const to = yield* loader(many, { concurrency: 3 })
      const loading = yield* Effect.forkChild(Effect.forEach(many, (one) => to.load(one)))
      yield* Effect.yieldNow
      yield* Fiber.interrupt(loading)
      yield* Deferred.succeed(release, undefined)
      yield* to.idle
      expect(done).toHaveLength(3)
    }).pipe(Effect.scoped, Effect.provide(stores))
  )
})
