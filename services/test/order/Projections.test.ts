/**
 * The order's read models: whatever happens to orders, and in whichever batches it arrives, they hold what follows from it.
 */
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
import { orderViews, orderViewsName } from "../../src/order/Projections.ts"
import * as Given from "./Given.ts"
import { commands, eventsOf, order } from "./Life.ts"
import { empty, type Happening, model, project, readModels, recorded, rows, schema } from "./ReadModels.ts"

const time = fc.integer({ min: Date.UTC(2011, 2, 1), max: Date.UTC(2011, 2, 4) })
const who = fc.constantFrom({}, { actor: "Ann", note: "A gift" }, { actor: "/checkout" })

/** A few orders whose lives are shuffled into each other: what happens to one stays in order. */
const happenings: fc.Arbitrary<ReadonlyArray<Happening>> = fc
  .array(fc.tuple(commands, fc.infiniteStream(fc.tuple(fc.nat(), time, who))), { minLength: 1, maxLength: 5 })
  .map((lives) =>
    lives
      .flatMap(([sent, places], i) => {
        const events = eventsOf(sent)
        const taken = [...places.take(events.length)]
        const order = taken.map(([place]) => place).sort((a, b) => a - b)
        return events.map((event, n) => {
          const [, atMillis, by] = taken[n]!
          return { order: `order ${i}`, event, atMillis, ...by, place: order[n]! }
        })
      })
      .sort((a, b) => a.place - b.place)
      .map(({ place, ...happening }) => happening)
  )

/** Cuts a list into batches, at places that are given as fractions. */
const cutAt = <A>(list: ReadonlyArray<A>, cuts: ReadonlyArray<number>): ReadonlyArray<ReadonlyArray<A>> => {
  const places = [0, ...cuts.map((cut) => Math.floor(cut * list.length)).sort((a, b) => a - b), list.length]
  return places.slice(1).flatMap((end, i) => (end > places[i]! ? [list.slice(places[i], end)] : []))
}

const oneByOne = Array.from({ length: 200 }, (_, i) => i / 200)

const cuts = fc.oneof(
  fc.constant([]),
  fc.constant(oneByOne),
  fc.array(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), { maxLength: 20 })
)

/** Times at which commands are sent, in the order of the commands. */
const sentAt = (n: number): number => Date.UTC(2011, 2, 1) + n * 7_200_000

layer(Layer.mergeAll(readModels, Journal.layerMemory(), Snapshots.layerMemory), { timeout: "60 seconds" })(
  "the read models of orders",
  (it) => {
    it.effect(
      "hold what follows from the events, in whichever batches these arrive",
      () =>
        Effect.gen(function* () {
          const run = Effect.runPromiseWith(yield* Effect.context<Layer.Success<typeof readModels>>())
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
            const orders = yield* Entities.make(order, { persistence, projections: [orderViews(schema)] })
            for (const [i, sent] of lives.entries()) {
              for (const [n, command] of sent.entries()) {
                yield* Effect.ignore(orders.execute(`${i}`, command, { occurredAtMillis: sentAt(n), actor: "Ann" }))
              }
            }
          }).pipe(Effect.scoped)
        const caughtUp = Effect.gen(function* () {
          const projector = yield* Projector.make([orderViews(schema)])
          const done = Effect.map(projector.status, ([status]) =>
            status!.lag === 0 ? Option.some(status!) : Option.none()
          )
          return Option.getOrThrow(yield* projector.awaitUntil(orderViewsName, done, "20 seconds"))
        }).pipe(Effect.scoped)

        yield* empty
        yield* live(Persistence.events())
        expect((yield* caughtUp).parked).toEqual([])
        const first = yield* rows
        expect(first.orders.length).toBeGreaterThan(20)
        expect(new Set(first.orders.map(({ status }) => status)).size).toBeGreaterThan(4)

        yield* empty
        yield* Effect.flatMap(ProjectionStore, (store) => store.reset(orderViewsName))
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

    it.effect("end a return with what it was announced with, however long ago that was", () =>
      Effect.gen(function* () {
        // Three were announced, and one came: none is on its way any more.
        const one = Given.returnReceived({
          lines: [{ lineId: "1", sku: "71053", quantity: 1, amount: Given.gbp(406) }],
          total: Given.gbp(406)
        })
        const happened = [...Given.returning, one].map((event, i) => ({ order: "o", event, atMillis: i }))
        for (const cut of [[], [0.99], oneByOne]) {
          yield* empty
          yield* project(cutAt(recorded(happened), cut))
          const { lines, orders } = yield* rows
          expect(lines[0]).toMatchObject({ announced: 0, returned: 1, refunded_minor: 406 })
          expect(orders[0]).toMatchObject({ open_returns: 0, refunded_minor: 406 })
        }
      })
    )

    it.effect("leave the lines alone that an event is not about", () =>
      Effect.gen(function* () {
        yield* empty
        const happened = Given.shipping.map((event, i) => ({ order: "o", event, atMillis: i }))
        yield* project([recorded(happened.slice(0, 2))])
        // Another hand's change: it stays, since nothing is written to that line.
        const sql = yield* SqlClient
        yield* sql.unsafe(`UPDATE ${schema}.order_line SET description = 'untouched'`)
        yield* project([recorded(happened).slice(2)])
        expect((yield* rows).lines).toMatchObject([{ shipped: 4 }, { shipped: 0, description: "untouched" }])
      })
    )
  }
)
