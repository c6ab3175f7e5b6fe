/**
 * The events of a stream page by page, however many there are. Used by whatever folds them: recovery, and questions about the past.
 */
import * as Effect from "effect/Effect"
import type { Stored } from "./Event.ts"
import type { Journal, JournalUnavailable, StreamRange } from "./Journal.ts"

/** Events read at once: large enough to make round trips rare, small enough to bound memory. */
const pageSize = 1_000

/** Shows the events of a range, in order, for as long as `visit` answers that it wants more. */
export const readPages = Effect.fnUntraced(function* <E, R>(
  journal: Journal["Service"],
  stream: string,
  range: Pick<Required<StreamRange>, "from"> & Pick<StreamRange, "to">,
  visit: (page: ReadonlyArray<Stored>) => Effect.Effect<boolean, E, R>
): Effect.fn.Return<void, JournalUnavailable | E, R> {
  let { from } = range
  while (from <= (range.to ?? Infinity)) {
    const page = yield* journal.readStream(stream, { ...range, from, limit: pageSize })
    const wantsMore = yield* visit(page)
    if (!wantsMore || page.length < pageSize) return
    from = page.at(-1)!.version + 1
  }
})
