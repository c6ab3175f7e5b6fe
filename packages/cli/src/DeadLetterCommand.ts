/**
 * `daybook dead-letter`: looks after messages that a consumer could not handle. The commands only read and write the inboxes; the
 * consumers run in the services' processes, and find what has changed there by themselves.
 */
import type * as Settings from "@daybook/shop/Settings"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Prompt from "effect/cli/Prompt"
import { TerminalCapabilities } from "effect/cli/TerminalCapabilities"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as DeadLetterContent from "./DeadLetterContent.ts"
import type { Letter } from "./DeadLetters.ts"
import * as DeadLetters from "./DeadLetters.ts"
import { Failure } from "./Failure.ts"
import * as Flags from "./Flags.ts"
import { toSecond } from "./Moment.ts"
import { printableLines } from "./Printable.ts"
import { type Cell, group, table } from "./Table.ts"

const service = Flags.service("Only the messages of this service's consumers")

const number = Argument.Int("number").pipe(
  Argument.withMetavar("NUMBER"),
  Argument.withDescription("A message, by the number that daybook dead-letter list shows; each service counts its own")
)

const line = (text: string): string => printableLines(text).replaceAll("\n", " ")

const typeOf = ({ message }: Letter): string => (message === undefined ? "unreadable" : line(message.type))

const messages = (count: number): string => (count === 1 ? "1 message" : `${group(count)} messages`)

/** For programs. */
const asJson = ({ service, held, message, behind }: Letter) => ({
  service,
  number: held.number,
  state: held.state,
  consumer: held.consumer,
  topic: held.topic,
  key: held.key,
  id: held.messageId,
  type: message?.type ?? null,
  attempts: held.attempts,
  error: held.error,
  heldAt: new Date(held.heldAtMillis).toISOString(),
  behind,
  text: held.text
})

const rowOf = (letter: Letter): ReadonlyArray<Cell> => [
  letter.service,
  letter.held.number,
  letter.held.state,
  letter.held.consumer,
  typeOf(letter),
  line(letter.held.key),
  letter.held.attempts,
  letter.behind,
  toSecond(letter.held.heldAtMillis)
]

const head: ReadonlyArray<Cell> = [
  "SERVICE",
  { right: "NUMBER" },
  "STATE",
  "CONSUMER",
  "MESSAGE",
  "KEY",
  { right: "ATTEMPTS" },
  { right: "BEHIND" },
  "SET ASIDE"
]

/** What is wrong, and how to look at it, for each that is dead. */
const adviceOf = ({ service, held }: Letter): ReadonlyArray<string> =>
  held.state === "waiting"
    ? []
    : [
        `${service} ${held.number}: ${line(held.error)}`,
        `  To see it whole: daybook dead-letter show ${held.number} --service ${service}`
      ]

const listed = (letters: ReadonlyArray<Letter>, all: boolean, limit: number): string => {
  if (letters.length === 0) return all ? "No message is set aside." : "There are no dead letters."
  const advice = letters.flatMap(adviceOf)
  const more = letters.length < limit ? [] : [`There may be more than these ${limit}; see them with --limit.`]
  return [table([head, ...letters.map(rowOf)]), ...(advice.length === 0 ? [] : [advice.join("\n")]), ...more].join(
    "\n\n"
  )
}

const list = Command.make(
  "list",
  {
    service,
    consumer: Flag.String("consumer").pipe(
      Flag.withDescription("Only the messages of this consumer, such as cart-commands"),
      Flag.optional
    ),
    all: Flag.Boolean("all").pipe(
      Flag.withDescription("Also messages that are being tried again, and those that wait behind another"),
      Flag.withDefault(false)
    ),
    limit: Flag.Int("limit").pipe(
      Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000 }))),
      Flag.withDescription("How many to show at most (default 50)"),
      Flag.withDefault(50)
    ),
    json: Flags.json
  },
  Effect.fn("Daybook.deadLetterList")(function* (input) {
    const inboxes = yield* DeadLetters.open(input.service)
    const letters = yield* DeadLetters.list(inboxes, {
      consumer: Option.getOrUndefined(input.consumer),
      state: input.all ? undefined : "dead",
      limit: input.limit
    })
    const text = input.json ? JSON.stringify(letters.map(asJson)) : listed(letters, input.all, input.limit)
    yield* Console.log(text)
  }, Effect.scoped)
).pipe(
  Command.withDescription(
    "Shows the messages that were given up, the oldest of each service first: after the last attempt, or since they cannot be read " +
      "at all. BEHIND is how many later messages of the same key wait for each"
  ),
  Command.withShortDescription("Show the messages that were given up"),
  Command.withExamples([
    { command: "daybook dead-letter list", description: "Of every service" },
    { command: "daybook dead-letter list --service cart --all", description: "All that the cart has set aside" },
    { command: "daybook dead-letter list --json | jq length", description: "For monitoring" }
  ])
)

const behindIt = ({ behind }: Letter): string =>
  behind === 0
    ? "nothing waits behind it"
    : `${messages(behind)} of the same key wait${behind === 1 ? "s" : ""} behind it`

const shown = (letter: Letter): string => {
  const { service, held, message } = letter
  const rows: ReadonlyArray<readonly [string, string]> = [
    ["message", message === undefined ? "unreadable" : `${typeOf(letter)}, schema version ${message.schemaVersion}`],
    ...(message === undefined
      ? []
      : [
          ["from", line(message.source)] as const,
          ["happened", toSecond(message.occurredAtMillis)] as const,
          ["conversation", line(message.correlationId ?? "none")] as const
        ]),
    ["id", line(held.messageId)],
    ["key", line(held.key)],
    ["topic", line(held.topic)],
    ["consumer", `${held.consumer} of ${service}`],
    ["state", `${held.state}; ${held.attempts === 1 ? "1 attempt" : `${held.attempts} attempts`}, ${behindIt(letter)}`],
    ["set aside", toSecond(held.heldAtMillis)],
    ...(held.error === "" ? [] : [["why", line(held.error)] as const])
  ]
  const at = `${held.number} --service ${service}`
  return [
    table(rows),
    printableLines(DeadLetterContent.pretty(held.text)),
    `To try it again:        daybook dead-letter replay ${at}\nTo correct it first:    daybook dead-letter replay ${at} --edit\n` +
      `To give it up for good: daybook dead-letter discard ${at} --reason "…"`
  ].join("\n\n")
}

const letterFor = Effect.fnUntraced(function* (input: {
  readonly service: Option.Option<Settings.ServiceName>
  readonly number: number
}) {
  return yield* DeadLetters.get(yield* DeadLetters.open(input.service), input.number)
})

const show = Command.make(
  "show",
  { number, service, json: Flags.json },
  Effect.fn("Daybook.deadLetterShow")(function* (input) {
    const letter = yield* letterFor(input)
    yield* Console.log(input.json ? JSON.stringify(asJson(letter)) : shown(letter))
  }, Effect.scoped)
).pipe(
  Command.withDescription("Shows one message whole: where it comes from, why it was set aside, and what it says"),
  Command.withShortDescription("Show one message whole"),
  Command.withExamples([
    { command: "daybook dead-letter show 7", description: "For people" },
    {
      command: "daybook dead-letter show 7 --json | jq '.text | fromjson.data' > data.json",
      description: "What it says, to be corrected and replayed with --data"
    }
  ])
)

const replayed = (letter: Letter, corrected: boolean): string => {
  const follow =
    letter.behind === 0
      ? ""
      : ` The ${messages(letter.behind)} behind it follow${letter.behind === 1 ? "s" : ""} in order.`
  const what = `Message ${letter.held.number} of ${letter.service} ${corrected ? "was corrected and " : ""}goes back to ${letter.held.consumer}`
  return `${what}, which tries it as soon as it runs.${follow}`
}

const replay = Command.make(
  "replay",
  {
    number,
    service,
    data: Flag.File("data", { mustExist: true }).pipe(
      Flag.withDescription("A file with what the message should say instead: its data as JSON, or a whole CloudEvent"),
      Flag.optional
    ),
    edit: Flag.Boolean("edit").pipe(
      Flag.withDescription("Correct the message in an editor first (VISUAL or EDITOR; default vi)"),
      Flag.withDefault(false)
    ),
    json: Flags.json
  },
  Effect.fn("Daybook.deadLetterReplay")(function* (input) {
    if (input.edit && Option.isSome(input.data)) {
      return yield* new Failure({ message: "Say either --edit or --data: both give the message another content." })
    }
    const letter = yield* letterFor(input)
    yield* DeadLetters.checkFirst(letter)
    const file = Option.getOrUndefined(input.data)
    const edited = input.edit ? yield* DeadLetterContent.fromEditor(letter) : undefined
    const text = file === undefined ? edited : yield* DeadLetterContent.fromFile(letter, file)
    const change = {
      ...(text === undefined ? {} : { text }),
      state: "retrying" as const,
      attempts: 0,
      nextAttemptAtMillis: yield* Clock.currentTimeMillis
    }
    yield* letter.inbox.change(letter.held.number, change)
    const after = { ...letter, held: { ...letter.held, ...change } }
    yield* Console.log(input.json ? JSON.stringify(asJson(after)) : replayed(letter, text !== undefined))
  }, Effect.scoped)
).pipe(
  Command.withDescription(
    "Gives a message back to its consumer, as it is or corrected: it is due at once, with as many attempts as a new one, and the later " +
      "messages of its key follow in order. What it should say instead is held to the contract of its topic before anything is changed"
  ),
  Command.withShortDescription("Give a message back to its consumer, as it is or corrected"),
  Command.withExamples([
    { command: "daybook dead-letter replay 7", description: "Once the cause is mended" },
    { command: "daybook dead-letter replay 7 --edit", description: "Correct it in an editor first" },
    {
      command: "daybook dead-letter replay 7 --service cart --data data.json",
      description: "With other data, from a script"
    }
  ])
)

/** Asks whoever typed the command; who cannot be asked has to say it beforehand. */
const confirm = Effect.fnUntraced(function* (letter: Letter) {
  const { canPrompt } = yield* TerminalCapabilities
  if (!canPrompt) {
    return yield* new Failure({
      message: "A message that is discarded is gone for good, and nobody is there to be asked. Say --yes to discard it."
    })
  }
  const { held, service } = letter
  return yield* Prompt.run(
    Prompt.Confirm({
      message: `Discard message ${held.number} of ${service} (${typeOf(letter)}, key ${line(held.key)}) for good? ${behindIt(letter)}`
    })
  )
})

const followers = ({ held, behind }: Letter): string => {
  if (behind === 0) return "Nothing waited behind it."
  const are = behind === 1 ? "is" : "are"
  return held.state === "waiting"
    ? `The ${messages(behind)} behind it still wait${behind === 1 ? "s" : ""} for one before it.`
    : `The ${messages(behind)} behind it ${are} handled next, in order.`
}

const discarded = (letter: Letter): string =>
  `Message ${letter.held.number} of ${letter.service} is discarded. ${followers(letter)}`

const discard = Command.make(
  "discard",
  {
    number,
    service,
    reason: Flag.String("reason").pipe(
      Flag.withSchema(
        Schema.String.check(
          Schema.makeFilter((text: string) => text.trim() !== "" || "Expected why it is given up"),
          Schema.isMaxLength(500)
        )
      ),
      Flag.withDescription("Why it is given up: kept in the audit trail, with who did so and what it said")
    ),
    yes: Flag.Boolean("yes").pipe(Flag.withDescription("Discard it without being asked"), Flag.withDefault(false)),
    json: Flags.json
  },
  Effect.fn("Daybook.deadLetterDiscard")(function* (input) {
    const letter = yield* letterFor(input)
    if (!input.yes && !(yield* confirm(letter))) return yield* Console.log("Nothing was discarded.")
    yield* DeadLetters.discard(letter, input.reason)
    yield* Console.log(input.json ? JSON.stringify(asJson(letter)) : discarded(letter))
  }, Effect.scoped)
).pipe(
  Command.withDescription(
    "Removes a message for good; the later messages of its key are handled next. Who did so and why is kept in the audit trail. Asks " +
      "before, unless told --yes. With --json it prints the message, which can be kept"
  ),
  Command.withShortDescription("Remove a message for good"),
  Command.withExamples([
    { command: "daybook dead-letter discard 7 --reason 'Sent twice by mistake'", description: "Asks before" },
    {
      command: "daybook dead-letter discard 7 --reason 'Cart is gone' --yes --json >> discarded.json",
      description: "From a script, keeping a copy"
    }
  ])
)

/** `daybook dead-letter …`. */
export const deadLetterCommand = Command.make("dead-letter").pipe(
  Command.withDescription(
    "Looks after messages that a consumer could not handle. They are kept in the inbox of its service, with the later messages of " +
      "the same key behind them, until they are replayed or discarded"
  ),
  Command.withShortDescription("Look after messages that could not be handled"),
  Command.withExamples([{ command: "daybook dead-letter list", description: "What there is, and why" }]),
  Command.withSubcommands([list, show, replay, discard])
)
