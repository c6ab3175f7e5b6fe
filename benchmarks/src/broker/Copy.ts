/**
 * The effect whose way the `broker` benchmark measures: a copy that a consumer keeps, of how many events each cart has had. A message
 * that is lost or counted twice leaves a wrong number there for ever. Used by every contestant that keeps one.
 */
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"

/** The copy's table, in the consumer's database. */
export const create = "CREATE TABLE heard (cart_id text PRIMARY KEY, events integer NOT NULL)"

/** Counts one event for each of these carts, which may be named more than once. In one order everywhere, so that nobody deadlocks. */
export const count = (cartIds: ReadonlyArray<string>) =>
  Effect.flatMap(SqlClient, (sql) =>
    Effect.asVoid(
      sql.unsafe(
        `INSERT INTO heard AS h (cart_id, events)
         SELECT cart_id, count(*)::integer FROM json_array_elements_text($1::text::json) AS c (cart_id) GROUP BY cart_id ORDER BY cart_id
         ON CONFLICT (cart_id) DO UPDATE SET events = h.events + excluded.events`,
        [JSON.stringify(cartIds)]
      )
    )
  )

/** How many events were counted in all. */
export const total = Effect.flatMap(SqlClient, (sql) =>
  Effect.map(
    sql.unsafe<{ readonly n: number }>("SELECT coalesce(sum(events), 0)::integer AS n FROM heard"),
    (rows) => rows[0]!.n
  )
)

/** How many events were counted of each of these carts. */
export const countsOf = (cartIds: ReadonlyArray<string>) =>
  Effect.flatMap(SqlClient, (sql) =>
    Effect.map(
      sql.unsafe<{ readonly id: string; readonly events: number }>(
        "SELECT cart_id AS id, events FROM heard WHERE cart_id = ANY($1::text[])",
        [cartIds]
      ),
      (rows) => new Map(rows.map(({ id, events }) => [id, events]))
    )
  )
