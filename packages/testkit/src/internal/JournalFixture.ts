/**
 * What the journal's scenarios are written with: streams that no other scenario uses, and short ways to append to them and
 * to read partitions. A scenario never assumes that the journal is empty, since all of them share one.
 */

import { storedOf } from "@daybook/core/AppendSignal"
import type { Stored } from "@daybook/core/Event"
import { type Append, Journal, type JournalUnavailable, type NewEvent, type Outcome } from "@daybook/core/Journal"
import * as Partition from "@daybook/core/Partition"
import { assert } from "@effect/vitest"
import { uuidV4Unsafe, uuidV7Unsafe } from "effect/crypto/SecureRandom"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { nothingKnown } from "../Metadata.ts"

/** A stream, and the partition that it belongs to. */
export interface Target {
  readonly stream: string
  readonly partition: number
}

const run = uuidV4Unsafe().slice(0, 8)
let created = 0

/** The stream of an aggregate id. */
export const targetOf = (journal: Journal["Service"], id: string): Target => ({
  stream: Partition.streamOf("case", id),
  partition: Partition.ofId(id, journal.partitions)
})

/** An id that nothing else uses. */
export const freshId = (): string => `${run}-${++created}`

/** A stream that has never been written. */
export const freshTarget: Effect.Effect<Target, never, Journal> = Effect.gen(function* () {
  return targetOf(yield* Journal, freshId())
})

/** A stream that has never been written, in a partition of choice. */
export const freshTargetIn = (partition: number): Effect.Effect<Target, never, Journal> =>
  Effect.repeat(freshTarget, { until: (target) => target.partition === partition })

/** Streams that have never been written, wherever they come to be. */
export const freshTargets = (count: number): Effect.Effect<ReadonlyArray<Target>, never, Journal> =>
  Effect.all(Array.from({ length: count }, () => freshTarget))

/** An event with some data, and no metadata unless given. */
export const eventOf = (data: unknown, given: Partial<NewEvent> = {}): NewEvent => ({
  eventId: uuidV7Unsafe(),
  type: "Noted",
  schemaVersion: 1,
  occurredAtMillis: 1_700_000_000_000,
  ...nothingKnown,
  data,
  ...given
})

/** Events with the data `{ n: from }` up to `{ n: to }`. */
export const numbered = (from: number, to: number, given: Partial<NewEvent> = {}): ReadonlyArray<NewEvent> =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => eventOf({ n: from + i }, given))

export const appendTo = (
  target: Target,
  expectedVersion: number,
  events: ReadonlyArray<NewEvent>,
  given: Partial<Append> = {}
): Append => ({ ...target, expectedVersion, events, receipts: [], state: null, keepEvents: true, ...given })

/** Appends for one command: its events carry its id, and its receipt the version after them. */
export const commandOn = (target: Target, expectedVersion: number, commandId: string, events: number): Append =>
  appendTo(target, expectedVersion, numbered(expectedVersion + 1, expectedVersion + events, { commandId }), {
    receipts: [{ commandId, version: expectedVersion + events }]
  })

/** Appends one stream's share on its own. */
export const append = (one: Append): Effect.Effect<Outcome, JournalUnavailable, Journal> =>
  Effect.gen(function* () {
    const outcomes = yield* (yield* Journal).append([one])
    assert.strictEqual(outcomes.length, 1, "one outcome for one append")
    return outcomes[0]!
  })

export type Appended = Extract<Outcome, { readonly _tag: "Appended" }>

export const expectAppended = (outcome: Outcome | undefined): Appended => {
  assert.strictEqual(outcome?._tag, "Appended", `not appended: ${JSON.stringify(outcome)}`)
  return outcome as Appended
}

/** Appends what must succeed. */
export const store = (one: Append): Effect.Effect<Appended, JournalUnavailable, Journal> =>
  Effect.map(append(one), expectAppended)

/** A new stream with this many events, `{ n: 1 }` and on. */
export const written = (count: number): Effect.Effect<Target, JournalUnavailable, Journal> =>
  Effect.gen(function* () {
    const target = yield* freshTarget
    yield* store(appendTo(target, 0, numbered(1, count)))
    return target
  })

/** Everything in a partition after a position, read in pages. */
export const readAfter = (
  partition: number,
  after: number,
  limit = 100
): Effect.Effect<ReadonlyArray<Stored>, JournalUnavailable, Journal> =>
  Effect.gen(function* () {
    const journal = yield* Journal
    const all: Array<Stored> = []
    while (true) {
      const page = yield* journal.readPartition(partition, { after: all.at(-1)?.position ?? after, limit })
      all.push(...page)
      if (page.length === 0) return all
    }
  })

export const versionsOf = (events: ReadonlyArray<Stored>): ReadonlyArray<number> => events.map((e) => e.version)

/** An effect's result, and what it has the journal hand over, if that does so; `undefined` if it does not. */
export const handedOver = <A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<readonly [result: A, handed: ReadonlyArray<Stored> | undefined], E, R | Journal> =>
  Effect.gen(function* () {
    const { signal } = yield* Journal
    let all: ReadonlyArray<Stored> | undefined
    const unfollow = signal.follow((written) => {
      all = [...(all ?? []), ...written.map(storedOf)]
    })
    const result = yield* Effect.ensuring(effect, Effect.sync(unfollow))
    return [result, all]
  })

/** The numbers from `from` to `to`. */
export const range = (from: number, to: number): ReadonlyArray<number> =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i)

/** Positions are 1, 2, 3 … from `after` on, each once, in order. */
export const expectDense = (events: ReadonlyArray<Stored>, after: number): void => {
  const positions = events.map((event) => event.position)
  assert.deepStrictEqual(positions, range(after + 1, after + events.length), "positions must follow each other")
}

/** An append that is kept inside its transaction. */
export interface Held<E> {
  readonly fiber: Fiber.Fiber<ReadonlyArray<Outcome>, JournalUnavailable | E>
  /** Lets the transaction end: well with `Effect.void`, badly with a failure. */
  readonly release: (how: Effect.Effect<void, E>) => Effect.Effect<void>
}

/** Appends a batch and keeps its transaction open, after the events are written, until released. */
export const hold = <E = never>(batch: ReadonlyArray<Append>): Effect.Effect<Held<E>, never, Journal | Scope.Scope> =>
  Effect.gen(function* () {
    const journal = yield* Journal
    const inside = yield* Deferred.make<void>()
    const released = yield* Deferred.make<void, E>()
    const within = () => Effect.andThen(Deferred.succeed(inside, undefined), Deferred.await(released))
    const fiber = yield* Effect.forkScoped(journal.append(batch, within))
    yield* Deferred.await(inside)
    return { fiber, release: (how) => Effect.asVoid(Deferred.completeWith(released, how)) }
  })

/** Gives others a chance to get as far as they can without this fiber. Enough where everything runs in this process. */
export const letOthersRun: Effect.Effect<void> = Effect.repeat(Effect.yieldNow, { times: 50 })
