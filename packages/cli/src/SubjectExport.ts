/**
 * `daybook subject export`: everything that concerns a person, from all services, as one JSON document, with their personal data
 * opened. Changes nothing.
 */
import { type Token, Token as TokenSchema } from "@daybook/core/PersonalToken"
import { SubjectKeys } from "@daybook/core/SubjectKeys"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as OutputFile from "./OutputFile.ts"
import * as Progress from "./Progress.ts"
import * as SubjectFlags from "./SubjectFlags.ts"
import * as SubjectSearch from "./SubjectSearch.ts"
import { type Place, withPlaces } from "./SubjectStores.ts"

const isToken = Schema.is(TokenSchema)

/** Every token in a JSON value. */
const tokensIn = (value: unknown): ReadonlyArray<Token> => {
  if (isToken(value)) return [value]
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(tokensIn) : []
}

/** What stands for data that nobody can open any more. */
const erased = { erased: true }

/** The value with its tokens opened. */
const opened = (value: unknown, texts: ReadonlyMap<Token, string>): unknown => {
  if (isToken(value)) {
    const text = texts.get(value)
    return text === undefined ? erased : JSON.parse(text)
  }
  if (Array.isArray(value)) return value.map((item) => opened(item, texts))
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, opened(item, texts)]))
}

const collect = Effect.fnUntraced(function* (subject: string, places: ReadonlyArray<Place>) {
  const progress = yield* Progress.make(Progress.ofProcess())
  progress.begin("Searching", { total: places.length * 2, unit: "journals and databases" })
  const tick = Effect.sync(() => {
    progress.done++
  })
  const found = yield* Effect.forEach(places, (place) => Effect.tap(SubjectSearch.mentions(place, subject), () => tick))
  const ids = SubjectSearch.idsOf(subject, found.flat())
  const services: Record<string, SubjectSearch.Concerning> = {}
  for (const place of places) {
    services[place.service] = yield* Effect.tap(SubjectSearch.concerning(place, subject, ids), () => tick)
  }
  progress.end()
  return services
}, Effect.scoped)

const exported = (subject: string) =>
  withPlaces((places) =>
    Effect.gen(function* () {
      const keys = yield* SubjectKeys
      const status = yield* keys.status(subject)
      const services = yield* collect(subject, places)
      const texts = yield* keys.open([...new Set(tokensIn(services))])
      const exportedAt = DateTime.formatIso(DateTime.makeUnsafe(yield* Clock.currentTimeMillis))
      return { subject, exportedAt, personalData: status, services: opened(services, texts) }
    })
  )

/** `daybook subject export`. */
export const exportCommand = Command.make(
  "export",
  {
    subject: SubjectFlags.subject,
    output: Flag.String("output").pipe(
      Flag.withMetavar("FILE"),
      Flag.withDescription("Write it there, readable by its owner alone, instead of printing it"),
      Flag.optional
    )
  },
  Effect.fn("Daybook.subject.export")(function* ({ subject, output }) {
    if (Option.isSome(output)) yield* OutputFile.check(output.value)
    const text = JSON.stringify(yield* exported(subject), undefined, 2)
    if (Option.isNone(output)) return yield* Console.log(text)
    yield* OutputFile.write(output.value, OutputFile.text(`${text}\n`), { mode: 0o600 })
    yield* Console.log(`What concerns subject ${subject} is in ${output.value}.`)
  })
).pipe(
  Command.withDescription(
    "Everything that concerns a person, from all services, as JSON: the events of their carts, checkouts, orders, payments and reservations, " +
      "with personal data opened, what read models show of them, messages that are set aside, commands that were refused, and holds. The whole of " +
      "each journal is searched, which takes a while on a large one"
  ),
  Command.withShortDescription("Everything that concerns a person, as JSON"),
  Command.withExamples([
    { command: "daybook subject export 17850 --output 17850.json", description: "Into a file" },
    { command: "daybook subject export guest:checkout-9 | jq .services.order", description: "A guest's order" }
  ])
)
