/**
 * A payment gets to its end by itself: what the provider does not say is asked for, more and more seldom and for as long as it
 * takes, and what it does say by webhook may come late, twice, out of order, or never.
 */
import { Broker } from "@daybook/core/Broker"
import { Journal } from "@daybook/core/Journal"
import { expect, layer } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import { isOpen, ledgerOf, statusOf } from "../../src/payment/Ledger.ts"
import { operationId } from "../../src/payment/OperationId.ts"
import * as Payment from "../../src/payment/Payment.ts"
import { Payments } from "../../src/payment/Payments.ts"
import { Provider, ProviderTimedOut, ProviderUnavailable } from "../../src/payment/Provider.ts"
import { ProviderSimulator } from "../../src/payment/ProviderSimulator.ts"
import { PaymentQueries } from "../../src/payment/Queries.ts"
import * as SimulatedWebhooks from "../../src/payment/SimulatedWebhooks.ts"
import { capture, gbp, refund, authorise as requestAuthorisation, voidPayment } from "./Given.ts"
import {
  authorise,
  newId,
  operationsOf,
  outside,
  pass,
  providerLedger,
  service,
  stateOf,
  stores,
  until,
  untilOperations
} from "./Service.ts"

/** Nobody says anything to the service here, or listens: what looks for messages would only cost time, hour by hour. */
const silence = Layer.succeed(Broker, {
  guarantees: { durable: false, failover: false, maxMessageBytes: 1_000_000 },
  publish: () => Effect.void,
  subscribe: () => Effect.never
})

/** A service that sleeps unless there is something to do, so that a day passes in a moment. */
const sleeping = (deadlinePollMillis: number) =>
  service({
    projector: { poll: "1 day", lease: "10 days" },
    consumer: { pollMillis: 86_400_000 },
    deadlinePollMillis
  }).pipe(Layer.provide(silence))

const sleepy = sleeping(30_000)

/** The same on the simulator, except for what is said here. */
const serviceWith = (changes: (real: Provider["Service"]) => Partial<Provider["Service"]>) =>
  sleepy.pipe(
    Layer.provide(
      Layer.effect(
        Provider,
        Effect.map(Provider, (real) => ({ ...real, ...changes(real) }))
      )
    )
  )

const away = (operation: string) => new ProviderUnavailable({ operationId: operation, detail: "Away for a while." })
const lost = (operation: string) => new ProviderTimedOut({ operationId: operation, detail: "Lost on its way." })

const untilStatus = (id: string, status: string) =>
  until(Effect.map(stateOf(id), (state) => (statusOf(state) === status ? state : undefined)))

const openReasons = (id: string) =>
  Effect.gen(function* () {
    const open = yield* (yield* PaymentQueries).open(500)
    return open.filter(({ paymentId }) => paymentId === id).map(({ reason, nextAt }) => [reason, nextAt !== null])
  })

layer(outside, { timeout: "60 seconds" })("without a word from the provider", (it) => {
  it.effect("what was pending is found approved", () =>
    Effect.gen(function* () {
      const id = yield* authorise("tok_pending")
      yield* untilOperations(id, "authorise pending")
      yield* pass(100)
      yield* untilOperations(id, "authorise succeeded")
      expect(yield* providerLedger(id)).toMatchObject({ heldMinor: 10_000 })
    }).pipe(Effect.provide(sleepy))
  )

  it.effect("a buyer who never confirms is found to have given up", () =>
    Effect.gen(function* () {
      const id = yield* authorise("tok_3ds")
      yield* untilOperations(id, "authorise action-required")
      yield* pass(2 * 3_600)
      yield* untilOperations(id, "authorise declined")
    }).pipe(Effect.provide(sleepy))
  )

  it.effect(
    "an authorisation that runs out is found expired, and one that was taken or released is not asked about",
    () =>
      Effect.gen(function* () {
        const payments = yield* Payments
        const [left, taken, released] = [
          yield* authorise("tok_short_hold"),
          yield* authorise("tok_short_hold"),
          yield* authorise("tok_short_hold")
        ]
        for (const id of [left, taken, released]) yield* untilOperations(id, "authorise succeeded")
        const all = capture({ operationId: operationId(taken, "capture", "all"), amount: gbp(10_000) })
        yield* payments.execute(taken, all)
        yield* payments.execute(released, voidPayment({ operationId: operationId(released, "void") }))
        yield* untilOperations(taken, "authorise succeeded", "capture succeeded")
        yield* untilOperations(released, "authorise succeeded", "void succeeded")
        yield* pass(70)
        yield* untilOperations(left, "authorise expired")
        for (const id of [left, taken, released]) {
          yield* until(Effect.map(openReasons(id), (open) => (open.length === 0 ? true : undefined)))
        }
      }).pipe(Effect.provide(sleepy))
  )

  it.effect(
    "a payment of years ago was authorised then, is held by the clock, and runs out when the provider says so",
    () =>
      Effect.gen(function* () {
        const payments = yield* Payments
        const id = newId()
        const operation = operationId(id, "authorise")
        const method = { token: "tok_short_hold", brand: null, last4: null }
        const command = requestAuthorisation({ operationId: operation, orderId: id, paymentMethod: method })
        const yearsAgo = Date.parse("1960-03-31T16:00:00Z")
        const before = yield* Clock.currentTimeMillis
        yield* payments.execute(id, command, { occurredAtMillis: yearsAgo })
        yield* untilOperations(id, "authorise succeeded")
        const timesOf = Effect.gen(function* () {
          const stored = yield* (yield* Journal).readStream(`payment-${id}`)
          return stored.map(({ type, occurredAtMillis }) => [type, occurredAtMillis] as const)
        })
        expect(yield* timesOf).toEqual([
          ["AuthorisationRequested", yearsAgo],
          ["ProviderCallBegun", yearsAgo],
          ["PaymentAuthorised", yearsAgo]
        ])
        yield* pass(30)
        yield* untilOperations(id, "authorise succeeded")
        yield* pass(40)
        yield* untilOperations(id, "authorise expired")
        expect((yield* timesOf).at(-1)![1]).toBeGreaterThan(before + 30_000)
      }).pipe(Effect.provide(sleepy))
  )

  it.effect("a provider that is away is asked more and more seldom, and believed when it is back", () => {
    const state = { isAway: true, queries: 0 }
    return Effect.gen(function* () {
      const id = yield* authorise("tok_timeout")
      yield* untilOperations(id, "authorise unknown")
      yield* pass(3_600)
      expect(yield* operationsOf(id)).toEqual(["authorise unknown"])
      // Within minutes several, and then one in five minutes.
      expect(state.queries).toBeGreaterThan(8)
      expect(state.queries).toBeLessThan(25)
      state.isAway = false
      yield* pass(600)
      yield* untilOperations(id, "authorise succeeded")
    }).pipe(
      Effect.provide(
        serviceWith((real) => ({
          query: (request) => {
            state.queries++
            return state.isAway ? Effect.fail(away(request.operationId)) : real.query(request)
          }
        }))
      )
    )
  })

  it.effect("a provider that refuses every call is called more and more seldom, and in the end does it once", () => {
    const state = { isAway: true, calls: 0 }
    return Effect.gen(function* () {
      const id = yield* authorise("tok_visa")
      yield* pass(3_600)
      expect(state.calls).toBeGreaterThan(5)
      expect(state.calls).toBeLessThan(40)
      state.isAway = false
      yield* pass(600)
      yield* untilOperations(id, "authorise succeeded")
      expect(yield* providerLedger(id)).toMatchObject({ heldMinor: 10_000 })
    }).pipe(
      Effect.provide(
        serviceWith((real) => ({
          authorise: (request) => {
            state.calls++
            return state.isAway ? Effect.fail(away(request.operationId)) : real.authorise(request)
          }
        }))
      )
    )
  })

  it.effect("a call that arrives after all, hours after its payment was cancelled, is found and voided", () => {
    const strays: Array<Parameters<Provider["Service"]["authorise"]>[0]> = []
    return Effect.gen(function* () {
      const id = yield* authorise("tok_visa")
      yield* untilOperations(id, "authorise unknown")
      yield* (yield* Payments).execute(id, voidPayment({ operationId: operationId(id, "void") }))
      yield* untilOperations(id, "authorise requested", "void unneeded")
      yield* pass(1_800)
      expect(yield* openReasons(id)).toEqual([["stray", true]])
      yield* (yield* Provider).authorise(strays[0]!)
      expect(yield* providerLedger(id)).toMatchObject({ heldMinor: 10_000 })
      yield* pass(2 * 3_600)
      yield* untilOperations(id, "authorise succeeded", "void succeeded")
      expect(yield* providerLedger(id)).toMatchObject({ heldMinor: 0 })
    }).pipe(
      Effect.provide(
        serviceWith(() => ({
          authorise: (request) => {
            strays.push(request)
            return Effect.fail(lost(request.operationId))
          }
        }))
      )
    )
  })

  it.effect("what was asked for while nobody was at work is done by whoever comes next", () =>
    Effect.gen(function* () {
      const id = yield* Effect.provide(
        authorise("tok_approve"),
        Layer.merge(Payment.commandSide(), Payment.querySide())
      )
      yield* Effect.provide(untilOperations(id, "authorise succeeded"), sleepy)
    })
  )

  it.effect("the provider is never asked while a transaction is open", () => {
    const open: Array<boolean> = []
    return Effect.gen(function* () {
      const { transactionService } = yield* SqlClient
      const seen = <A, E>(asked: Effect.Effect<A, E>) =>
        Effect.flatMap(Effect.context<never>(), (context) => {
          open.push(Context.getOption(context as Context.Context<any>, transactionService)._tag === "Some")
          return asked
        })
      const watched = serviceWith((real) => ({
        authorise: (request) => seen(real.authorise(request)),
        query: (request) => seen(real.query(request)),
        void: (request) => seen(real.void(request))
      }))
      yield* Effect.gen(function* () {
        const id = yield* authorise("tok_timeout")
        yield* untilOperations(id, "authorise succeeded")
        yield* (yield* Payments).execute(id, voidPayment({ operationId: operationId(id, "void") }))
        yield* untilOperations(id, "authorise succeeded", "void succeeded")
      }).pipe(Effect.provide(watched))
      expect(open.length).toBeGreaterThanOrEqual(3)
      expect(open).not.toContain(true)
    })
  })
})

const faulty = Layer.merge(stores, ProviderSimulator.layer({ faults: { seed: "by the dozen", percent: 70 } }))

/** The service on a provider that misbehaves, whose webhooks arrive. */
const connected = SimulatedWebhooks.layer.pipe(Layer.provideMerge(sleeping(500)), Layer.provideMerge(faulty))

layer(connected, { timeout: "60 seconds" })("with a provider that misbehaves", (it) => {
  it.effect("forty payments, each taken and given back or cancelled, end with equal books on both sides", () =>
    Effect.gen(function* () {
      const payments = yield* Payments
      const ids = Array.from({ length: 40 }, newId)
      yield* Effect.forEach(ids, (id) => authorise("tok_visa", id), { concurrency: 10 })
      const decided = until(
        Effect.map(Effect.forEach(ids, stateOf), (states) =>
          states.every(({ operations }) => !operations.some(isOpen)) ? states : undefined
        ),
        250
      )
      yield* decided
      for (const [i, id] of ids.entries()) {
        const name = (kind: "capture" | "refund" | "void") => operationId(id, kind, "1")
        const cancel = voidPayment({ operationId: name("void") })
        const take = capture({ operationId: name("capture"), amount: gbp(6_000) })
        // Those that were declined refuse.
        yield* Effect.ignore(payments.execute(id, i % 3 === 0 ? cancel : take))
      }
      yield* decided
      for (const id of ids) {
        const back = refund({ operationId: operationId(id, "refund", "1"), amount: gbp(1_000) })
        yield* Effect.ignore(payments.execute(id, back))
      }
      const states = yield* decided
      const statuses = new Set(states.map(statusOf))
      expect([...statuses].sort()).toEqual(["cancelled", "captured", "declined"])
      for (const [i, state] of states.entries()) {
        expect(ledgerOf(state)).toEqual(yield* providerLedger(ids[i]!))
        expect(state.attentions).toEqual([])
      }
    })
  )

  it.effect("a dispute is told by webhook alone, and arrives", () =>
    Effect.gen(function* () {
      const id = yield* authorise("tok_chargeback")
      yield* untilStatus(id, "authorised")
      yield* (yield* Payments).execute(
        id,
        capture({ operationId: operationId(id, "capture", "1"), amount: gbp(6_000) })
      )
      yield* until(Effect.map(stateOf(id), ({ chargebacks }) => chargebacks[0]))
      expect(ledgerOf(yield* stateOf(id))).toMatchObject({ chargedBackMinor: 6_000 })
    })
  )
})
