/**
 * Carries checkouts to their ends, a bounded number at a time. A checkout is begun by its saga and watched in the read model, so that
 * it does not matter which process does the work.
 */
import type { RuntimeProblem } from "@daybook/core/Entities"
import type { SagaAlreadyStarted, SagaNotStarted, SagaNotWaiting } from "@daybook/core/SagaProblems"
import type { CheckoutData } from "@daybook/services/checkout/Saga"
import { Clock } from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import { Failure } from "../Failure.ts"
import type { Shop } from "../Shop.ts"

/** Checkouts under way at once: enough to share commits, few enough that none waits long for the others. */
const defaultAtOnce = 500

/** How often the read model is looked at. */
const lookMillis = 100

/** How long no checkout of those under way may come to its end. */
const patienceMillis = 180_000

/** A payment method of the simulated provider, which approves it. */
const paymentMethod = { token: "tok_approve", brand: null, last4: null }

const stuck = (ids: ReadonlyArray<string>): Failure =>
  new Failure({
    message:
      `None of ${ids.length} checkouts under way has come to its end for ${patienceMillis / 60_000} minutes, ${ids[0]} among them. See ` +
      "daybook projection list and daybook dead-letter list for what keeps them; then run the same command again, which carries on."
  })

/** Why a checkout cannot be begun. */
export type Problem = RuntimeProblem | SagaAlreadyStarted | SagaNotStarted | SagaNotWaiting

/** The checkouts of an import under way. */
export class CheckoutQueue {
  readonly #shop: Pick<Shop["Service"], "checkouts" | "checkoutView">
  readonly #places: Semaphore.Semaphore
  readonly #underWay = new Map<string, Deferred.Deferred<void, Failure>>()

  constructor(shop: Pick<Shop["Service"], "checkouts" | "checkoutView">, atOnce = defaultAtOnce) {
    this.#shop = shop
    this.#places = Semaphore.makeUnsafe(atOnce)
  }

  /**
   * Checks a cart out that was bought at a time, which is that of all that follows from it. Ends when its checkout has, in whatever
   * way; one that needs an operator has come to its end here.
   */
  run(checkoutId: string, cartId: string, occurredAtMillis: number): Effect.Effect<void, Problem | Failure> {
    const data: CheckoutData = { cartId, cartVersion: null, acceptedTotal: null, paymentMethod }
    return this.#places.withPermits(1)(
      Effect.gen({ self: this }, function* () {
        const nowMillis = (yield* Clock).currentTimeMillisUnsafe()
        const options = { actor: "import", correlationId: checkoutId, occurredAtMillis }
        const ended = Deferred.makeUnsafe<void, Failure>()
        yield* this.#shop.checkouts.execute(checkoutId, { _tag: "Start", sagaId: checkoutId, data, nowMillis }, options)
        this.#underWay.set(checkoutId, ended)
        yield* Effect.ensuring(
          Deferred.await(ended),
          Effect.sync(() => this.#underWay.delete(checkoutId))
        )
      })
    )
  }

  /** Watches checkouts while it runs; without it none comes to its end. */
  get watching(): Effect.Effect<never> {
    return Effect.gen({ self: this }, function* () {
      const clock = yield* Clock
      let newsAtMillis = clock.currentTimeMillisUnsafe()
      while (true) {
        const nowMillis = clock.currentTimeMillisUnsafe()
        // A database that does not answer has no news; whoever sends commands says so.
        const ended = yield* Effect.orElseSucceed(this.#look, () => 0)
        if (ended > 0 || this.#underWay.size === 0) newsAtMillis = nowMillis
        if (nowMillis - newsAtMillis > patienceMillis) yield* this.#giveUp
        yield* Effect.sleep(lookMillis)
      }
    })
  }

  get #look() {
    return Effect.gen({ self: this }, function* () {
      if (this.#underWay.size === 0) return 0
      const found = yield* this.#shop.checkoutView.statusOf([...this.#underWay.keys()])
      const ended = [...found].filter(([, status]) => status !== "running" && status !== "compensating")
      for (const [id] of ended) Deferred.doneUnsafe(this.#underWay.get(id)!, Effect.void)
      return ended.length
    })
  }

  get #giveUp() {
    return Effect.suspend(() => {
      const why = stuck([...this.#underWay.keys()])
      return Effect.forEach(this.#underWay.values(), (ended) => Deferred.fail(ended, why), { discard: true })
    })
  }
}
