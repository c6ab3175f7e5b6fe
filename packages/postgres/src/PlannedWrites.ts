/**
 * Writes that a projection plans (`Write`), carried out: one after the other, or as parts of a single statement. Used by
 * `SqlProjectionStore` and by projections of services.
 */
import type { Write } from "@daybook/core/Projection"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"

type Plan<Batch, E, R> = (batch: Batch) => Effect.Effect<ReadonlyArray<Write>, E, R>

/** A projection's `plan`, and the `handle` that carries it out where writes are of a transaction anyway. */
export const planned = <Batch, E, R>(plan: Plan<Batch, E, R>) => ({
  plan,
  handle: Effect.fnUntraced(function* (batch: Batch): Effect.fn.Return<void, E | SqlError, R | SqlClient> {
    const sql = yield* SqlClient
    for (const { text, params } of yield* plan(batch)) yield* sql.unsafe(text("true"), params)
  })
})

/** Writes as items of a WITH list, which take effect where a condition holds. `before` parameters of the statement come before theirs. */
export const itemsOf = (writes: ReadonlyArray<Write>, condition: string, before: number) => {
  const params: Array<string> = []
  const items = writes.map(({ text, params: own }, i) => {
    const shift = before + params.length
    params.push(...own)
    return `write${i} AS (${text(condition).replaceAll(/\$(\d+)/g, (_, n) => `$${Number(n) + shift}`)})`
  })
  return { items, params }
}
