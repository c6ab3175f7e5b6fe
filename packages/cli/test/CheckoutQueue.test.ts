/**
 * How an import waits for its checkouts: so many at once, each until it has ended in whatever way, whoever does the work; and not
 * for ever.
 */
import * as Entities from "@daybook/core/Entities"
import { Journal } from "@daybook/core/Journal"
import * as Persistence from "@daybook/core/Persistence"
import { ReadModelUnavailable } from "@daybook/core/ProjectionStore"
import { Snapshots } from "@daybook/core/Snapshot"
import type { SagaView, Status } from "@daybook/postgres/SqlSagaView"
import { make as makeCheckout } from "@daybook/services/checkout/Saga"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { CheckoutQueue } from "../src/online-retail/CheckoutQueue.ts"

/** When the invoice is from. */
const invoiced = Date.parse("2011-03-31T16:00:00Z")

const unavailable = new ReadModelUnavailable({ retryAfterSeconds: 2, detail: "gone for a moment" })

/** Checkouts as they are kept, and a view of them that says what a test tells it to. */
const world = Effect.gen(function* () {
  const checkouts = yield* Entities.make(makeCheckout(), { persistence: Persistence.events() })
  const statuses = new Map<string, Status>()
  const asked: Array<ReadonlyArray<string>> = []
  let answers = true
  const statusOf: SagaView["statusOf"] = (ids) =>
    Effect.suspend(() => {
      asked.push(ids)
      return answers
        ? Effect.succeed(new Map([...statuses].filter(([id]) => ids.includes(id))))
        : Effect.fail(unavailable)
    })
  const checkoutView = { statusOf } as SagaView
  const queue = new CheckoutQueue({ checkouts, checkoutView }, 2)
  yield* Effect.forkScoped(queue.watching)
  const begun = (id: string) => Effect.map(checkouts.read(id), ({ version }) => version > 0)
  const answering = (whether: boolean) => {
    answers = whether
  }
  return { checkouts, queue, statuses, asked, begun, answering }
})

const stores = Layer.merge(Journal.layerMemory(), Snapshots.layerMemory)

/** Time for what was begun to be durable, and for a look at the view. */
const aWhile = TestClock.adjust("1 second")

describe("the checkouts of an import", () => {
  it.effect("are under way at most so many at once, the next when one has ended", () =>
    Effect.gen(function* () {
      const { queue, statuses, begun } = yield* world
      const all = yield* Effect.forkScoped(
        Effect.forEach(["a", "b", "c"], (id) => queue.run(id, id, invoiced), { concurrency: "unbounded" })
      )
      yield* aWhile
      expect([yield* begun("a"), yield* begun("b"), yield* begun("c")]).toEqual([true, true, false])
      statuses.set("a", "completed").set("b", "running")
      yield* aWhile
      yield* aWhile
      expect(yield* begun("c")).toBe(true)
      expect(all.pollUnsafe()).toBeUndefined()
      statuses.set("b", "compensated").set("c", "needs-attention")
      yield* aWhile
      yield* Fiber.join(all)
    }).pipe(Effect.provide(stores), Effect.scoped)
  )

  it.effect("are begun once, and one that has ended before is not waited for", () =>
    Effect.gen(function* () {
      const { queue, statuses, checkouts } = yield* world
      statuses.set("a", "compensated")
      for (let round = 0; round < 2; round++) {
        const running = yield* Effect.forkScoped(queue.run("a", "cart-a", invoiced))
        yield* aWhile
        yield* Fiber.join(running)
      }
      const { state, version } = yield* checkouts.read("a")
      expect({ status: state.status, version }).toEqual({ status: "running", version: 2 })
      expect(state.data).toMatchObject({ cartId: "cart-a", paymentMethod: { token: "tok_approve" } })
    }).pipe(Effect.provide(stores), Effect.scoped)
  )

  it.effect("go on when the view has not answered for a while", () =>
    Effect.gen(function* () {
      const { queue, statuses, answering } = yield* world
      answering(false)
      const running = yield* Effect.forkScoped(queue.run("a", "a", invoiced))
      yield* TestClock.adjust("1 minute")
      statuses.set("a", "completed")
      answering(true)
      yield* aWhile
      yield* Fiber.join(running)
    }).pipe(Effect.provide(stores), Effect.scoped)
  )

  it.effect(
    "are given up when none has ended for three minutes, with what to do; news of one keeps the others going",
    () =>
      Effect.gen(function* () {
        const { queue, statuses } = yield* world
        const first = yield* Effect.forkScoped(queue.run("a", "a", invoiced))
        const second = yield* Effect.forkScoped(queue.run("b", "b", invoiced))
        yield* TestClock.adjust("2 minutes")
        statuses.set("a", "completed")
        yield* aWhile
        yield* Fiber.join(first)
        yield* TestClock.adjust("2 minutes")
        expect(second.pollUnsafe()).toBeUndefined()
        yield* TestClock.adjust("2 minutes")
        expect((yield* Effect.flip(Fiber.join(second))).message).toBe(
          "None of 1 checkouts under way has come to its end for 3 minutes, b among them. See daybook projection list and " +
            "daybook dead-letter list for what keeps them; then run the same command again, which carries on."
        )
      }).pipe(Effect.provide(stores), Effect.scoped)
  )

  it.effect("are not asked about when there are none", () =>
    Effect.gen(function* () {
      const { asked } = yield* world
      yield* TestClock.adjust("10 minutes")
      expect(asked).toEqual([])
    }).pipe(Effect.provide(stores), Effect.scoped)
  )
})
