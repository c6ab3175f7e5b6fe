/**
 * Which events a read model as of some time is made of, for a `Replay` beside the live one. `daybook projection as-of` uses it.
 *
 * By *recorded* time it is what was known then: in each partition, what was recorded until then. By *occurred* time it is what was so
 * in the business then, as known today, whenever it was recorded. Events of one stream rest on one another, so that a stream is taken
 * up to its first event that occurred later: what is shown is a state that there was. Where events are independent movements, as
 * in a ledger of stock to which many orders contribute in any order, each event counts for itself.
 */
import * as Effect from "effect/Effect"
import type { Stored } from "./Event.ts"
import { Journal, type JournalUnavailable } from "./Journal.ts"
import * as Partition from "./Partition.ts"
import type { Projection } from "./Projection.ts"
import type { Options } from "./Replay.ts"
import type { By } from "./StreamFold.ts"

/** The time, or place in the journal, that a read model is wanted of. */
export interface Moment {
  /** An instant, and by which of an event's times it is meant. */
  readonly at?: { readonly millis: number; readonly by: By } | undefined
  /** The last position of some partitions. The others are taken as far as the instant allows. */
  readonly positions?: ReadonlyMap<number, number> | undefined
}

/** What is to be replayed. */
export interface Plan extends Required<Pick<Options, "until" | "only">> {
  /** How many events the read model was made of, once it has been. */
  readonly events: () => number
}

/** How events of one stream are to each other. */
export type Streams =
  /** Each rests on those before it. The default. */
  | "sequences"
  /** Each is a movement for itself. */
  | "movements"

/** The last position of a partition that was recorded until an instant. Looks at one event for each time the rest is halved. */
const recordedUntil = (
  journal: Journal["Service"],
  { partition, head, millis }: { readonly partition: number; readonly head: number; readonly millis: number }
): Effect.Effect<number, JournalUnavailable> =>
  Effect.gen(function* () {
    let until = 0
    let beyond = head + 1
    while (beyond - until > 1) {
      const middle = Math.floor((until + beyond) / 2)
      const [found] = yield* journal.readPartition(partition, { after: middle - 1, limit: 1 })
      if (found === undefined || found.recordedAtMillis > millis) beyond = middle
      else until = Math.min(Math.max(middle, found.position), beyond - 1)
    }
    return until
  })

/**
 * Passes each event of the sources on that is wanted, and counts those. Asked again about an event, which a replay may do after a
 * failure, it says the same. Keeps some hundred bytes for each stream that is cut off.
 */
const selection = (sources: ReadonlySet<string>, occurredUntil: number, streams: Streams) => {
  /** The first version that is left out, by stream. */
  const cut = new Map<string, number>()
  /** The last position that was counted, by partition. */
  const counted = new Map<number, number>()
  let events = 0
  const isWanted = ({ stream, version, occurredAtMillis }: Stored): boolean => {
    if (streams === "movements") return occurredAtMillis <= occurredUntil
    const from = cut.get(stream)
    if (from !== undefined) return version < from
    if (occurredAtMillis <= occurredUntil) return true
    cut.set(stream, version)
    return false
  }
  const only = (stored: Stored): boolean => {
    const { stream, partition, position } = stored
    if (!sources.has(Partition.aggregateOf(stream)) || !isWanted(stored)) return false
    if (position > (counted.get(partition) ?? 0)) {
      counted.set(partition, position)
      events++
    }
    return true
  }
  return { only, events: () => events }
}

/** What is to be replayed into a projection as of a moment. */
export const plan = (
  projection: Pick<Projection<any, any, any>, "sources">,
  { at, positions }: Moment,
  streams: Streams = "sequences"
): Effect.Effect<Plan, JournalUnavailable, Journal> =>
  Effect.gen(function* () {
    const journal = yield* Journal
    const heads = yield* journal.heads
    const recordedBy = at?.by === "recorded" ? at.millis : undefined
    const until = yield* Effect.forEach(heads, (head, partition) => {
      const last = Math.min(head, positions?.get(partition) ?? head)
      return recordedBy === undefined
        ? Effect.succeed(last)
        : recordedUntil(journal, { partition, head: last, millis: recordedBy })
    })
    const sources = new Set(projection.sources.map(({ name }) => name))
    const occurredUntil = at?.by === "occurred" ? at.millis : Number.POSITIVE_INFINITY
    return { until, ...selection(sources, occurredUntil, streams) }
  })
