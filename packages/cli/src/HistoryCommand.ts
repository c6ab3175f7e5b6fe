/**
 * `daybook history`: what any aggregate of any service was at a version or at an instant, its versions, and what changed between two
 * points. Reads the journal and changes nothing.
 */
import { difference } from "@daybook/core/Difference"
import { stateCodec } from "@daybook/core/Recovery"
import { atInstant, atVersion, type By, describe, newestOf, type Point } from "@daybook/core/StreamFold"
import * as Temporal from "@daybook/core/Temporal"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Failure } from "./Failure.ts"
import { json } from "./Flags.ts"
import { asJson, differenceJson, differenceText, stateText, versionsText } from "./HistoryText.ts"
import { momentIn } from "./Moment.ts"
import * as StreamSource from "./StreamSource.ts"

const stream = Argument.String("stream").pipe(
  Argument.withMetavar("STREAM"),
  Argument.withDescription("The kind of thing and its id, such as order-o-1, cart-536365 or checkout-o-1")
)

const by = Flag.Literals("by", ["recorded", "occurred"]).pipe(
  Flag.withDescription(
    "Which time instants are meant by: recorded (default), what was known then; occurred, what was so in the business"
  ),
  Flag.optional
)

const versionNumber = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 2_147_483_647 }))

const limit = (what: string) =>
  Flag.Int("limit").pipe(
    Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10_000 }))),
    Flag.withDescription(`How many ${what} to show at most (default 100)`),
    Flag.withDefault(100)
  )

const newest = (source: Temporal.Source<any, any>, name: string) =>
  Effect.map(newestOf(source.stores.journal, name), atVersion)

// --- show ---

/** The point that was asked for; `undefined` for the present. Wrong ones are refused before a store is opened. */
const pointOf = Effect.fnUntraced(function* (input: {
  readonly at: Option.Option<string>
  readonly version: Option.Option<number>
  readonly by: Option.Option<By>
}): Effect.fn.Return<Point | undefined, Failure> {
  const at = Option.getOrUndefined(input.at)
  const version = Option.getOrUndefined(input.version)
  if (at !== undefined && version !== undefined) {
    return yield* new Failure({ message: "Say either --at or --version: both name a point of the history." })
  }
  if (at === undefined && Option.isSome(input.by)) {
    return yield* new Failure({ message: "--by says which time --at is meant by. Give both, or neither." })
  }
  if (version !== undefined) return atVersion(version)
  if (at === undefined) return undefined
  return atInstant(
    yield* momentIn("--at", at),
    Option.getOrElse(input.by, (): By => "recorded")
  )
})

const show = Command.make(
  "show",
  {
    stream,
    at: Flag.String("at").pipe(
      Flag.withDescription("An instant, as 2011-03-31T16:00:00Z, or a day, which counts to its end in UTC"),
      Flag.optional
    ),
    version: Flag.Int("version").pipe(
      Flag.withSchema(versionNumber),
      Flag.withDescription("A version, as daybook history versions lists them"),
      Flag.optional
    ),
    by,
    json
  },
  Effect.fn("Daybook.historyShow")(function* (input) {
    const asked = yield* pointOf(input)
    const { service, source } = yield* StreamSource.open(input.stream)
    const found = yield* Temporal.stateAt(source, input.stream, asked ?? (yield* newest(source, input.stream)))
    const state = stateCodec(source.aggregate).encode(found.value)
    const { last, leftOut } = found
    const shown = { service, stream: input.stream, version: found.version, last: last && asJson(last), leftOut, state }
    yield* Console.log(input.json ? JSON.stringify(shown) : stateText(input.stream, found, state))
  }, Effect.scoped)
).pipe(
  Command.withDescription(
    "Shows the state of an aggregate: now, at a version, or at an instant; with who led there, when and why. By recorded time it is what " +
      "was known then. By occurred time it is what was so in the business then, as known today: events that were recorded late are in " +
      "it, and versions that occurred only later are named as not in it"
  ),
  Command.withShortDescription("Show what something was, at a version or at an instant"),
  Command.withExamples([
    { command: "daybook history show order-o-1", description: "As it is" },
    { command: "daybook history show order-o-1 --version 2", description: "After its second event" },
    {
      command: "daybook history show stockitem-85123A@main --at 2011-03-31 --by occurred",
      description: "At the end of a day"
    },
    { command: "daybook history show payment-o-1 --json | jq .state", description: "For scripts" }
  ])
)

// --- versions ---

const versions = Command.make(
  "versions",
  {
    stream,
    after: Flag.Int("after").pipe(
      Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2_147_483_647 }))),
      Flag.withDescription("Only those after this version"),
      Flag.withDefault(0)
    ),
    limit: limit("versions"),
    json
  },
  Effect.fn("Daybook.historyVersions")(function* (input) {
    const { service, source } = yield* StreamSource.open(input.stream)
    const page = { after: input.after, limit: input.limit }
    const found = yield* Temporal.versions(source.stores.journal, input.stream, page)
    const shown = { service, ...found, versions: found.versions.map(asJson) }
    yield* Console.log(input.json ? JSON.stringify(shown) : versionsText(found, input.after))
  }, Effect.scoped)
).pipe(
  Command.withDescription(
    "Lists what happened to an aggregate, in order: which event, when it happened in the business and when it was recorded, who did it " +
      "and why, by which command and in which conversation"
  ),
  Command.withShortDescription("List what happened to something, when, by whom and why"),
  Command.withExamples([
    { command: "daybook history versions order-o-1", description: "From the beginning" },
    { command: "daybook history versions cart-536365 --after 100", description: "The next page" },
    { command: "daybook history versions checkout-o-1 --json | jq -r '.versions[].type'", description: "For scripts" }
  ])
)

// --- diff ---

/** A version, or an instant. */
const pointIn = (flag: string, text: string, time: By): Effect.Effect<Point, Failure> =>
  /^\d{1,9}$/.test(text)
    ? Effect.succeed(atVersion(Number(text)))
    : Effect.map(momentIn(flag, text), (millis) => atInstant(millis, time))

/** The ends that were asked for; no later one for the newest version. */
const endsOf = Effect.fnUntraced(function* (input: {
  readonly from: string
  readonly to: Option.Option<string>
  readonly by: Option.Option<By>
}) {
  const time = Option.getOrElse(input.by, (): By => "recorded")
  const from = yield* pointIn("--from", input.from, time)
  if (Option.isSome(input.to)) return { from, to: yield* pointIn("--to", input.to.value, time) }
  return { from, to: from._tag === "Version" ? undefined : atInstant(yield* Clock.currentTimeMillis, time) }
})

const diff = Command.make(
  "diff",
  {
    stream,
    from: Flag.String("from").pipe(Flag.withDescription("A version (0 is before the first), an instant or a day")),
    to: Flag.String("to").pipe(Flag.withDescription("Likewise (default: now)"), Flag.optional),
    by,
    limit: limit("changes"),
    json
  },
  Effect.fn("Daybook.historyDiff")(function* (input) {
    const { from, to: until } = yield* endsOf(input)
    const { service, source } = yield* StreamSource.open(input.stream)
    const to = until ?? (yield* newest(source, input.stream))
    const found = yield* difference(source, input.stream, { from, to, limit: input.limit })
    const title = `${input.stream} from ${describe(from)} to ${describe(to)}`
    const before = stateCodec(source.aggregate).encode(found.from.value)
    const text = input.json
      ? JSON.stringify({ service, ...differenceJson(found) })
      : differenceText(title, before, found)
    yield* Console.log(text)
  }, Effect.scoped)
).pipe(
  Command.withDescription(
    "Shows what changed between two points, version by version and altogether: a line for each place of the state that changed, with " +
      "what was there before. With --json the changes are JSON Patch documents (RFC 6902). Instants of occurred time are compared with " +
      "one another, and list what happened between them in the order in which it did"
  ),
  Command.withShortDescription("Show what changed between two points"),
  Command.withExamples([
    { command: "daybook history diff order-o-1 --from 1 --to 3", description: "Between two versions" },
    { command: "daybook history diff order-o-1 --from 0", description: "All that ever happened" },
    {
      command: "daybook history diff stockitem-85123A@main --from 2011-03-01 --to 2011-03-31 --by occurred",
      description: "What happened in the business between the ends of two days"
    },
    { command: "daybook history diff payment-o-1 --from 2 --json | jq .patch", description: "For scripts" }
  ])
)

/** `daybook history`. */
export const historyCommand = Command.make("history").pipe(
  Command.withDescription(
    "Looks at the past of a single thing: an order, a cart, a payment, a stock item, a checkout. Personal data are shown sealed, as they " +
      "are stored"
  ),
  Command.withShortDescription("Look at the past of a single thing"),
  Command.withExamples([{ command: "daybook history versions order-o-1", description: "What happened to it" }]),
  Command.withSubcommands([show, versions, diff])
)
