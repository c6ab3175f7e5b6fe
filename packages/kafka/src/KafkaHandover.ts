/**
 * Hands what several partitions' workers have over to the handler together, as batches that are few and full. Used by
 * `KafkaSubscriber` for subscriptions that allow batches of several partitions.
 *
 * A partition has one share in at a time, so that its messages stay in order. Two batches are under way at once: while the store works
 * on one, this process reads the other.
 */
import { Signal } from "@daybook/core/Signal"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"

const batchesAtOnce = 2

/** Some of a partition's messages, in order. */
export interface Share<Row> {
  readonly partition: number
  readonly rows: ReadonlyArray<Row>
}

/** A batch under way. */
interface Batch<Row, E> {
  readonly members: ReadonlyArray<Member<Row, E>>
  /** One of its partitions is to be given up, and the batch is not waited for. */
  calledOff: boolean
  fiber: Fiber.Fiber<void, E> | undefined
}

interface Member<Row, E> {
  readonly share: Share<Row>
  /** Whether it was handled; if not, it is to be handed over again. */
  readonly done: Deferred.Deferred<boolean, E>
  batch: Batch<Row, E> | undefined
}

export class KafkaHandover<Row, E, R> {
  readonly #handle: (shares: ReadonlyArray<Share<Row>>) => Effect.Effect<void, E, R>
  readonly #batchSize: number
  readonly #came = new Signal()
  #waiting: Array<Member<Row, E>> = []

  /** `handle` gets at most `batchSize` rows in all. */
  constructor(batchSize: number, handle: (shares: ReadonlyArray<Share<Row>>) => Effect.Effect<void, E, R>) {
    this.#batchSize = batchSize
    this.#handle = handle
  }

  /** Carries batches out, until interrupted. */
  get run(): Effect.Effect<never, never, R> {
    const one = Effect.gen({ self: this }, function* () {
      const seen = this.#came.count
      const batch = this.#take()
      if (batch === undefined) return yield* this.#came.changed(seen)
      const handle = Effect.suspend(() =>
        batch.calledOff ? Effect.interrupt : this.#handle(batch.members.map(({ share }) => share))
      )
      batch.fiber = yield* Effect.forkChild(handle)
      const exit = yield* Fiber.await(batch.fiber)
      const again = batch.calledOff && Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)
      const outcome = again ? Exit.succeed(false) : Exit.map(exit, () => true)
      for (const { done } of batch.members) Deferred.doneUnsafe(done, outcome)
    })
    const worker = Effect.forever(one)
    return Effect.all(
      Array.from({ length: batchesAtOnce }, () => worker),
      { concurrency: "unbounded" }
    ) as never
  }

  /** Waits until a share has been handled. Interrupting it calls the batch off that the share is in, and waits for its end. */
  handOver(share: Share<Row>): Effect.Effect<void, E> {
    return Effect.suspend(() => {
      const member: Member<Row, E> = { share, done: Deferred.makeUnsafe(), batch: undefined }
      this.#waiting.push(member)
      this.#came.notify()
      return Deferred.await(member.done).pipe(
        Effect.onInterrupt(() => this.#takeBack(member)),
        Effect.flatMap((handled) => (handled ? Effect.void : this.handOver(share)))
      )
    })
  }

  /** The next batch: as many shares as go together, in the order in which they came. */
  #take(): Batch<Row, E> | undefined {
    let [shares, rows] = [0, 0]
    for (const { share } of this.#waiting) {
      rows += share.rows.length
      if (shares > 0 && rows > this.#batchSize) break
      shares++
    }
    if (shares === 0) return undefined
    const members = this.#waiting.splice(0, shares)
    const batch: Batch<Row, E> = { members, calledOff: false, fiber: undefined }
    for (const member of members) member.batch = batch
    return batch
  }

  #takeBack(member: Member<Row, E>): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { batch } = member
      this.#waiting = this.#waiting.filter((one) => one !== member)
      if (batch === undefined) return Effect.void
      batch.calledOff = true
      return batch.fiber === undefined ? Effect.void : Fiber.interrupt(batch.fiber)
    })
  }
}
