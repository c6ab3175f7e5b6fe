/**
 * What a projection's worker has before it, and what it has done with it. Used by `ProjectionWorker`.
 */
import type { Recorded, Stored } from "./Event.ts"
import { type Advance, type Offset, stepOf } from "./ProjectionStore.ts"

/** New events of one partition, and where they begin. */
export interface News {
  readonly offset: Offset
  readonly events: ReadonlyArray<Stored>
}

/** What has been done with some events: the last that was handled, and those that were not. */
export interface Handled {
  readonly last: Recorded<any> | undefined
  readonly passedOver: ReadonlyArray<Stored>
}

/** A version of a stream that somebody waits for. */
export interface Sought {
  readonly stream: string
  readonly version: number
}

/** The position of the last event. */
export const positionOf = (news: News): number => news.events[news.events.length - 1]!.position

/** How the offsets move when all of it is applied. */
export const advancesOf = (news: ReadonlyArray<News>): ReadonlyArray<Advance> =>
  news.map((one) => stepOf(one.offset, positionOf(one)))
