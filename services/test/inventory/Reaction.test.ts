/**
 * Reservations over real entities: what goes between them and the stock items arrives, whatever process dies between any two of its
 * steps, and one unit is sold once.
 */
import { Journal } from "@daybook/core/Journal"
import { ProjectionStore } from "@daybook/core/ProjectionStore"
import * as Projector from "@daybook/core/Projector"
import { Snapshots } from "@daybook/core/Snapshot"
import * as FaultInjection from "@daybook/testkit/FaultInjection"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as TestClock from "effect/testing/TestClock"
import { Reservations, StockItems } from "../../src/inventory/Entities.ts"
import { commandSide } from "../../src/inventory/Inventory.ts"
import type { ReservationLine } from "../../src/inventory/ReservationEvents.ts"
import { reservationReaction, reservationReactionName } from "../../src/inventory/ReservationReaction.ts"
import type { StockItemCommand } from "../../src/inventory/StockItemDomain.ts"
import { balanceOf, stockItemId } from "../../src/inventory/StockItemState.ts"
import { heart, hour, item, noon } from "./Given.ts"
import { randomFrom } from "./World.ts"

/** What outlives a process. */
const stores = Layer.mergeAll(Journal.layerMemory(), Snapshots.layerMemory, ProjectionStore.layerMemory)

const london = item
const leeds = { sku: heart.sku, location: heart.location }
const elsewhere = { ...item, location: "LEEDS" }

/** An order, and what is done once its items are reserved. */
interface Order {
  readonly id: string
  readonly lines: ReadonlyArray<ReservationLine>
  readonly fate: "commit" | "release" | "expire" | "extend and commit"
}

const line = (at: typeof item, quantity: number): ReservationLine => ({ ...at, quantity })

/** Everything that can follow from something: holds, shortages, releases of both kinds, commitments, extensions, expiry. */
const orders: ReadonlyArray<Order> = [
  { id: "short", lines: [line(london, 2), line(leeds, 9)], fate: "commit" },
  { id: "paid", lines: [line(london, 1), line(leeds, 1)], fate: "commit" },
  { id: "slow", lines: [line(london, 1)], fate: "extend and commit" },
  { id: "declined", lines: [line(london, 3), line(leeds, 1)], fate: "release" },
  { id: "left", lines: [line(london, 2)], fate: "expire" }
]

const movements: ReadonlyArray<StockItemCommand> = [
  { _tag: "ReceiveStock", ...london, quantity: 12, reference: "delivery-1" },
  { _tag: "ReceiveStock", ...leeds, quantity: 3, reference: "delivery-2" },
  { _tag: "TransferOut", ...london, quantity: 2, toLocation: elsewhere.location, reference: "transfer-1" }
]

const begin = Effect.gen(function* () {
  const stockItems = yield* StockItems
  for (const command of movements) {
    yield* stockItems.execute(stockItemId(command), command, { commandId: command._tag })
  }
})

/** Does for an order whatever is to be done now. Answers whether it has come to its end. */
const advance = ({ id, lines, fate }: Order) =>
  Effect.gen(function* () {
    const reservations = yield* Reservations
    const { state } = yield* reservations.read(id)
    if (state.status === "unrequested") {
      const times = { nowMillis: noon, expiresAtMillis: noon + hour }
      yield* reservations.execute(id, { _tag: "ReserveItems", orderId: id, lines: [...lines], ...times })
    }
    if (state.status !== "reserved") return !["unrequested", "pending"].includes(state.status)
    const later = noon + 2 * hour
    if (fate === "extend and commit") {
      yield* reservations.execute(id, { _tag: "ExtendReservation", expiresAtMillis: later, nowMillis: noon + 1 })
    }
    if (fate === "release") {
      yield* reservations.execute(id, { _tag: "ReleaseReservation", orderId: id, reason: "payment-declined" })
    } else if (fate === "expire") yield* reservations.execute(id, { _tag: "ExpireReservation", nowMillis: later })
    else yield* reservations.execute(id, { _tag: "CommitReservation" })
    return false
  })

/** Until all that has happened has been dealt with. */
const settled = (projector: Projector.Projector) => {
  const check = Effect.map(projector.status, ([status]) => (status!.lag === 0 ? Option.some(status!) : Option.none()))
  return Effect.map(projector.awaitUntil(reservationReactionName, check, "1 hour"), Option.getOrThrow)
}

/** Pursues the orders until they have all come to an end and nothing is left to do. */
const pursue = (projector: Projector.Projector) =>
  Effect.gen(function* () {
    yield* begin
    while (true) {
      const ended = yield* Effect.forEach(orders, advance)
      const status = yield* settled(projector)
      expect(status.parked).toEqual([])
      if (ended.every(Boolean)) return
    }
  })

/** Calls of the reaction, of which the one of that number dies, with everything after it; before or after it had its effect. */
interface Crash {
  readonly at: number
  readonly when: "before" | "after"
}

/** Entities as a process has them that is about to die. */
const dying = ({ at, when }: Crash, died: Deferred.Deferred<void>) => {
  let calls = 0
  const wrap = <S extends { readonly execute: (...args: never) => Effect.Effect<unknown, unknown> }>(
    entities: S
  ): S => ({
    ...entities,
    execute: (...args: never) =>
      Effect.suspend(() => {
        const call = calls++
        if (call < at) return entities.execute(...args)
        const dead = Effect.andThen(Deferred.succeed(died, undefined), Effect.never)
        return call === at && when === "after" ? Effect.andThen(entities.execute(...args), dead) : dead
      })
  })
  return { wrap, calls: () => calls }
}

/** A process that works until it has done everything, or dies; whether it died, and how many calls there were. */
const process = (crash: Crash) =>
  Effect.gen(function* () {
    const died = yield* Deferred.make<void>()
    const { wrap, calls } = dying(crash, died)
    const projector = yield* Projector.make([reservationReaction]).pipe(
      Effect.provideService(StockItems, wrap(yield* StockItems)),
      Effect.provideService(Reservations, wrap(yield* Reservations))
    )
    const work = yield* Effect.forkScoped(pursue(projector))
    const end = yield* Effect.raceFirst(Effect.as(Fiber.join(work), "done"), Effect.as(Deferred.await(died), "died"))
    return { end, calls: calls() }
  }).pipe(Effect.scoped, Effect.provide(commandSide()))

const survives: Crash = { at: Number.POSITIVE_INFINITY, when: "before" }

/** What has become of everything, in words that do not depend on the order of things. */
const outcome = Effect.gen(function* () {
  const reservations = yield* Reservations
  const stockItems = yield* StockItems
  const statuses = yield* Effect.forEach(orders, ({ id }) =>
    Effect.map(reservations.read(id), ({ state }) => `${id} ${state.status}`)
  )
  const stock = yield* Effect.forEach([london, leeds, elsewhere], (at) =>
    Effect.map(stockItems.read(stockItemId(at)), ({ state }) => ({
      ...balanceOf(state),
      holds: state.holds
        .map(({ reservationId, quantity, committed }) => `${reservationId} ${quantity} ${committed}`)
        .sort()
    }))
  )
  return { statuses, stock }
}).pipe(Effect.scoped, Effect.provide(commandSide()))

const expected = {
  statuses: ["short refused", "paid committed", "slow committed", "declined released", "left expired"],
  stock: [
    { onHand: 10, reserved: 0, committed: 2, safetyStock: 0, available: 8, holds: ["paid 1 true", "slow 1 true"] },
    { onHand: 3, reserved: 0, committed: 1, safetyStock: 0, available: 2, holds: ["paid 1 true"] },
    { onHand: 2, reserved: 0, committed: 0, safetyStock: 0, available: 2, holds: [] }
  ]
}

describe("what goes between reservations and stock items", () => {
  it.effect("comes to its end where nothing goes wrong", () =>
    Effect.gen(function* () {
      expect(yield* process(survives)).toMatchObject({ end: "done" })
      expect(yield* outcome).toEqual(expected)
    }).pipe(Effect.provide(stores))
  )

  it.effect.each(["before", "after"] as const)(
    "comes to the same end when the process dies %s any of its calls",
    (when) =>
      Effect.gen(function* () {
        const uninterrupted = yield* Effect.provide(process(survives), stores)
        // Answers and the commands to the lines of five orders, at the least.
        expect(uninterrupted.calls).toBeGreaterThan(20)
        for (let at = 0; at < uninterrupted.calls; at++) {
          const story = Effect.gen(function* () {
            expect(yield* process({ at, when })).toMatchObject({ end: "died" })
            expect(yield* process(survives)).toMatchObject({ end: "done" })
            expect(yield* outcome, `died ${when} call ${at}`).toEqual(expected)
          })
          yield* Effect.provide(story, Layer.fresh(stores))
        }
      })
  )

  it.effect("comes to the same end when processes keep dying", () =>
    Effect.gen(function* () {
      let deaths = 0
      // Each gets a little further than the one before: what one event asks for has to be done by one process.
      while ((yield* process({ at: deaths, when: deaths % 2 === 0 ? "before" : "after" })).end === "died") deaths++
      expect(deaths).toBeGreaterThan(3)
      expect(yield* outcome).toEqual(expected)
    }).pipe(Effect.provide(stores))
  )

  it.effect("comes to the same end when the journal fails, and loses its answers, again and again", () => {
    const afflicted = Layer.mergeAll(
      FaultInjection.layer(Journal.layerMemory()),
      Snapshots.layerMemory,
      ProjectionStore.layerMemory
    )
    return Effect.gen(function* () {
      const faults = yield* FaultInjection.Faults
      const choose = randomFrom(7)
      const kinds = [FaultInjection.none, FaultInjection.none, FaultInjection.failBefore, FaultInjection.failAfter]
      let failures = 0
      yield* faults.always((append, batch, journal) => {
        const fault = kinds[choose() % kinds.length]!
        if (fault !== FaultInjection.none) failures++
        return fault(append, batch, journal)
      })
      const work = yield* Effect.forkScoped(Effect.eventually(process(survives)))
      // Those who wait before they try again, wait by this clock.
      while (work.pollUnsafe() === undefined) yield* TestClock.adjust("1 second")
      expect(failures).toBeGreaterThan(20)
      yield* faults.always(FaultInjection.none)
      expect(yield* outcome).toEqual(expected)
    }).pipe(Effect.scoped, Effect.provide(afflicted))
  })
})

describe("500 buyers for one unit", () => {
  it.effect("are one who gets it, and 499 who are told that there is none", () =>
    Effect.gen(function* () {
      const stockItems = yield* StockItems
      const reservations = yield* Reservations
      const projector = yield* Projector.make([reservationReaction])
      const receipt = { _tag: "ReceiveStock", ...london, quantity: 1, reference: "delivery-1" } as const
      yield* stockItems.execute(stockItemId(london), receipt)
      const buyers = Array.from({ length: 500 }, (_, i) => `buyer-${i}`)
      const times = { nowMillis: noon, expiresAtMillis: noon + hour }
      yield* Effect.forEach(
        buyers,
        (orderId) =>
          reservations.execute(orderId, { _tag: "ReserveItems", orderId, lines: [line(london, 1)], ...times }),
        { concurrency: "unbounded" }
      )
      expect((yield* settled(projector)).parked).toEqual([])
      const statuses = yield* Effect.forEach(buyers, (id) =>
        Effect.map(reservations.read(id), ({ state }) => state.status)
      )
      expect(statuses.filter((status) => status === "reserved")).toHaveLength(1)
      expect(statuses.filter((status) => status === "refused")).toHaveLength(499)
      const { state } = yield* stockItems.read(stockItemId(london))
      expect(balanceOf(state)).toMatchObject({ onHand: 1, reserved: 1, available: 0 })
    }).pipe(Effect.scoped, Effect.provide(commandSide()), Effect.provide(stores))
  )
})

describe("a reservation of an order of years ago", () => {
  const yearsAgo = Date.parse("2011-03-31T16:00:00Z")

  it.effect("is made of stock then, is held by the clock, and is given up when it runs out", () =>
    Effect.gen(function* () {
      const reservations = yield* Reservations
      const journal = yield* Journal
      const projector = yield* Projector.make([reservationReaction])
      yield* begin
      const times = { nowMillis: noon, expiresAtMillis: noon + hour }
      const ask = { _tag: "ReserveItems", orderId: "old", lines: [line(london, 1)], ...times } as const
      yield* reservations.execute("old", ask, { occurredAtMillis: yearsAgo })
      expect((yield* settled(projector)).parked).toEqual([])
      expect((yield* reservations.read("old")).state.status).toBe("reserved")
      yield* TestClock.setTime(noon + 2 * hour)
      yield* reservations.execute("old", { _tag: "ExpireReservation", nowMillis: noon + 2 * hour })
      yield* settled(projector)
      const timesIn = (stream: string) =>
        Effect.map(journal.readStream(stream), (stored) =>
          stored.map(({ type, occurredAtMillis }) => [type, occurredAtMillis])
        )
      expect(yield* timesIn("reservation-old")).toEqual([
        ["ReservationRequested", yearsAgo],
        ["LineHeld", yearsAgo],
        ["ItemsReserved", yearsAgo],
        ["ReservationExpired", noon + 2 * hour]
      ])
      expect((yield* timesIn(`stockitem-${stockItemId(london)}`)).slice(-2)).toEqual([
        ["StockReserved", yearsAgo],
        ["StockReleased", noon + 2 * hour]
      ])
    }).pipe(Effect.scoped, Effect.provide(commandSide()), Effect.provide(stores), (story) =>
      Effect.andThen(TestClock.setTime(noon), story)
    )
  )
})

describe("what is refused", () => {
  it.effect("because its time was over leaves the reservation to its expiry, and holds up nobody", () =>
    Effect.gen(function* () {
      const reservations = yield* Reservations
      const projector = yield* Projector.make([reservationReaction])
      yield* begin
      const ask = (orderId: string, expiresAtMillis: number) => {
        const lines = [line(london, 1)]
        return reservations.execute(orderId, { _tag: "ReserveItems", orderId, lines, expiresAtMillis, nowMillis: noon })
      }
      // By the clock of the reaction the first ran out long ago.
      yield* ask("late", noon + hour)
      yield* ask("in time", noon + 5 * hour)
      expect((yield* settled(projector)).parked).toEqual([])
      const statusOf = (id: string) => Effect.map(reservations.read(id), ({ state }) => state.status)
      expect([yield* statusOf("late"), yield* statusOf("in time")]).toEqual(["pending", "reserved"])
    }).pipe(Effect.scoped, Effect.provide(commandSide()), Effect.provide(stores), (story) =>
      Effect.andThen(TestClock.setTime(noon + 3 * hour), story)
    )
  )

  it.effect("where that cannot be stops its own stream, for an operator to see, and no other", () =>
    Effect.gen(function* () {
      const stockItems = yield* StockItems
      const projector = yield* Projector.make([reservationReaction])
      const full = { _tag: "ReceiveStock", ...elsewhere, quantity: 1_000_000_000, reference: "delivery-3" } as const
      yield* stockItems.execute(stockItemId(elsewhere), full)
      yield* begin
      const work = yield* Effect.forkScoped(settled(projector))
      while (work.pollUnsafe() === undefined) yield* TestClock.adjust("1 second")
      const { parked } = yield* Fiber.join(work)
      expect(parked).toMatchObject([{ stream: `stockitem-${stockItemId(london)}` }])
      expect(parked[0]!.reason).toContain("the most that a stock item holds")
      // Room is made, and the transfer arrives after all.
      const lost = { _tag: "AdjustStock", ...elsewhere, quantity: -2, reason: "counted", reference: "count-1" } as const
      yield* stockItems.execute(stockItemId(elsewhere), lost)
      yield* projector.unpark(reservationReactionName, parked[0]!.stream)
      expect((yield* stockItems.read(stockItemId(elsewhere))).state.onHand).toBe(1_000_000_000)
    }).pipe(Effect.scoped, Effect.provide(commandSide()), Effect.provide(stores))
  )
})
