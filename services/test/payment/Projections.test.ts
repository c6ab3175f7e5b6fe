/**
 * The payment's read models: whatever happens to payments, and in whichever batches it arrives, they hold what follows from it.
 */
import * as Aggregate from "@daybook/core/Aggregate"
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as fc from "fast-check"
import type { Command } from "../../src/payment/Domain.ts"
import type { PaymentEvent } from "../../src/payment/Events.ts"
import * as Given from "./Given.ts"
import { gbp } from "./Given.ts"
import { commands, payment } from "./Life.ts"
import { empty, type Happening, model, project, projectAtOnce, readModels, recorded, rows } from "./ReadModels.ts"

/** What becomes of commands, one after the other. */
const eventsOf = (sent: ReadonlyArray<Command>): ReadonlyArray<PaymentEvent> => {
  let state = payment.initial
  return sent.flatMap((command) => {
    const outcome = Aggregate.decide(payment, command, state)
    if (outcome instanceof Error) return []
    state = Aggregate.evolveAll(payment, state, outcome)
    return outcome
  })
}

/** Days in March 2011. */
const time = fc.integer({ min: Date.UTC(2011, 2, 1), max: Date.UTC(2011, 2, 4) })

/** A few payments whose lives are shuffled into each other: what happens to one stays in order. */
const happenings: fc.Arbitrary<ReadonlyArray<Happening>> = fc
  .array(fc.tuple(commands, fc.infiniteStream(fc.tuple(fc.nat(), time))), { minLength: 1, maxLength: 4 })
  .map((lives) =>
    lives
      .flatMap(([sent, places], i) => {
        const events = eventsOf(sent)
        const taken = [...places.take(events.length)]
        const order = taken.map(([place]) => place).sort((a, b) => a - b)
        return events.map((event, n) => ({ payment: `payment ${i}`, event, atMillis: taken[n]![1], place: order[n]! }))
      })
      .sort((a, b) => a.place - b.place)
      .map(({ place, ...happening }) => happening)
  )

/** Cuts a list into batches, at places that are given as fractions. */
const cutAt = <A>(list: ReadonlyArray<A>, cuts: ReadonlyArray<number>): ReadonlyArray<ReadonlyArray<A>> => {
  const places = [0, ...cuts.map((cut) => Math.floor(cut * list.length)).sort((a, b) => a - b), list.length]
  return places.slice(1).map((end, i) => list.slice(places[i], end))
}

const cuts = fc.oneof(
  fc.constant([]),
  fc.constant(Array.from({ length: 200 }, (_, i) => i / 200)),
  fc.array(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), { maxLength: 20 })
)

layer(readModels, { timeout: "60 seconds" })("the read models of payments", (it) => {
  it.effect(
    "hold what follows from the events, in whichever batches these arrive",
    () =>
      Effect.gen(function* () {
        const run = Effect.runPromiseWith(yield* Effect.context<Layer.Success<typeof readModels>>())
        const seen = new Set<string>()
        yield* Effect.promise(() =>
          fc.assert(
            fc.asyncProperty(happenings, cuts, async (happened, cut) => {
              const wanted = model(happened)
              const batches = cutAt(recorded(happened), cut).filter((batch) => batch.length > 0)
              for (const apply of [project, projectAtOnce]) {
                await run(empty)
                await run(apply(batches))
                expect(await run(rows)).toEqual(wanted)
              }
              for (const [name, { length }] of Object.entries(wanted)) if (length > 0) seen.add(name)
            }),
            { numRuns: 60, seed: 11 }
          )
        )
        // Every table was put to use.
        expect([...seen].sort()).toEqual(["attention", "chargebacks", "days", "open", "operations", "payments"])
      }),
    120_000
  )

  it.effect("count money on the day on which it became known, and a dispute that is won as given back", () =>
    Effect.gen(function* () {
      const day = (date: number) => Date.UTC(2011, 2, date, 23, 59, 59, 999)
      const disputed = { chargebackId: "dp_1", amount: gbp(2_000) }
      const happened = [
        ...Given.sent.map((event) => ({ event, atMillis: day(1) })),
        { event: Given.authorised(), atMillis: day(1) },
        { event: Given.captureRequested(), atMillis: day(1) },
        { event: Given.captured(), atMillis: day(2) },
        { event: Given.refundRequested(), atMillis: day(2) },
        { event: Given.refunded(), atMillis: day(3) },
        { event: { _tag: "ChargebackOpened", code: "fraudulent", ...disputed } as const, atMillis: day(3) },
        { event: { _tag: "ChargebackWon", ...disputed } as const, atMillis: day(4) }
      ].map((one) => ({ payment: "p", ...one }))
      yield* empty
      yield* project(cutAt(recorded(happened), [0.5]))
      const none = { currency: "GBP", authorised_minor: 0, captured_minor: 0, refunded_minor: 0, charged_back_minor: 0 }
      expect((yield* rows).days).toEqual([
        { ...none, day: "2011-03-01", authorised_minor: 10_000 },
        { ...none, day: "2011-03-02", captured_minor: 6_000 },
        { ...none, day: "2011-03-03", refunded_minor: 2_000, charged_back_minor: 2_000 },
        { ...none, day: "2011-03-04", charged_back_minor: -2_000 }
      ])
    })
  )

  it.effect("list what needs attention again when it does so after it was resolved", () =>
    Effect.gen(function* () {
      const required = { _tag: "AttentionRequired", attentionId: "a", kind: "contradiction", detail: "Look." } as const
      const resolved = { _tag: "AttentionResolved", attentionId: "a", note: "Looked." } as const
      const happened = [Given.authorisationRequested(), required, resolved, required].map((event, atMillis) => ({
        payment: "p",
        event,
        atMillis
      }))
      for (const apply of [project, projectAtOnce])
        for (const cut of [[], [0.3, 0.6]]) {
          yield* empty
          yield* apply(cutAt(recorded(happened), cut))
          expect((yield* rows).attention).toMatchObject([{ note: null, resolved_at: null, required_at: 3 }])
        }
    })
  )
})
