/**
 * `daybook prune`: deletes the events of level 2 whose time is over, as the shop does once a day; or says what it would delete.
 */
import { type Outcome, type Pruned, prune } from "@daybook/postgres/Retention"
import * as Cart from "@daybook/services/cart/Cart"
import type * as Settings from "@daybook/shop/Settings"
import * as Console from "effect/Console"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { Failure } from "./Failure.ts"
import { json } from "./Flags.ts"
import { table } from "./Table.ts"
import * as WriteSides from "./WriteSides.ts"

/** Whose events go, of the services that are at level 2. */
const prunedBy: Partial<Record<Settings.ServiceName, Omit<Pruned, "schema"> | undefined>> = { cart: Cart.pruned() }

/** What was done with a service. */
interface Done extends Outcome {
  readonly service: Settings.ServiceName
  readonly retainedDays: number
}

const told = (done: ReadonlyArray<Done>, dryRun: boolean): string => {
  if (done.length === 0) return "No service whose events are deleted after a time has run here yet."
  const rows = done.map(({ service, events, stored, retainedDays }) => [service, events, stored, retainedDays])
  const deleted = dryRun ? "WOULD GO" : "DELETED"
  const head = [deleted, "STATES STORED", "KEPT FOR DAYS"].map((right) => ({ right }))
  return table([["SERVICE", ...head], ...rows])
}

/** `daybook prune`. */
export const pruneCommand = Command.make(
  "prune",
  {
    dryRun: Flag.Boolean("dry-run").pipe(
      Flag.withDescription("Say how many events would be deleted, and change nothing"),
      Flag.withDefault(false)
    ),
    now: Flag.Boolean("now").pipe(
      Flag.withDescription("Delete them, without waiting for the shop to do it"),
      Flag.withDefault(false)
    ),
    json
  },
  Effect.fn("Daybook.prune")(function* ({ dryRun, now, json }) {
    if (dryRun === now) {
      return yield* new Failure({ message: "Say --dry-run to see what would be deleted, or --now to delete it." })
    }
    const done: Array<Done> = []
    for (const { service, schema, context } of yield* WriteSides.open(yield* WriteSides.chosen([]))) {
      const pruned = prunedBy[service]
      if (pruned === undefined) continue
      const outcome = yield* Effect.provideContext(prune({ schema, ...pruned }, { dryRun }), context)
      done.push({ service, retainedDays: Math.round(pruned.retainMillis / 86_400_000), ...outcome })
    }
    yield* Console.log(json ? JSON.stringify(done) : told(done, dryRun))
  }, Effect.scoped)
).pipe(
  Command.withDescription(
    "Deletes the events of services at level 2 that are older than their time (the cart's: 7 days), once every read model and " +
      "publication has passed them, they are sealed, and the stored state covers them. The shop does so every PRUNE_EVERY_HOURS. The last " +
      "event of each stream stays. A read model cannot be rebuilt from events that are gone"
  ),
  Command.withShortDescription("Delete events whose time is over"),
  Command.withExamples([
    { command: "daybook prune --dry-run", description: "How many there are" },
    { command: "daybook prune --now", description: "Where the shop's own role may not delete" }
  ])
)
