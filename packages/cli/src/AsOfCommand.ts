/**
 * `daybook projection as-of`: a read model as it was, or as it would have been, at some time in the past; made beside the live one,
 * and asked the live one's questions.
 */
import type * as AsOf from "@daybook/core/AsOf"
import * as Instant from "@daybook/core/Instant"
import type * as SqlAsOf from "@daybook/postgres/SqlAsOf"
import * as Console from "effect/Console"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { type Query, usageOf } from "./AsOfQueries.ts"
import * as AsOfStore from "./AsOfStore.ts"
import { Failure } from "./Failure.ts"
import { json } from "./Flags.ts"
import { millisOf } from "./Moment.ts"
import { printableLines } from "./Printable.ts"
import { type Cell, group, table } from "./Table.ts"

/** What was asked for. */
interface Input {
  readonly at: Option.Option<string>
  readonly by: Option.Option<"recorded" | "occurred">
  readonly positions: ReadonlyArray<string>
  readonly keep: Option.Option<string>
  readonly list: boolean
  readonly drop: Option.Option<string>
  readonly json: boolean
  readonly name: Option.Option<string>
  readonly question: ReadonlyArray<string>
}

// --- the moment ---

const instantOf = (text: string): Effect.Effect<number, Failure> => {
  const millis = millisOf(text)
  if (millis !== undefined) return Effect.succeed(millis)
  return Effect.fail(
    new Failure({
      message: `${JSON.stringify(text)} is no instant. Give --at a day, which counts to its end in UTC (2011-03-31), or a time with its offset (2011-03-31T16:00:00Z).`
    })
  )
}

const positionsOf = Effect.fnUntraced(function* (given: ReadonlyArray<string>) {
  const positions = new Map<number, number>()
  for (const text of given) {
    const [, partition, position] = /^(\d{1,9}):(\d{1,15})$/.exec(text) ?? []
    if (partition === undefined) {
      return yield* new Failure({
        message: `${JSON.stringify(text)} is no position. Give --position a partition and its last position, as 0:1500.`
      })
    }
    if (positions.has(Number(partition))) {
      return yield* new Failure({ message: `Partition ${partition} is given twice. Give one --position for each.` })
    }
    positions.set(Number(partition), Number(position))
  }
  return positions
})

/** As of when; `undefined` where nothing was said of it. */
const momentOf = Effect.fnUntraced(function* (input: Input): Effect.fn.Return<AsOf.Moment | undefined, Failure> {
  const at = Option.getOrUndefined(input.at)
  if (at === undefined && Option.isSome(input.by)) {
    return yield* new Failure({ message: "--by says which time --at is meant by. Give both, or neither." })
  }
  if (at === undefined && input.positions.length === 0) return undefined
  const by = Option.getOrElse(input.by, () => "recorded" as const)
  const positions = yield* positionsOf(input.positions)
  return { at: at === undefined ? undefined : { millis: yield* instantOf(at), by }, positions }
})

type Made = Pick<SqlAsOf.About, "atMillis" | "by" | "positions">

/** The moment in words. */
const describe = ({ atMillis, by, positions }: Made): string => {
  const places = Object.entries(positions).map(([partition, position]) => `${partition}:${position}`)
  return [
    ...(atMillis === null ? [] : [`${Instant.format(atMillis)} by ${by} time`]),
    ...(places.length === 0 ? [] : [`position ${places.join(" ")}`])
  ].join(", ")
}

const isOf = (made: Made, { at, positions = new Map<number, number>() }: AsOf.Moment): boolean =>
  describe(made) ===
  describe({ atMillis: at?.millis ?? null, by: at?.by ?? null, positions: Object.fromEntries(positions) })

// --- the question ---

const questionsOf = (queries: ReadonlyArray<Query>): string =>
  table(queries.map((query) => [usageOf(query), query.about]))

/** What is asked; `undefined` where nothing is. */
const questionOf = Effect.fnUntraced(function* ({ name, queries }: AsOfStore.Model, question: ReadonlyArray<string>) {
  const [asked, ...args] = question
  if (asked === undefined) return undefined
  const flag = question.find((word) => /^--[a-z]/.test(word))
  if (flag !== undefined) {
    return yield* new Failure({
      message: `${flag} stands after --, where everything is the question. Give flags before it: as-of ${name} ${flag} … -- ${asked} …`
    })
  }
  const query = queries.find((one) => one.name === asked)
  if (query === undefined) {
    return yield* new Failure({
      message: `${name} does not answer ${JSON.stringify(asked)}. It answers: ${queries.map(usageOf).join(", ")}.`
    })
  }
  const needed = query.takes.filter((one) => !one.startsWith("[")).length
  if (args.length < needed || args.length > query.takes.length) {
    return yield* new Failure({
      message: `${asked} is asked with ${args.length === 0 ? "nothing" : JSON.stringify(args.join(" "))}. Ask: ${usageOf(query)}`
    })
  }
  return { query, args }
})

type Question = { readonly query: Query; readonly args: ReadonlyArray<string> } | undefined

/** Asks a read model that was made, and prints the answer. */
const tell = Effect.fnUntraced(function* (
  model: AsOfStore.Model,
  made: SqlAsOf.Found,
  { question, json }: { readonly question: Question; readonly json: boolean }
) {
  const { projection, atMillis, by, positions, events } = made
  const asOf = `${projection} as of ${describe(made)}`
  const head = {
    projection,
    at: atMillis === null ? null : Instant.format(atMillis),
    by,
    positions,
    events
  }
  if (question === undefined) {
    if (json) return yield* Console.log(JSON.stringify({ ...head, queries: model.queries.map(usageOf) }))
    const ask = `Ask it, after --:\n${questionsOf(model.queries)}`
    return yield* Console.log(`${asOf}: made of ${group(events ?? 0)} events.\n\n${ask}`)
  }
  const { query, args } = question
  const found = yield* query.ask(made.schema, args)
  if (found === undefined) {
    return yield* new Failure({ message: printableLines(`There was no ${query.name} ${args.join(" ")} in ${asOf}.`) })
  }
  if (json) return yield* Console.log(JSON.stringify({ ...head, query: query.name, args, answer: found.answer }))
  yield* Console.log(printableLines(`${asOf}\n\n${found.text}`))
})

// --- what is kept ---

const isLabel = (text: string): boolean => /^[A-Za-z0-9][\w.-]{0,39}$/.test(text)

const neverSaid = new Failure({
  message:
    "Say as of when: --at 2011-03-31, or --position 0:1500. With --keep LABEL, what was kept before needs neither."
})

/** What is kept under the label, if that is what is asked for. */
const reuse = Effect.fnUntraced(function* (model: AsOfStore.Model, label: string, moment: AsOf.Moment | undefined) {
  const found = yield* AsOfStore.keptAs(model, label)
  if (found === undefined) return undefined
  const drop = `daybook projection as-of --drop ${label}`
  const another = (what: string) =>
    new Failure({ message: `${label} ${what}. Give another label, or drop it: ${drop}` })
  if (found.projection !== model.name) return yield* another(`is of ${found.projection}`)
  if (found.events === null) return yield* another("is being made, or was left unfinished by a command that was killed")
  if (moment !== undefined && !isOf(found, moment)) return yield* another(`is as of ${describe(found)}`)
  return found
})

const answer = Effect.fnUntraced(function* (input: Input, name: string) {
  const model = yield* AsOfStore.modelOf(name)
  const question = yield* questionOf(model, input.question)
  const moment = yield* momentOf(input)
  const label = Option.getOrNull(input.keep)
  if (moment === undefined && label === null) return yield* neverSaid
  const telling = (made: SqlAsOf.Found) => tell(model, made, { question, json: input.json })
  const work = Effect.gen(function* () {
    const before = label === null ? undefined : yield* reuse(model, label, moment)
    if (before !== undefined) return yield* telling(before)
    if (moment === undefined) return yield* neverSaid
    yield* AsOfStore.withMade(model, { moment, label }, telling)
  })
  yield* AsOfStore.on(model.service, work)
})

const printList = Effect.fnUntraced(function* (json: boolean) {
  const found = yield* AsOfStore.list
  if (json) return yield* Console.log(JSON.stringify(found))
  if (found.length === 0) return yield* Console.log("None is kept.")
  const rows = found.map(
    (one): ReadonlyArray<Cell> => [
      one.label ?? "",
      one.projection,
      describe(one),
      one.events === null ? { right: "unfinished" } : one.events,
      Instant.format(one.madeAtMillis),
      one.schema
    ]
  )
  yield* Console.log(table([["LABEL", "PROJECTION", "AS OF", { right: "EVENTS" }, "MADE", "SCHEMA"], ...rows]))
})

const dropAll = Effect.fnUntraced(function* (what: string, json: boolean) {
  const found = (yield* AsOfStore.list).filter(({ label, schema }) => label === what || schema === what)
  if (found.length === 0) {
    return yield* new Failure({
      message: `Nothing is kept as ${JSON.stringify(what)}. See daybook projection as-of --list`
    })
  }
  yield* Effect.forEach(found, AsOfStore.drop, { discard: true })
  const schemas = found.map(({ schema }) => schema)
  yield* Console.log(json ? JSON.stringify({ dropped: schemas }) : `Dropped ${schemas.join(", ")}.`)
})

const run = Effect.fn("Daybook.projectionAsOf")(function* (input: Input) {
  if (input.list) return yield* printList(input.json)
  if (Option.isSome(input.drop)) return yield* dropAll(input.drop.value, input.json)
  if (Option.isNone(input.name)) {
    return yield* new Failure({ message: `Say which read model: ${AsOfStore.names.join(", ")}.` })
  }
  return yield* answer(input, input.name.value)
})

/** `daybook projection as-of`. */
export const asOfCommand = Command.make(
  "as-of",
  {
    at: Flag.String("at").pipe(
      Flag.withMetavar("INSTANT"),
      Flag.withDescription("The instant: a day, which counts to its end in UTC, or a time with its offset"),
      Flag.optional
    ),
    by: Flag.Literals("by", ["recorded", "occurred"]).pipe(
      Flag.withDescription(
        "recorded: what was known then, the default. occurred: what was so in the business then, as known today"
      ),
      Flag.optional
    ),
    positions: Flag.String("position").pipe(
      Flag.withMetavar("P:N"),
      Flag.withDescription(
        "The last position of a partition; may be given for several. The others go on to their ends"
      ),
      Flag.atLeast(0)
    ),
    keep: Flag.String("keep").pipe(
      Flag.withMetavar("LABEL"),
      Flag.withDescription("Keep it under a label, so that the next question is answered at once"),
      Flag.withSchema(
        Schema.String.check(
          Schema.makeFilter<string>((text) => isLabel(text) || "Expected letters, digits, dots and dashes, at most 40")
        )
      ),
      Flag.optional
    ),
    list: Flag.Boolean("list").pipe(Flag.withDescription("Show what is kept"), Flag.withDefault(false)),
    drop: Flag.String("drop").pipe(
      Flag.withMetavar("LABEL"),
      Flag.withDescription("Remove what is kept under a label, or a schema that --list shows"),
      Flag.optional
    ),
    json,
    name: Argument.String("projection").pipe(
      Argument.withMetavar("NAME"),
      Argument.withDescription(`A read model: ${AsOfStore.names.join(", ")}`),
      Argument.optional
    ),
    question: Argument.String("query").pipe(
      Argument.withMetavar("QUERY"),
      Argument.withDescription("What to ask it, after --. Without one, the command says what can be asked"),
      Argument.variadic()
    )
  },
  run
).pipe(
  Command.withDescription(
    "Makes a read model as of some time in the past, in a schema beside the live one, which is not touched; answers a question from it, " +
      "and drops it. By recorded time it is what was known then; by occurred time, what was so in the business then, as known today"
  ),
  Command.withShortDescription("Ask a read model as of some time"),
  Command.withExamples([
    {
      command: "daybook projection as-of stock-views --at 2011-03-31 --by occurred -- stock 85123A",
      description: "What there was of a product on a day"
    },
    {
      command: "daybook projection as-of cart-views --at 2011-03-31 --by recorded -- revenue",
      description: "Revenue as it was known then"
    },
    {
      command: "daybook projection as-of cart-views --at 2011-03-31 --by occurred --keep quarter -- revenue France",
      description: "Revenue as known now, kept for more questions"
    },
    { command: "daybook projection as-of cart-views --keep quarter -- carts-of 17850", description: "One of them" },
    { command: "daybook projection as-of --drop quarter", description: "When there are no more" }
  ])
)
