/**
 * Why something is refused that is asked of a data subject. The types are what clients switch on: names and statuses stay.
 */
import { Problem } from "@daybook/core/Problem"
import * as Schema from "effect/Schema"

const Hold = Schema.Struct({ holdId: Schema.String, reason: Schema.String })

export class SubjectOnHold extends Problem<SubjectOnHold>()(
  "SubjectOnHold",
  { status: 409, title: "A legal hold forbids to erase the subject" },
  { holds: Schema.Array(Hold) }
) {}

export class SubjectAlreadyErased extends Problem<SubjectAlreadyErased>()("SubjectAlreadyErased", {
  status: 409,
  title: "The subject has been erased before"
}) {}

export class HoldIdTaken extends Problem<HoldIdTaken>()(
  "HoldIdTaken",
  { status: 409, title: "The subject has a hold of that id for another reason" },
  { holdId: Schema.String, reason: Schema.String }
) {}

export class TooManyHolds extends Problem<TooManyHolds>()(
  "TooManyHolds",
  { status: 409, title: "The subject has too many holds" },
  { maximum: Schema.Int }
) {}

/** Every rejection of a subject, for the declarations of its API. */
export const rejections = [SubjectOnHold, SubjectAlreadyErased, HoldIdTaken, TooManyHolds] as const

export type Rejection = InstanceType<(typeof rejections)[number]>
