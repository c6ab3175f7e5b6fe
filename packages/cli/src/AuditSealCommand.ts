/**
 * `daybook audit seal`: seals now what a shop at work would seal in the background.
 */
import { SealKeys } from "@daybook/postgres/SealKeys"
import * as SqlSeals from "@daybook/postgres/SqlSeals"
import * as Console from "effect/Console"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import { Ended } from "./Failure.ts"
import * as Flags from "./Flags.ts"
import * as Progress from "./Progress.ts"
import * as Seals from "./Seals.ts"
import { table } from "./Table.ts"

const signer = Effect.map(SealKeys, (keys) => keys.signer)

/** How many events wait to be sealed. */
const waiting = (schema: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const [row] = yield* sql.unsafe<{ readonly n: number }>(
      `SELECT coalesce(sum(head - coalesce((SELECT max(last_position) FROM ${schema}.seal s WHERE s.partition = p.id), 0)), 0)::float8
         AS n FROM ${schema}.partition p`
    )
    return row!.n
  })

const sealAll = Effect.fnUntraced(function* (journals: ReadonlyArray<Seals.Journal>) {
  const progress = yield* Progress.make(Progress.ofProcess())
  const totals = yield* Effect.forEach(journals, ({ schema, context }) =>
    Effect.provideContext(waiting(schema), context)
  )
  progress.begin("Sealing", { total: totals.reduce((sum, one) => sum + one, 0), unit: "events" })
  const onBlock = (events: number) =>
    Effect.sync(() => {
      progress.done += events
    })
  const outcomes = yield* Effect.forEach(journals, ({ service, schema, context }) =>
    Effect.map(Effect.provideContext(SqlSeals.seal(schema, { onBlock }), context), (outcome) => ({
      service,
      ...outcome
    }))
  )
  progress.end()
  return outcomes
}, Effect.scoped)

/** `daybook audit seal`. */
export const auditSealCommand = Command.make(
  "seal",
  { service: Flags.service("Only this service"), json: Flags.json },
  Effect.fn("Daybook.auditSeal")(function* ({ service, json }) {
    const journals = yield* Seals.openSealable(service)
    const keys = yield* Seals.key
    // In whatever order the services come: none of them makes a key where another has sealed.
    if (yield* Seals.isBegun(journals)) yield* Effect.provide(Effect.flatten(signer), keys)
    const outcomes = yield* Effect.provide(sealAll(journals), keys)
    if (json) yield* Console.log(JSON.stringify(outcomes))
    else {
      const rows = outcomes.map(({ service: name, events, blocks }) => [name, events, blocks])
      yield* Console.log(table([["SERVICE", { right: "SEALED EVENTS" }, { right: "BLOCKS" }], ...rows]))
    }
    const stopped = outcomes.flatMap((outcome) => outcome.stopped)
    for (const problem of stopped) yield* Console.error(problem.message)
    if (stopped.length > 0) return yield* new Ended({ code: 1 })
  }, Effect.scoped)
).pipe(
  Command.withDescription(
    "Seals every event that is not sealed yet: blocks of up to 1,000, each with a Merkle root, chained to the one before and signed. A shop " +
      "that runs does so by itself, in the background; doing it again, or while it does, is harmless. The key is that of SEAL_KEY_FILE " +
      "(default: seal-key.pem in DAYBOOK_HOME), which is made with the very first seal"
  ),
  Command.withShortDescription("Seal the journals, so that tampering becomes evident"),
  Command.withExamples([
    { command: "daybook audit seal", description: "After an import, or before an anchor is taken" },
    { command: "daybook audit seal --service payment --json", description: "One service, for scripts" }
  ])
)
