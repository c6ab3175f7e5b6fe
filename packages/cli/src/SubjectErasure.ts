/**
 * `daybook subject hold`, `release` and `erase`: what may happen to somebody's data, and its end. The services need not run: what they
 * do when they hear of an erasure is done here too, and they do it again when they hear of it, which is harmless.
 */
import { SubjectKeys } from "@daybook/core/SubjectKeys"
import * as PersonalTraces from "@daybook/postgres/PersonalTraces"
import { Reason, type Command as SubjectRequest } from "@daybook/services/privacy/Domain"
import { Subjects } from "@daybook/services/privacy/Privacy"
import { Id } from "@daybook/services/Text"
import * as Console from "effect/Console"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { SqlClient } from "effect/sql/SqlClient"
import { Failure } from "./Failure.ts"
import { json } from "./Flags.ts"
import { operator } from "./Operator.ts"
import { kept } from "./ServiceProjections.ts"
import * as SubjectFlags from "./SubjectFlags.ts"
import * as SubjectSearch from "./SubjectSearch.ts"
import { type Place, withPlaces } from "./SubjectStores.ts"

const reason = Flag.String("reason").pipe(
  Flag.withSchema(Reason),
  Flag.withMetavar("TEXT"),
  Flag.withDescription("Why. It is kept for ever, so that nothing personal belongs in it")
)

const actor = Flag.String("actor").pipe(
  Flag.withMetavar("NAME"),
  Flag.withDescription("Who does it (default: the user of this terminal)"),
  Flag.optional
)

const hold = Flag.String("hold").pipe(
  Flag.withSchema(Id),
  Flag.withMetavar("HOLD"),
  Flag.withDescription('Which hold, where there are several (default "legal")'),
  Flag.withDefault("legal")
)

const unknown = Flag.Boolean("unknown").pipe(
  Flag.withDescription(
    "Erase the subject also where nothing is known of it: nothing personal can ever come in under that id"
  ),
  Flag.withDefault(false)
)

const requested = (subject: string, request: SubjectRequest, who: string) =>
  Effect.flatMap(Subjects, (subjects) => subjects.execute(subject, request, { actor: who, reason: request.reason }))

/** Takes a subject out of one service. */
const eraseFrom = (subject: string, { service, schema, write, read }: Place) =>
  Effect.gen(function* () {
    yield* Effect.provideService(PersonalTraces.eraseFromWriteSide(schema, subject), SqlClient, write)
    const { eraseFromViews } = kept[service]
    const views = eraseFromViews === undefined ? Effect.void : eraseFromViews(schema, subject)
    const all = Effect.andThen(PersonalTraces.eraseFromReadSide(schema, subject), views)
    yield* Effect.provideService(all, SqlClient, read)
  })

/** Fails where nothing at all is known of a subject. A key, or its mark, tells without a search. */
const check = Effect.fnUntraced(function* (subject: string, places: ReadonlyArray<Place>) {
  const keys = yield* SubjectKeys
  if ((yield* keys.status(subject)) !== "unknown") return
  if (SubjectSearch.isSomething(yield* SubjectSearch.search(subject, places))) return
  return yield* new Failure({
    message: `Nothing is known of subject ${subject}: no key, and nothing in any service. Nothing was erased. Check the id: a customer's own, or for a guest, guest: and the id of their checkout. To have it erased all the same, so that nothing personal can ever come in under it, add --unknown.`
  })
})

/** The decision is on record first: whatever is lost after it is done by the running services, or by the same command again. */
const erase = (subject: string, because: string, who: string, evenUnknown: boolean) =>
  withPlaces((places) =>
    Effect.gen(function* () {
      if (!evenUnknown) yield* check(subject, places)
      const { position } = yield* requested(subject, { _tag: "EraseSubject", reason: because }, who)
      const keys = yield* SubjectKeys
      const hadKey = yield* keys.destroy(subject)
      yield* Effect.forEach(places, (place) => eraseFrom(subject, place))
      return { subject, erased: true, repeated: position === 0, hadKey, services: places.map(({ service }) => service) }
    })
  )

const whoOf = (given: Option.Option<string>): Effect.Effect<string> =>
  Option.match(given, { onNone: () => operator, onSome: Effect.succeed })

/** `daybook subject erase`. */
export const eraseCommand = Command.make(
  "erase",
  { subject: SubjectFlags.subject, reason, actor, unknown, json },
  Effect.fn("Daybook.subject.erase")(function* ({ subject, reason, actor, unknown, json }) {
    const done = yield* erase(subject, reason, yield* whoOf(actor), unknown)
    const what = done.repeated ? "had been erased before" : "is erased"
    const key = done.hadKey ? "Its key is destroyed" : "It had no key"
    const text = `Subject ${subject} ${what}. ${key}, and what was left of it is taken out of: ${done.services.join(", ")}.`
    yield* Console.log(json ? JSON.stringify(done) : text)
  })
).pipe(
  Command.withDescription(
    "Erases a person, for ever: destroys the key of their data, so that nothing of it can be opened any more, wherever copies are, and takes " +
      "what is left out of read models, snapshots, stored states and messages that were set aside. Amounts and dates stay, and so do seals. " +
      "Refused while there is a legal hold, and where nothing is known of the person, which may be a mistyped id. Doing it again is harmless, and completes what was interrupted"
  ),
  Command.withShortDescription("Erase a person, for ever"),
  Command.withExamples([
    { command: 'daybook subject erase 17850 --reason "request 4711"', description: "A customer" },
    {
      command: 'daybook subject erase guest:checkout-9 --reason "request 4712"',
      description: "A guest, by their checkout"
    }
  ])
)

/** `daybook subject hold`. */
export const holdCommand = Command.make(
  "hold",
  { subject: SubjectFlags.subject, hold, reason, actor, json },
  Effect.fn("Daybook.subject.hold")(function* ({ subject, hold: holdId, reason, actor, json }) {
    const who = yield* whoOf(actor)
    yield* withPlaces(() => requested(subject, { _tag: "PlaceHold", holdId, reason }, who))
    const text = `Subject ${subject} is on hold (${holdId}) and cannot be erased. To release it: daybook subject release ${subject} --hold ${holdId} --reason …`
    yield* Console.log(json ? JSON.stringify({ subject, holdId, held: true }) : text)
  })
).pipe(
  Command.withDescription("Places a legal hold: the person cannot be erased until every hold on them is released"),
  Command.withShortDescription("Forbid to erase a person"),
  Command.withExamples([
    { command: 'daybook subject hold 17850 --reason "chargeback 81"', description: "One matter" },
    { command: 'daybook subject hold 17850 --hold tax --reason "audit 2026"', description: "Another one, beside it" }
  ])
)

/** `daybook subject release`. */
export const releaseCommand = Command.make(
  "release",
  { subject: SubjectFlags.subject, hold, reason, actor, json },
  Effect.fn("Daybook.subject.release")(function* ({ subject, hold: holdId, reason, actor, json }) {
    const who = yield* whoOf(actor)
    const { position } = yield* withPlaces(() => requested(subject, { _tag: "ReleaseHold", holdId, reason }, who))
    const released = position > 0
    const text = released
      ? `Hold ${holdId} on subject ${subject} is released.`
      : `Subject ${subject} has no hold ${holdId}; nothing was changed.`
    yield* Console.log(json ? JSON.stringify({ subject, holdId, released }) : text)
  })
).pipe(
  Command.withDescription("Releases a legal hold; the others stay"),
  Command.withShortDescription("Release a hold on a person"),
  Command.withExamples([
    {
      command: 'daybook subject release 17850 --reason "chargeback 81 is closed"',
      description: "The hold called legal"
    }
  ])
)
