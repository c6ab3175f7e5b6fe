/**
 * The cart's read models: whatever happens to carts, and in whichever batches it arrives, they hold what follows from it.
 */
import * as Aggregate from "@daybook/core/Aggregate"
import * as Entities from "@daybook/core/Entities"
import { Journal } from "@daybook/core/Journal"
import * as Persistence from "@daybook/core/Persistence"
import { ProjectionStore } from "@daybook/core/ProjectionStore"
import * as Projector from "@daybook/core/Projector"
import { Snapshots } from "@daybook/core/Snapshot"
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { SqlClient } from "effect/sql/SqlClient"
import * as fc from "fast-check"
import * as Domain from "../../src/cart/Domain.ts"
import type { CartEvent } from "../../src/cart/Events.ts"
import { cartViews, cartViewsName } from "../../src/cart/Projections.ts"
import { addItem, beginCheckout, cartOpened, gbp, itemAdded, itemRemoved, openCart, restoreCart } from "./Given.ts"
import { cart, commands } from "./Life.ts"
import { empty, type Happening, model, project, readModels, recorded, rows, schema } from "./ReadModels.ts"

/** What becomes of commands, one after the other. */
const eventsOf = (sent: ReadonlyArray<Domain.Command>): ReadonlyArray<CartEvent> => {
  let state = Domain.initial
  return sent.flatMap((command) => {
    const outcome = Aggregate.decide(cart, command, state)
    if (outcome instanceof Error) return []
    state = Aggregate.evolveAll(cart, state, outcome)
    return outcome
  })
}

/** Days in March 2011; a checkout's day is that of its time in UTC. */
const time = fc.integer({ min: Date.UTC(2011, 2, 1), max: Date.UTC(2011, 2, 4) })

/** A few carts whose lives are shuffled into each other: what happens to one stays in order. */
const happenings: fc.Arbitrary<ReadonlyArray<Happening>> = fc
  .array(fc.tuple(commands, fc.infiniteStream(fc.tuple(fc.nat(), time))), { minLength: 1, maxLength: 5 })
  .map((lives) =>
    lives
      .flatMap(([sent, places], i) => {
        const events = eventsOf(sent)
        const taken = [...places.take(events.length)]
        const order = taken.map(([place]) => place).sort((a, b) => a - b)
        return events.map((event, n) => ({ cart: `cart ${i}`, event, atMillis: taken[n]![1], place: order[n]! }))
      })
      .sort((a, b) => a.place - b.place)
      .map(({ place, ...happening }) => happening)
  )

/** Cuts a list into batches, at places that are given as fractions. */
const cutAt = <A>(list: ReadonlyArray<A>, cuts: ReadonlyArray<number>): ReadonlyArray<ReadonlyArray<A>> => {
  const places = [0, ...cuts.map((cut) => Math.floor(cut * list.length)).sort((a, b) => a - b), list.length]
  return places.slice(1).flatMap((end, i) => (end > places[i]! ? [list.slice(places[i], end)] : []))
}

const cuts = fc.oneof(
  fc.constant([]),
  fc.constant(Array.from({ length: 200 }, (_, i) => i / 200)),
  fc.array(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), { maxLength: 20 })
)

/** Times at which commands are sent, in the order of the commands. */
const sentAt = (n: number): number => Date.UTC(2011, 2, 1) + n * 7_200_000

layer(Layer.mergeAll(readModels, Journal.layerMemory(), Snapshots.layerMemory), { timeout: "60 seconds" })(
  "the read models of carts",
  (it) => {
    it.effect(
      "hold what follows from the events, in whichever batches these arrive",
      () =>
        Effect.gen(function* () {
          const context = yield* Effect.context<Layer.Success<typeof readModels>>()
          const run = Effect.runPromiseWith(context)
          yield* Effect.promise(() =>
            fc.assert(
              fc.asyncProperty(happenings, cuts, async (happened, cut) => {
                await run(empty)
                await run(project(cutAt(recorded(happened), cut)))
                expect(await run(rows)).toEqual(model(happened))
              }),
              { numRuns: 60 }
            )
          )
        }),
      60_000
    )

    it.effect("are the same when they are built anew, and at level 1", () =>
      Effect.gen(function* () {
        const lives = fc.sample(commands, { seed: 11, numRuns: 30 })
        const live = (persistence: Persistence.Persistence) =>
          Effect.gen(function* () {
            const carts = yield* Entities.make(cart, { persistence, projections: [cartViews(schema)] })
            for (const [i, sent] of lives.entries()) {
              for (const [n, command] of sent.entries()) {
                yield* Effect.ignore(carts.execute(`${i}`, command, { occurredAtMillis: sentAt(n) }))
              }
            }
          }).pipe(Effect.scoped)
        const caughtUp = Effect.gen(function* () {
          const projector = yield* Projector.make([cartViews(schema)])
          const done = Effect.map(projector.status, ([status]) =>
            status!.lag === 0 ? Option.some(status!) : Option.none()
          )
          return Option.getOrThrow(yield* projector.awaitUntil(cartViewsName, done, "20 seconds"))
        }).pipe(Effect.scoped)

        yield* empty
        yield* live(Persistence.state())
        expect((yield* caughtUp).parked).toEqual([])
        const first = yield* rows
        expect(first.carts.length).toBeGreaterThan(20)
        expect(first.revenue.length).toBeGreaterThan(2)

        yield* empty
        yield* Effect.flatMap(ProjectionStore, (store) => store.reset(cartViewsName))
        yield* caughtUp
        expect(yield* rows).toEqual(first)

        yield* empty
        yield* Effect.provide(
          live(Persistence.inline),
          Layer.fresh(Layer.merge(Journal.layerMemory(), Snapshots.layerMemory))
        )
        expect(yield* rows).toEqual(first)
      })
    )

    it.effect("leave the indexes of carts alone while these are being filled", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        yield* empty
        const added = Array.from({ length: 5 }, (_, i) => itemAdded({ lineId: `line ${i}` }))
        const filled = recorded([cartOpened(), ...added].map((event, i) => ({ cart: "c", event, atMillis: i })))
        yield* project([filled.slice(0, 1)])
        const table = `'${schema}.cart_view'::regclass`
        const counts = sql.unsafe<{ readonly all: number; readonly withoutIndexes: number }>(
          `SELECT pg_stat_get_xact_tuples_updated(${table})::integer AS all,
                  pg_stat_get_xact_tuples_hot_updated(${table})::integer AS "withoutIndexes"`
        )
        const filling = Effect.andThen(project(filled.slice(1).map((one) => [one])), counts)
        const [[before], [after]] = yield* sql.withTransaction(Effect.all([counts, filling]))
        expect(after!.all - before!.all).toBe(5)
        expect(after!.withoutIndexes - before!.withoutIndexes).toBe(5)
      })
    )

    it.effect("take a restored checkout out of the day that it was in, and a new one in where it belongs", () =>
      Effect.gen(function* () {
        const restore = restoreCart({ checkoutId: "checkout-1" })
        const sent = [openCart(), addItem(), beginCheckout(), restore, beginCheckout({ checkoutId: "checkout-2" })]
        const days = [1, 1, 2, 3, 4]
        const happened = eventsOf(sent).map((event, i) => ({
          cart: "c",
          event,
          atMillis: Date.UTC(2011, 2, days[i], 23, 59, 59, 999)
        }))
        const revenueAfter = (count: number) =>
          Effect.gen(function* () {
            yield* empty
            yield* project(cutAt(recorded(happened.slice(0, count)), [0.5]))
            return (yield* rows).revenue
          })
        const sold = { country: "United Kingdom", currency: "GBP", carts: 1, total_minor: 6 * 339 }
        expect(yield* revenueAfter(2)).toEqual([])
        expect(yield* revenueAfter(3)).toEqual([{ ...sold, day: "2011-03-02" }])
        expect(yield* revenueAfter(4)).toEqual([])
        expect(yield* revenueAfter(5)).toEqual([{ ...sold, day: "2011-03-04" }])
      })
    )

    it.effect("show a line that was removed, and its id used again, as it is now", () =>
      Effect.gen(function* () {
        // An id is free again once a hundred other lines have been removed.
        const heart = itemAdded({ sku: "85123A", description: "WHITE HANGING HEART", quantity: 2, unitPrice: gbp(255) })
        const events = [cartOpened(), itemAdded(), itemRemoved(), heart]
        const happened = events.map((event, i) => ({ cart: "c", event, atMillis: i }))
        for (const cut of [[], [0.5], [0.25, 0.5, 0.75]]) {
          yield* empty
          yield* project(cutAt(recorded(happened), cut))
          expect(yield* rows).toEqual(model(happened))
        }
      })
    )
  }
)
