/**
 * Live subscriptions: a partition's events as a stream that goes on for ever, first those that are there, then each new one.
 *
 * Read in pages from the last position seen, so that nothing is skipped or repeated however slowly the stream is consumed,
 * and no queue grows. The journal's signal wakes it; polling alone would do.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Stored } from "./Event.ts"
import { Journal, type JournalUnavailable } from "./Journal.ts"

/** Where to begin, and how to read. */
export interface Options {
  readonly partition: number
  /** The last position that is not wanted. Default 0: from the beginning. */
  readonly after?: number
  /** Events read at once. Default 500. */
  readonly pageSize?: number
  /** How often to look without being woken. Default 1 second. */
  readonly poll?: Duration.Input
}

/** The events of a partition after a position, without end. Fails when the journal does; subscribe again from the last position. */
export const partition = (options: Options): Stream.Stream<Stored, JournalUnavailable, Journal> =>
  Stream.unwrap(
    Effect.map(Journal, (journal) => {
      const limit = options.pageSize ?? 500
      const pollMillis = Duration.toMillis(Duration.fromInputUnsafe(options.poll ?? "1 second"))
      const next = (after: number): Effect.Effect<ReadonlyArray<Stored>, JournalUnavailable> =>
        Effect.suspend(() => {
          const seen = journal.signal.count
          return Effect.flatMap(journal.readPartition(options.partition, { after, limit }), (events) =>
            events.length > 0
              ? Effect.succeed(events)
              : Effect.andThen(journal.signal.changedWithin(seen, pollMillis), next(after))
          )
        })
      return Stream.paginate(options.after ?? 0, (after) =>
        Effect.map(next(after), (events) => [events, Option.some(events[events.length - 1]!.position)] as const)
      )
    })
  )
