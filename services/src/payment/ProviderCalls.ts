/**
 * Asks the provider what a payment's state says is to be asked, and records what it says. Used by the reaction to the payment's
 * events, by its deadlines, and for a buyer who comes back from the bank.
 *
 * A call is begun in the journal before it is made, and made by whoever began it alone. Nothing is assumed of a call without an
 * answer: it is recorded as unknown, and the provider queried. No transaction is open meanwhile, calls are bounded in number and
 * each in time, and stopping anywhere is harmless: what is recorded says what is next.
 */
import type { CommandOptions, RuntimeProblem } from "@daybook/core/Entities"
import { reasonOf } from "@daybook/core/Problem"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Semaphore from "effect/Semaphore"
import { comparable, tells } from "./Comparison.ts"
import type { Command } from "./Domain.ts"
import { authorisationOf, isOpen } from "./Ledger.ts"
import { type NextCall, nextCalls, query as queryOf } from "./NextCall.ts"
import { Payments } from "./Payments.ts"
import {
  type Answer,
  Provider,
  type ProviderFailure,
  ProviderTimedOut,
  ProviderUnavailable,
  type QueryAnswer
} from "./Provider.ts"
import { type PaymentNotFound, paymentNotFound, type Rejection } from "./Rejection.ts"

/** How the provider is called. */
export interface Options {
  /** Calls and queries under way at once. Default 64: at half a second each, over a hundred in a second. */
  readonly atOnce?: number
  /** How long the provider may take to answer. Default 10 seconds, beyond which buyers give up. */
  readonly answerWithin?: Duration.Input
}

type Outcome = Extract<Command, { readonly _tag: "RecordOutcome" }>["outcome"]
type Call = Exclude<NextCall, { readonly _tag: "Query" }>
type Query = Extract<NextCall, { readonly _tag: "Query" }>

/** Why a step could not be carried out, and should be tried again. */
export type Failure = RuntimeProblem | Rejection | ProviderFailure

export class ProviderCalls extends Context.Service<
  ProviderCalls,
  {
    /**
     * Makes the calls that a payment is waiting for, and queries what is unknown. What the provider does not answer is left to
     * the timetable.
     */
    goOn(paymentId: string, options: CommandOptions): Effect.Effect<void, Exclude<Failure, ProviderFailure>>
    /** Carries out what is next about one operation, if anything is. Fails when a query is not answered. */
    goOnWith(paymentId: string, operationId: string, options: CommandOptions): Effect.Effect<void, Failure>
    /** Finds out what became of the payment's authorisation, if that is open. For a buyer who comes back from the bank. */
    askAboutAuthorisation(paymentId: string, options: CommandOptions): Effect.Effect<void, Failure>
    /**
     * Compares the payment with the provider's books, one operation after the other: news is applied, and what cannot be true
     * together needs attention. How many operations were compared.
     */
    compare(paymentId: string, options: CommandOptions): Effect.Effect<number, Failure>
  }
>()("@daybook/services/payment/ProviderCalls") {
  static readonly layer = (options: Options = {}): Layer.Layer<ProviderCalls, never, Payments | Provider> =>
    Layer.effect(
      ProviderCalls,
      Effect.gen(function* () {
        const permits = yield* Semaphore.make(options.atOnce ?? 64)
        const answerWithin = Duration.fromInputUnsafe(options.answerWithin ?? "10 seconds")
        return make({ payments: yield* Payments, provider: yield* Provider, permits, answerWithin })
      })
    )
}

interface Parts {
  readonly payments: Payments["Service"]
  readonly provider: Provider["Service"]
  readonly permits: Semaphore.Semaphore
  readonly answerWithin: Duration.Duration
}

const ask = (provider: Provider["Service"], call: Call): Effect.Effect<Answer, ProviderFailure> => {
  if (call.kind === "authorise") return provider.authorise(call.request)
  if (call.kind === "void") return provider.void(call.request)
  return provider[call.kind](call.request)
}

/** Whatever goes wrong, the outcome of the call is unknown. The domain takes a text of 200. */
const outcomeOf = (asked: Result.Result<Answer, ProviderFailure>): Outcome =>
  Result.isSuccess(asked) ? asked.success : { _tag: "Unknown", why: asked.failure.message.slice(0, 200) }

/** Asks within the time. A defect of the adapter is a failure like any other: the provider may have done it all the same. */
const bounded = <A>(
  { provider, answerWithin }: Parts,
  operationId: string,
  asking: () => Effect.Effect<A, ProviderFailure>
): Effect.Effect<A, ProviderFailure> =>
  Effect.suspend(asking).pipe(
    Effect.timeoutOrElse({
      duration: answerWithin,
      orElse: () => Effect.fail(tooLate(operationId, answerWithin))
    }),
    Effect.catchDefect((defect) =>
      Effect.andThen(
        Effect.logError(`The adapter of provider ${provider.name} failed at operation ${operationId}`, defect),
        Effect.fail(adapterFailed(operationId, defect))
      )
    )
  )

/** How one step is carried out. */
const stepsBy = (parts: Parts) => {
  const { payments, provider, permits } = parts

  const carryOut = Effect.fnUntraced(function* (call: Call, options: CommandOptions) {
    const { paymentId, operationId } = call.request
    const begun = yield* Effect.result(payments.execute(paymentId, { _tag: "BeginProviderCall", operationId }, options))
    if (Result.isFailure(begun)) {
      // Someone else has begun it, or it is not wanted any more.
      if (begun.failure._tag === "ProviderCallNotDue") return
      return yield* Effect.fail(begun.failure)
    }
    const outcome = outcomeOf(yield* Effect.result(bounded(parts, operationId, () => ask(provider, call))))
    yield* payments.execute(paymentId, { _tag: "RecordOutcome", operationId, outcome }, options)
  })

  const find = Effect.fnUntraced(function* ({ request }: Pick<Query, "request">, options: CommandOptions) {
    const { paymentId, operationId } = request
    const finding: QueryAnswer = yield* bounded(parts, operationId, () => provider.query(request))
    yield* payments.execute(paymentId, { _tag: "Reconcile", operationId, finding }, options)
  })

  // A permit comes first: what is begun and not answered for long is queried.
  const query = (next: Pick<Query, "request">, options: CommandOptions) => permits.withPermits(1)(find(next, options))
  const step = (next: NextCall, options: CommandOptions) =>
    next._tag === "Query" ? query(next, options) : permits.withPermits(1)(carryOut(next, options))
  return { query, step }
}

const make = (parts: Parts): ProviderCalls["Service"] => {
  const { payments, provider, permits } = parts
  const { query, step } = stepsBy(parts)

  const stepsOf = Effect.fnUntraced(function* (paymentId: string) {
    const { state } = yield* payments.read(paymentId)
    return nextCalls({ paymentId, state, nowMillis: yield* Clock.currentTimeMillis })
  })

  return {
    goOn: Effect.fnUntraced(function* (paymentId, options) {
      const steps = yield* stepsOf(paymentId)
      const due = steps.filter((next) => next._tag !== "Query" || next.reason === "unknown")
      yield* forAll(due, (next) =>
        Effect.catchTags(step(next, options), { ProviderUnavailable: askLater, ProviderTimedOut: askLater })
      )
    }),
    goOnWith: Effect.fnUntraced(function* (paymentId, operationId, options) {
      const steps = yield* stepsOf(paymentId)
      const due = steps.filter(({ request }) => request.operationId === operationId)
      yield* forAll(due, (next) => step(next, options))
    }),
    askAboutAuthorisation: Effect.fnUntraced(function* (paymentId, options): Effect.fn.Return<
      void,
      Failure | PaymentNotFound
    > {
      const { state } = yield* payments.read(paymentId)
      const authorisation = authorisationOf(state)
      if (authorisation === undefined) return yield* paymentNotFound()
      if (!isOpen(authorisation) || authorisation.calls === 0) return
      yield* query({ request: queryOf(paymentId, state, authorisation) }, options)
    }),
    compare: Effect.fnUntraced(function* (paymentId, options) {
      const { state } = yield* payments.read(paymentId)
      const operations = comparable(state)
      for (const operation of operations) {
        const { operationId } = operation
        const asking = bounded(parts, operationId, () => provider.query(queryOf(paymentId, state, operation)))
        const finding = yield* permits.withPermits(1)(asking)
        if (!tells(operation, finding)) continue
        yield* payments.execute(paymentId, { _tag: "Reconcile", operationId, finding }, options)
      }
      return operations.length
    })
  }
}

/** Does something for each; one that fails does not cut off what is under way for the others. */
export const forAll = Effect.fnUntraced(function* <A, E, R>(
  all: Iterable<A>,
  run: (one: A) => Effect.Effect<void, E, R>
): Effect.fn.Return<void, E, R> {
  const exits = yield* Effect.forEach(all, (one) => Effect.exit(run(one)), { concurrency: "unbounded" })
  const failed = exits.find(Exit.isFailure)
  if (failed !== undefined) yield* failed
})

const askLater = ({ message }: ProviderFailure) => Effect.logInfo(message)

const adapterFailed = (operationId: string, defect: unknown): ProviderUnavailable =>
  new ProviderUnavailable({
    operationId,
    detail: `The call about operation ${operationId} failed in the provider's adapter: ${reasonOf(defect)}`
  })

const tooLate = (operationId: string, answerWithin: Duration.Duration): ProviderTimedOut =>
  new ProviderTimedOut({
    operationId,
    detail:
      `The provider did not answer about operation ${operationId} within ${Duration.toMillis(answerWithin)} ms. ` +
      "It is queried until it is known what became of it."
  })
