/**
 * Shares of partitions that are handed over together: what is in a batch, and what becomes of it when one of them is given up.
 */
import { KafkaHandover, type Share } from "@daybook/kafka/KafkaHandover"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"

type Batch = ReadonlyArray<Share<string>>

const share = (partition: number, ...rows: ReadonlyArray<string>): Share<string> => ({ partition, rows })

const textOf = (batch: Batch): string => batch.map(({ partition, rows }) => `${partition}:${rows.join("")}`).join(" ")

/** A handover whose handler goes on when told, with what it was given so far, and what was interrupted. */
const started = (batchSize: number) =>
  Effect.gen(function* () {
    const given: Array<string> = []
    const calledOff: Array<string> = []
    const outcomes: Array<Deferred.Deferred<void, string>> = []
    const handover = new KafkaHandover<string, string, never>(batchSize, (batch) =>
      Effect.suspend(() => {
        const outcome = Deferred.makeUnsafe<void, string>()
        outcomes.push(outcome)
        given.push(textOf(batch))
        return Effect.onInterrupt(Deferred.await(outcome), () => Effect.sync(() => calledOff.push(textOf(batch))))
      })
    )
    const running = yield* Effect.forkScoped(handover.run)
    const offer = (one: Share<string>) => Effect.forkScoped(handover.handOver(one))
    return { running, given, calledOff, outcomes, offer }
  })

const settle = Effect.repeat(Effect.yieldNow, { times: 20 })

describe("a handover", () => {
  it.effect("makes one batch of what waits, of at most so many messages, and has two under way", () =>
    Effect.gen(function* () {
      const { given, outcomes, offer } = yield* started(4)
      for (const one of [share(0, "a"), share(1, "b", "c"), share(2, "d", "e"), share(3, "f"), share(4, "g", "h")])
        yield* offer(one)
      yield* settle
      assert.deepStrictEqual(given, ["0:a 1:bc", "2:de 3:f"])
      yield* Deferred.succeed(outcomes[1]!, undefined)
      yield* settle
      assert.deepStrictEqual(given, ["0:a 1:bc", "2:de 3:f", "4:gh"])
    })
  )

  it.effect("hands over alone what is more than that", () =>
    Effect.gen(function* () {
      const { given, offer } = yield* started(2)
      yield* offer(share(0, "a", "b", "c"))
      yield* offer(share(1, "d"))
      yield* settle
      assert.deepStrictEqual(given, ["0:abc", "1:d"])
    })
  )

  it.effect("tells each share what became of its batch", () =>
    Effect.gen(function* () {
      const { outcomes, offer } = yield* started(2)
      const [one, two, three] = [yield* offer(share(0, "a")), yield* offer(share(1, "b")), yield* offer(share(2, "c"))]
      yield* settle
      yield* Deferred.fail(outcomes[0]!, "down")
      yield* Deferred.succeed(outcomes[1]!, undefined)
      assert.deepStrictEqual(
        [yield* Fiber.await(one), yield* Fiber.await(two), yield* Fiber.await(three)],
        [Exit.fail("down"), Exit.fail("down"), Exit.void]
      )
    })
  )

  it.effect("calls a batch off for a share that is given up, and hands the others over again", () =>
    Effect.gen(function* () {
      const { given, calledOff, outcomes, offer } = yield* started(3)
      const [one, two] = [yield* offer(share(0, "a")), yield* offer(share(1, "b"))]
      yield* settle
      yield* Fiber.interrupt(one)
      assert.deepStrictEqual(calledOff, ["0:a 1:b"])
      yield* settle
      assert.deepStrictEqual(given, ["0:a 1:b", "1:b"])
      yield* Deferred.succeed(outcomes[1]!, undefined)
      assert.deepStrictEqual(yield* Fiber.await(two), Exit.void)
    })
  )

  it.effect("forgets a share that is given up while it waits, and interrupts nobody for it", () =>
    Effect.gen(function* () {
      const { given, calledOff, outcomes, offer } = yield* started(1)
      yield* offer(share(0, "a"))
      yield* offer(share(1, "b"))
      yield* settle
      const waiting = yield* offer(share(2, "c"))
      yield* settle
      yield* Fiber.interrupt(waiting)
      for (const outcome of outcomes) yield* Deferred.succeed(outcome, undefined)
      yield* settle
      assert.deepStrictEqual([given, calledOff], [["0:a", "1:b"], []])
    })
  )

  it.effect("lets go of everybody when it ends in the middle of a batch", () =>
    Effect.gen(function* () {
      const { running, calledOff, offer } = yield* started(1)
      const offers = [yield* offer(share(0, "a")), yield* offer(share(1, "b")), yield* offer(share(2, "c"))]
      yield* settle
      yield* Fiber.interrupt(running)
      yield* Fiber.interruptAll(offers)
      assert.deepStrictEqual(calledOff.toSorted(), ["0:a", "1:b"])
    })
  )
})
