/**
 * What happens to data subjects: people, as far as something about them is kept. These names are on disk.
 *
 * A subject is here only once somebody has asked for something: a hold, or an erasure. Whose data is kept is known by the keys.
 */
import * as Event from "@daybook/core/Event"
import * as Schema from "effect/Schema"

/** The events of a subject. Reasons are an operator's words, and nothing personal belongs in them. */
export const SubjectEvents = Event.define({
  /** Until it is released, nothing of the subject may be erased. */
  HoldPlaced: { holdId: Schema.String, reason: Schema.String },
  HoldReleased: { holdId: Schema.String, reason: Schema.String },
  /** Decided, and final: the subject's key is destroyed because of this, and everyone is told. */
  SubjectErased: { reason: Schema.String }
})

/** An event of a subject. */
export type SubjectEvent = Event.Type<typeof SubjectEvents>
