/**
 * Daybook's journal with nothing before it: its group commit and its append, with all that these promise, and events that are there already.
 *
 * What lies between this and `Daybook.ts` is the cart's rules, its entities and an answer for each caller; what lies between this and
 * `BareJournal.ts`, on the same table, is that each stream's version is checked, that callers' carts are of all partitions, and that one
 * statement fits every batch and both drivers. Used by the `commands` benchmark.
 */
import * as EventId from "@daybook/core/EventId"
import { GroupCommit } from "@daybook/core/GroupCommit"
import { type Append, Journal } from "@daybook/core/Journal"
import * as Partition from "@daybook/core/Partition"
import * as Database from "@daybook/postgres/Database"
import * as Stores from "@daybook/postgres/Stores"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Redacted from "effect/Redacted"
import { type Contestant, closedLoop, measured, perCaller } from "../Contestant.ts"
import { rowsIn } from "../Rows.ts"
import { steps } from "./CartLoad.ts"

const schema = "alone"

/** A caller's appends, of one event each, as the cart's entities would make them. */
const appendsOf = (caller: number, partitions: number): (() => Append) => {
  const next = steps(caller)
  let [stream, partition, version] = ["", 0, 0]
  return () => {
    const { cartId, command, sender } = next()
    const { _tag, ...data } = command
    if (_tag === "OpenCart")
      [stream, partition, version] = [Partition.streamOf("cart", cartId), Partition.ofId(cartId, partitions), 0]
    const now = Date.now()
    const { actor, correlationId } = sender
    const [eventId, type] = [EventId.make(now), _tag === "OpenCart" ? "CartOpened" : "ItemAdded"]
    const none = { reason: null, commandId: null, causationId: null, traceParent: null, tenant: null }
    const event = { eventId, type, schemaVersion: 1, data, occurredAtMillis: now, actor, correlationId, ...none }
    return {
      stream,
      partition,
      expectedVersion: version++,
      events: [event],
      receipts: [],
      state: null,
      keepEvents: true
    }
  }
}

/** Starts the journal on an empty database, with its default lanes and partitions. */
export const start = async (databaseUrl: string): Promise<Contestant> => {
  const runtime = ManagedRuntime.make(
    Stores.writeSide({ schema }).pipe(Layer.provideMerge(Database.layer({ url: Redacted.make(databaseUrl) })))
  )
  const journal = await runtime.runPromise(Journal)
  const commit = new GroupCommit({ journal, fork: Effect.runForkWith(await runtime.context()), onCommit: () => {} })
  const append = (given: Append): Promise<void> =>
    new Promise((resolve, reject) => {
      commit.submit(given, (outcome, failure) => {
        if (outcome?._tag === "Appended") resolve()
        else reject(new Error(`an append ended with ${outcome?._tag ?? failure}`))
      })
    })
  const callersAppends = perCaller((caller) => appendsOf(caller, journal.partitions))
  const load = closedLoop((caller) => {
    const next = callersAppends(caller)
    return () => append(next())
  })
  return {
    round: (given) => measured(given, load),
    stored: () => runtime.runPromise(rowsIn(`${schema}.event`)),
    close: () => runtime.dispose()
  }
}
