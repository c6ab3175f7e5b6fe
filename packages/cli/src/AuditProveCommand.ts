/**
 * `daybook audit prove`: a file that proves one event to whoever has the public key, without Daybook.
 */
import { columns, type RawEvent, readStream } from "@daybook/postgres/RawEvents"
import { prove } from "@daybook/postgres/SealProofs"
import * as Console from "effect/Console"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { SqlClient } from "effect/sql/SqlClient"
import { Failure } from "./Failure.ts"
import * as Flags from "./Flags.ts"
import * as OutputFile from "./OutputFile.ts"
import * as Seals from "./Seals.ts"

/** How to find an event in the journal of a schema. */
type Find = (schema: string) => Effect.Effect<ReadonlyArray<RawEvent>, unknown, SqlClient>

const byVersion =
  (stream: string, version: number): Find =>
  (schema) =>
    readStream(schema, stream, { from: version, to: version })

/** By no index: the whole journal is read, once. */
const byId =
  (eventId: string): Find =>
  (schema) =>
    Effect.flatMap(SqlClient, (sql) =>
      sql.unsafe<RawEvent>(`SELECT ${columns} FROM ${schema}.event WHERE event_id = $1::text::uuid`, [eventId])
    )

const ambiguous = new Failure({
  message: "Name one event: by its stream and version (daybook audit prove order-o-1 3), or by --event-id."
})

const find = (input: {
  readonly stream: Option.Option<string>
  readonly version: Option.Option<number>
  readonly eventId: Option.Option<string>
}): Effect.Effect<{ readonly find: Find; readonly what: string }, Failure> => {
  const { stream, version, eventId } = input
  if (Option.isSome(eventId) && Option.isNone(stream)) {
    return Effect.succeed({ find: byId(eventId.value), what: `event ${eventId.value}` })
  }
  if (Option.isNone(stream) || Option.isNone(version) || Option.isSome(eventId)) return Effect.fail(ambiguous)
  return Effect.succeed({
    find: byVersion(stream.value, version.value),
    what: `version ${version.value} of a stream ${stream.value}`
  })
}

const notThere = (what: string): Failure =>
  new Failure({
    message:
      `No service has ${what} in its journal. daybook audit search shows what there is; what was archived is to be restored first, and ` +
      "what was pruned cannot be proved any more."
  })

/** `daybook audit prove`. */
export const auditProveCommand = Command.make(
  "prove",
  {
    stream: Argument.String("stream").pipe(
      Argument.withMetavar("STREAM"),
      Argument.withDescription("A stream, such as order-o-1"),
      Argument.optional
    ),
    version: Argument.Int("version").pipe(
      Argument.withMetavar("VERSION"),
      Argument.withDescription("Which of its events: 1, 2, 3 …"),
      Argument.optional
    ),
    eventId: Flag.String("event-id").pipe(
      Flag.withSchema(Schema.String.check(Schema.isUUID())),
      Flag.withDescription("The event by its id; this reads whole journals"),
      Flag.optional
    ),
    anchor: Seals.anchorFlag,
    output: Flags.output("Where to write the proof; by default to standard output")
  },
  Effect.fn("Daybook.auditProve")(function* (input) {
    if (Option.isSome(input.output)) yield* OutputFile.check(input.output.value)
    const anchor = Option.isSome(input.anchor) ? yield* Seals.readAnchor(input.anchor.value) : undefined
    const wanted = yield* find(input)
    const journals = yield* Seals.open(Option.none())
    for (const { service, schema, context, sealable } of journals) {
      const [event] = yield* Effect.provideContext(wanted.find(schema), context)
      if (event === undefined) continue
      if (!sealable)
        return yield* new Failure({
          message: `The journal of ${service} is not sealed yet. Seal it: daybook audit seal`
        })
      const handOvers = yield* Seals.handOversOf(journals)
      const proof = yield* Effect.provideContext(prove(schema, event, { anchor, handOvers }), context)
      const text = JSON.stringify(proof, null, 2)
      if (Option.isNone(input.output)) return yield* Console.log(text)
      yield* OutputFile.write(input.output.value, OutputFile.text(`${text}\n`))
      return yield* Console.error(`The proof of ${wanted.what} was written to ${input.output.value}.`)
    }
    return yield* notThere(wanted.what)
  }, Effect.scoped)
).pipe(
  Command.withDescription(
    "Writes a proof that one event is in a sealed block: the event, the path from it to the block's Merkle root, the block's signed head, and " +
      "with --anchor the chain from there to the anchor. examples/03-verify-proof checks it with the public key alone, without Daybook and " +
      "without the database"
  ),
  Command.withShortDescription("Prove one event to somebody else"),
  Command.withExamples([
    { command: "daybook audit prove order-o-1 3 --output proof.json", description: "The third event of an order" },
    {
      command: "daybook audit prove --event-id 01890a5d-ac96-774b-bcce-b302099a8057 --anchor anchor.json",
      description: "By its id, up to an anchor that somebody else has kept"
    }
  ])
)
