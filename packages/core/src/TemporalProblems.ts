/**
 * What can go wrong with a question about the past, besides a journal that does not answer.
 */
import * as Schema from "effect/Schema"
import { Problem } from "./Problem.ts"

/** Nothing has ever happened under that name. */
export class StreamNotFound extends Problem<StreamNotFound>()(
  "StreamNotFound",
  { status: 404, title: "There is no such stream" },
  { stream: Schema.String }
) {}

/** The stream has not got that far. */
export class VersionNotFound extends Problem<VersionNotFound>()(
  "VersionNotFound",
  { status: 404, title: "The stream has no such version" },
  { stream: Schema.String, version: Schema.Int, newestVersion: Schema.Int }
) {}

/** At that instant nothing had happened yet. */
export class NotYetBegun extends Problem<NotYetBegun>()(
  "NotYetBegun",
  { status: 404, title: "Nothing had happened yet at that time" },
  { stream: Schema.String, at: Schema.String }
) {}

/** The events that would tell are not kept any more, or never were. */
export class HistoryGone extends Problem<HistoryGone>()(
  "HistoryGone",
  { status: 410, title: "That part of the history is not kept" },
  {
    stream: Schema.String,
    /** From this version on the state is known; `null` where it is at no version that can be asked for. */
    knownFromVersion: Schema.NullOr(Schema.Int)
  }
) {}

/** By business time an event is left out from which another follows that is not. */
export class OutOfOrder extends Problem<OutOfOrder>()(
  "OutOfOrder",
  { status: 422, title: "The events up to that business time make no state" },
  { stream: Schema.String, version: Schema.Int, leftOut: Schema.Array(Schema.Int) }
) {}

/** The points of a difference are the wrong way round, or cannot be compared. */
export class PointsNotInOrder extends Problem<PointsNotInOrder>()(
  "PointsNotInOrder",
  { status: 400, title: "A difference goes from an earlier point to a later one" },
  { stream: Schema.String, from: Schema.String, to: Schema.String }
) {}

/** The answer would take more memory than one question may. */
export class HistoryTooLong extends Problem<HistoryTooLong>()(
  "HistoryTooLong",
  { status: 422, title: "The history is too long for that question" },
  { stream: Schema.String, events: Schema.Int, limit: Schema.Int }
) {}
