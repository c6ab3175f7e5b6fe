/**
 * `daybook reconcile`: what does not fit together between checkouts, orders, reservations and payments, and what to do about it.
 * Reads the copy that the checkout service keeps, and changes nothing.
 */
import * as Database from "@daybook/postgres/Database"
import { hasTable } from "@daybook/postgres/Migrations"
import * as Checkout from "@daybook/services/checkout/Checkout"
import { type Finding, Kind } from "@daybook/services/checkout/Findings"
import { defaultOlderThanMillis, Reconciliation } from "@daybook/services/checkout/Reconciliation"
import * as Settings from "@daybook/shop/Settings"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Ended, Failure } from "./Failure.ts"
import { json } from "./Flags.ts"
import { printable } from "./Printable.ts"
import { table } from "./Table.ts"

/** The exit code of a reconciliation that found something. */
export const foundSomething = 3

const neverRan = new Failure({
  message:
    "There is nothing to reconcile in the checkout's read database: the service has not run on it, or is of an earlier release. " +
    "Start the shop on it once (npm start), or name another one with DAYBOOK_HOME or DATABASE_URL."
})

/** Does something with the copy of the checkout service. Nothing is created or migrated. */
const withCopy = <A, E>(work: (copy: Reconciliation["Service"]) => Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const { read } = yield* Settings.sides("checkout")
    return yield* Effect.gen(function* () {
      if (!(yield* hasTable(Checkout.schema, "reconciliation"))) return yield* neverRan
      return yield* Effect.flatMap(Reconciliation, work).pipe(Effect.provide(Reconciliation.layer(Checkout.schema)))
    }).pipe(Effect.provide(Database.layer(read)))
  })

const minutes = (count: number): string => (count === 1 ? "1 minute" : `${count} minutes`)

const rowOf = ({ kind, orderId, since }: Finding) => [kind, printable(orderId), `${since.slice(0, 19)}Z`]

const adviceOf = ({ detail, nextStep }: Finding): string => `${printable(detail)}\n  ${printable(nextStep)}`

const told = (findings: ReadonlyArray<Finding>, olderThan: number, limit: number): string => {
  if (findings.length === 0) return `Everything fits together that has not changed for ${minutes(olderThan)}.`
  const more = findings.length < limit ? [] : [`There may be more than these ${limit}; see them with --limit.`]
  const rows = table([["FINDING", "ORDER", "SINCE"], ...findings.map(rowOf)])
  return [rows, findings.map(adviceOf).join("\n"), ...more].join("\n\n")
}

/** `daybook reconcile`. */
export const reconcileCommand = Command.make(
  "reconcile",
  {
    kind: Flag.Literals("kind", Kind.literals).pipe(Flag.withDescription("Only findings of this kind"), Flag.optional),
    olderThan: Flag.Int("older-than").pipe(
      Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 527_040 }))),
      Flag.withMetavar("MINUTES"),
      Flag.withDescription("What has changed since is under way, and not reported (default 15)"),
      Flag.withDefault(defaultOlderThanMillis / 60_000)
    ),
    limit: Flag.Int("limit").pipe(
      Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10_000 }))),
      Flag.withDescription("How many to show at most (default 500)"),
      Flag.withDefault(500)
    ),
    json
  },
  Effect.fn("Daybook.reconcile")(function* ({ kind, olderThan, limit, json }) {
    const beforeMillis = (yield* Clock.currentTimeMillis) - olderThan * 60_000
    const filter = { kind: Option.getOrUndefined(kind), beforeMillis, limit }
    const findings = yield* withCopy((copy) => copy.findings(filter))
    yield* Console.log(json ? JSON.stringify(findings) : told(findings, olderThan, limit))
    if (findings.length > 0) return yield* new Ended({ code: foundSomething })
  })
).pipe(
  Command.withDescription(
    "Shows what does not fit together: money without an order, orders without money or stock, stock held for no checkout, checkouts " +
      "that are overdue or wait for an operator, and payments that their provider contradicts; for each, what to do next. Ends with 3 " +
      "when there is something"
  ),
  Command.withShortDescription("Show what does not fit together, and what to do"),
  Command.withExamples([
    { command: "daybook reconcile", description: "What has not changed for 15 minutes" },
    { command: "daybook reconcile --older-than 0", description: "Also what is under way, once the shop is quiet" },
    { command: "daybook reconcile --kind funds-without-order", description: "Only money that no order needs" },
    { command: "daybook reconcile --json | jq -r '.[].nextStep'", description: "For scripts" }
  ])
)
