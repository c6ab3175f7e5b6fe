/**
 * A process may die anywhere around a call of the provider: before it is begun, before it is made, before its answer is read,
 * before that is recorded, or before its place in the journal is. Whoever comes next ends with the same payment, the same books at
 * the provider, and has told others the same.
 *
 * Dying is stopping in the middle of something for good: stores and provider stay as they are at that moment.
 */
import * as Entities from "@daybook/core/Entities"
import { expect, layer } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { PaymentEvents as Published } from "../../src/payment/Contract.ts"
import { type Command, make as makePayment } from "../../src/payment/Domain.ts"
import type { Kind, PaymentEvent } from "../../src/payment/Events.ts"
import { ledgerOf } from "../../src/payment/Ledger.ts"
import { operationId } from "../../src/payment/OperationId.ts"
import * as Payment from "../../src/payment/Payment.ts"
import { Payments } from "../../src/payment/Payments.ts"
import { Provider } from "../../src/payment/Provider.ts"
import { ProviderCalls } from "../../src/payment/ProviderCalls.ts"
import { hear } from "../Conversation.ts"
import { capture, gbp, refund, voidPayment } from "./Given.ts"
import {
  authorise,
  eventsOf,
  newId,
  outside,
  providerLedger,
  service,
  stateOf,
  until,
  untilOperations
} from "./Service.ts"

const places = [
  "before its call is begun",
  "between that and the call",
  "before the answer is read",
  "before the answer is recorded",
  "after that, before it is known to be done",
  "before what a query found is recorded",
  "after what a query found is recorded"
] as const

type Place = (typeof places)[number]

/** Stops for good the first time that a place is reached. */
const trap = (place: Place, kind: Kind) => {
  const reached = Deferred.makeUnsafe<void>()
  const stop = Effect.andThen(Deferred.succeed(reached, undefined), Effect.never)
  const at = (here: Place, of: string): Effect.Effect<void> =>
    here === place && of.includes(`/${kind}`) ? stop : Effect.void
  return { reached, at }
}

type Trap = ReturnType<typeof trap>

/** The places around a command, before it and after it. */
const around: Partial<Record<Command["_tag"], readonly [Place, Place]>> = {
  BeginProviderCall: ["before its call is begun", "between that and the call"],
  RecordOutcome: ["before the answer is recorded", "after that, before it is known to be done"],
  Reconcile: ["before what a query found is recorded", "after what a query found is recorded"]
}

const payments = ({ at }: Trap) =>
  Layer.effect(
    Payments,
    Effect.map(Entities.make(makePayment(), { persistence: Payment.persistence }), (entities) => ({
      ...entities,
      execute: (id, command, options) => {
        const surrounding = around[command._tag]
        const execute = entities.execute(id, command, options)
        if (surrounding === undefined || !("operationId" in command)) return execute
        const [before, after] = surrounding
        const of = command.operationId ?? ""
        return at(before, of).pipe(
          Effect.andThen(execute),
          Effect.tap(() => at(after, of))
        )
      }
    }))
  )

const provider = ({ at }: Trap) =>
  Layer.effect(
    Provider,
    Effect.map(Provider, (real) => {
      const after = <A, E>(operation: string, asked: Effect.Effect<A, E>) =>
        Effect.tap(asked, () => at("before the answer is read", operation))
      return {
        ...real,
        authorise: (request) => after(request.operationId, real.authorise(request)),
        capture: (request) => after(request.operationId, real.capture(request)),
        void: (request) => after(request.operationId, real.void(request)),
        refund: (request) => after(request.operationId, real.refund(request))
      }
    })
  )

/** The service, with a trap in it. */
const trapped = (trap: Trap) =>
  Payment.messageSide().pipe(
    Layer.provideMerge(ProviderCalls.layer()),
    Layer.provideMerge(payments(trap)),
    Layer.provideMerge(Payment.querySide()),
    Layer.provideMerge(provider(trap))
  )

/** A payment's life: held, taken in part, given back in part, and the rest released. Each command may be sent again. */
const live = (id: string, token: string) =>
  Effect.gen(function* () {
    const entities = yield* Payments
    const [captureId, refundId, voidId] = [
      operationId(id, "capture", "c"),
      operationId(id, "refund", "r"),
      operationId(id, "void")
    ]
    yield* authorise(token, id)
    yield* untilOutcome(id, "authorise")
    yield* entities.execute(id, capture({ operationId: captureId, amount: gbp(6_092) }))
    yield* untilOutcome(id, "capture")
    yield* entities.execute(id, refund({ operationId: refundId, amount: gbp(1_092) }))
    yield* untilOutcome(id, "refund")
    yield* entities.execute(id, voidPayment({ operationId: voidId }))
    yield* untilOperations(id, "authorise succeeded", "capture succeeded", "refund succeeded", "void succeeded")
  })

const untilOutcome = (id: string, kind: Kind) =>
  until(
    Effect.map(stateOf(id), ({ operations }) =>
      operations.find((operation) => operation.kind === kind && operation.status === "succeeded")
    )
  )

/** How the provider was asked is not part of the outcome. */
const asking: ReadonlyArray<PaymentEvent["_tag"]> = ["ProviderCallBegun", "OutcomeUnknown", "OperationNotFound"]

/** What counts: what has happened, what both books say, and what others were told. */
const outcomeOf = (id: string) =>
  Effect.gen(function* () {
    const happened = (yield* eventsOf(id)).map(({ _tag }) => _tag).filter((tag) => !asking.includes(tag))
    const heard = yield* hear(Published.topic)
    const told = () => heard.filter(({ key }) => key === id).map((message) => Published.decode(message)._tag)
    yield* until(Effect.sync(() => (told().includes("PaymentVoided") ? true : undefined)))
    return {
      happened,
      told: [...new Set(told())],
      ours: ledgerOf(yield* stateOf(id)),
      theirs: yield* providerLedger(id)
    }
  }).pipe(Effect.scoped)

const books = { heldMinor: 0, capturedMinor: 6_092, refundedMinor: 1_092, chargedBackMinor: 0 }

const uncrashed = {
  happened: [
    ...["AuthorisationRequested", "PaymentAuthorised", "CaptureRequested", "PaymentCaptured"],
    ...["RefundRequested", "PaymentRefunded", "VoidRequested", "PaymentVoided"]
  ],
  told: ["PaymentAuthorised", "PaymentCaptured", "PaymentRefunded", "PaymentVoided"],
  // The void releases what was not captured.
  ours: books,
  theirs: books
}

/** With these every kind of call is carried out and not answered, so that there is something to query. */
const tokenOf = (place: Place, kind: Kind): string => {
  if (!place.includes("query")) return "tok_approve"
  return { authorise: "tok_timeout", capture: "tok_amounts", refund: "tok_amounts", void: "tok_void_timeout" }[kind]
}

const kinds: ReadonlyArray<Kind> = ["authorise", "capture", "refund", "void"]

layer(outside, { timeout: "60 seconds" })("a payment whose process dies", (it) => {
  it.effect("ends as it should when none does", () =>
    Effect.gen(function* () {
      const id = newId()
      yield* live(id, "tok_approve")
      expect(yield* outcomeOf(id)).toEqual(uncrashed)
    }).pipe(Effect.provide(service()))
  )

  for (const kind of kinds) {
    for (const place of places) {
      it.effect(`around its ${kind}, ${place}, ends alike`, () =>
        Effect.gen(function* () {
          const id = newId()
          const token = tokenOf(place, kind)
          const { reached, at } = trap(place, kind)
          yield* Effect.raceFirst(live(id, token), Deferred.await(reached)).pipe(
            Effect.provide(trapped({ reached, at }))
          )
          expect(yield* Deferred.isDone(reached)).toBe(true)
          yield* Effect.gen(function* () {
            yield* live(id, token)
            expect(yield* outcomeOf(id)).toEqual(uncrashed)
          }).pipe(Effect.provide(service()))
        })
      )
    }
  }
})
