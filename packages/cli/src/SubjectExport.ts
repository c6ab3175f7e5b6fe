/**
 * `daybook subject export`: everything that concerns a person, from all services, as one JSON document, with their personal data
 * opened and nobody else's. Changes nothing.
 */
import { SubjectKeys } from "@daybook/core/SubjectKeys"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Command from "effect/cli/Command"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Flags from "./Flags.ts"
import * as OutputFile from "./OutputFile.ts"
import * as SubjectFlags from "./SubjectFlags.ts"
import * as SubjectSearch from "./SubjectSearch.ts"
import { withPlaces } from "./SubjectStores.ts"
import { shown, tokensOf } from "./SubjectView.ts"

const exported = (subject: string) =>
  withPlaces((places) =>
    Effect.gen(function* () {
      const keys = yield* SubjectKeys
      const status = yield* keys.status(subject)
      const services = yield* SubjectSearch.search(subject, places)
      const texts = yield* keys.open([...new Set(tokensOf(services, subject))])
      const exportedAt = DateTime.formatIso(DateTime.makeUnsafe(yield* Clock.currentTimeMillis))
      return { subject, exportedAt, personalData: status, services: shown(services, subject, texts) }
    })
  )

/** `daybook subject export`. */
export const exportCommand = Command.make(
  "export",
  {
    subject: SubjectFlags.subject,
    output: Flags.output("Write it there, readable by its owner alone, instead of printing it")
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
      "with their personal data opened and nobody else's, what read models show of them, messages that are set aside, commands that were refused, and holds. The whole of " +
      "each journal is searched, which takes a while on a large one"
  ),
  Command.withShortDescription("Everything that concerns a person, as JSON"),
  Command.withExamples([
    { command: "daybook subject export 17850 --output 17850.json", description: "Into a file" },
    { command: "daybook subject export guest:checkout-9 | jq .services.order", description: "A guest's order" }
  ])
)
