/**
 * A data subject: whether it may be erased, and whether it has been. Pure and synchronous. What is known of the person is nowhere
 * here; their key is destroyed by what reacts to `SubjectErased` (`Publication.ts`).
 *
 * What is so already does nothing, so that every command may be sent again.
 */
import * as Aggregate from "@daybook/core/Aggregate"
import * as Schema from "effect/Schema"
import { Id, Text } from "../Text.ts"
import { type SubjectEvent, SubjectEvents } from "./Events.ts"
import { HoldIdTaken, type Rejection, SubjectAlreadyErased, SubjectOnHold, TooManyHolds } from "./Rejection.ts"

// --- state ---

const Hold = Schema.Struct({ holdId: Schema.String, reason: Schema.String })

/** What is known of a subject. Also its stored form. */
export const State = Schema.Struct({ holds: Schema.Array(Hold), erased: Schema.Boolean })

/** What is known of a subject. */
export type State = typeof State.Type

export const initial: State = { holds: [], erased: false }

// --- commands ---

/** Why something is done, in an operator's words: it stays for ever, so that nothing personal belongs in it. */
export const Reason = Text(500)

/** What may be asked of a subject. */
export const Command = Schema.TaggedUnion({
  PlaceHold: { holdId: Id, reason: Reason },
  ReleaseHold: { holdId: Id, reason: Reason },
  EraseSubject: { reason: Reason }
})

/** Something asked of a subject. */
export type Command = typeof Command.Type

type CommandOf<Tag extends Command["_tag"]> = Extract<Command, { readonly _tag: Tag }>

/** Each is for a matter that somebody looks after. */
export const mostHolds = 100

// --- evolve ---

export const evolve: Aggregate.Evolve<State, SubjectEvent> = {
  HoldPlaced: (state, { holdId, reason }) => ({ ...state, holds: [...state.holds, { holdId, reason }] }),
  HoldReleased: (state, { holdId }) => ({ ...state, holds: state.holds.filter((hold) => hold.holdId !== holdId) }),
  SubjectErased: (state) => ({ ...state, erased: true })
}

// --- decide ---

type Outcome = ReadonlyArray<SubjectEvent> | Rejection

const nothing: ReadonlyArray<SubjectEvent> = []

function placeHold({ holdId, reason }: CommandOf<"PlaceHold">, { holds, erased }: State): Outcome {
  const known = holds.find((hold) => hold.holdId === holdId)
  if (known?.reason === reason) return nothing
  if (known !== undefined) {
    return new HoldIdTaken({
      holdId,
      reason: known.reason,
      detail: `Hold ${holdId} is in force because of: ${known.reason}. Give the new hold an id of its own.`
    })
  }
  if (erased) {
    return new SubjectAlreadyErased({
      detail:
        "The subject was erased, so that there is nothing left to hold. Amounts and dates of its orders are still there."
    })
  }
  return holds.length < mostHolds
    ? [{ _tag: "HoldPlaced", holdId, reason }]
    : new TooManyHolds({
        maximum: mostHolds,
        detail: `The subject has ${mostHolds} holds, which is the most. Release those that have ended.`
      })
}

function releaseHold({ holdId, reason }: CommandOf<"ReleaseHold">, { holds }: State): Outcome {
  return holds.some((hold) => hold.holdId === holdId) ? [{ _tag: "HoldReleased", holdId, reason }] : nothing
}

function eraseSubject({ reason }: CommandOf<"EraseSubject">, { holds, erased }: State): Outcome {
  if (erased) return nothing
  if (holds.length === 0) return [{ _tag: "SubjectErased", reason }]
  const named = holds.map((hold) => `${hold.holdId} (${hold.reason})`).join(", ")
  return new SubjectOnHold({
    holds,
    detail: `The subject is under legal hold: ${named}. Nothing was erased. Release every hold first, if the matter has ended.`
  })
}

/** The data subject. */
export const make = (): Aggregate.Aggregate<State, Command, SubjectEvent, Rejection> =>
  Aggregate.make({
    name: "subject",
    initial,
    evolve,
    decide: { PlaceHold: placeHold, ReleaseHold: releaseHold, EraseSubject: eraseSubject },
    state: { version: 1, schema: State },
    events: SubjectEvents,
    commands: Command
  })
