/**
 * Projections at level 1: no events are kept that a worker could read later, so read models are written in the transaction
 * of the command itself. A projection that fails on an event refuses the command, which is a defect to its sender; the other
 * commands of the batch are stored.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { Aggregate } from "./Aggregate.ts"
import { placed } from "./AppendSignal.ts"
import type { Stored } from "./Event.ts"
import type { Within } from "./GroupCommit.ts"
import type { Append, Outcome } from "./Journal.ts"
import type { Projection } from "./Projection.ts"
import { decodeFor } from "./Projection.ts"

const storedOf = (append: Append, now: number): ReadonlyArray<Stored> =>
  append.events.map((_, i) => placed(append, i, 0, now))

/** The work that applies a batch's accepted events to projections. Events have no position at this level: it is 0. */
export const inlineProjections = <R>(
  aggregate: Aggregate<any, any, any, any>,
  projections: ReadonlyArray<Projection<any, any, R>>,
  context: Context.Context<R>
): Within => {
  const wanted = projections.filter((projection) => projection.sources.some((source) => source.name === aggregate.name))
  const decoders = wanted.map((projection) => ({ projection, decode: decodeFor(projection) }))
  return Effect.fnUntraced(
    function* (batch: ReadonlyArray<Append>, outcomes: ReadonlyArray<Outcome>) {
      const now = yield* Clock.currentTimeMillis
      const stored = batch.flatMap((append, i) => (isAppended(outcomes[i]) ? storedOf(append, now) : []))
      if (stored.length === 0) return
      for (const { projection, decode } of decoders) {
        const events = stored.flatMap(decode)
        yield* projection.handle(events, { replaying: false })
      }
    },
    // What the transaction provides (its connection) stays; only the rest comes from here.
    Effect.updateContext((own: Context.Context<never>) => Context.merge(context, own))
  )
}

const isAppended = (outcome: Outcome | undefined): boolean => outcome?._tag === "Appended"
