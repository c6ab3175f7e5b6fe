/**
 * Compares each payment with the provider's books, once nothing of it was recorded for an hour, and again after each change: what
 * differs needs attention. Run by `Payment.ts`; one payment at a time is compared by `POST /payments/{id}/reconciliation`.
 */
import { system } from "@daybook/core/Actor"
import * as Deadlines from "@daybook/core/Deadlines"
import type { ReadModelUnavailable } from "@daybook/core/ProjectionStore"
import { instantOf } from "@daybook/postgres/Instants"
import { orReadModelUnavailable } from "@daybook/postgres/SqlProjectionStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import { type Failure, ProviderCalls } from "./ProviderCalls.ts"

/** A payment to be compared, as it was in that version. */
export interface Uncompared {
  readonly paymentId: string
  readonly version: number
}

const minute = 60_000

/** Until then calls, webhooks and queries change it by themselves, and the provider's books may be behind. */
const settledMillis = 60 * minute

/** Older than that, providers answer no more, and disputes are over. */
const recentMillis = 60 * 24 * 60 * minute

/** A comparison that failed, or whose process died, is taken up again after this. */
const againMillis = 10 * minute

/** Payments in one look, so that buyers' calls come first: at ten looks a minute, about ten thousand payments an hour. */
const atOnce = 20
const pollMillis = 6_000

export class Comparisons extends Context.Service<
  Comparisons,
  {
    /** Takes payments that have not been compared since they changed, those that have waited longest. Each goes to one process. */
    take(nowMillis: number, limit: number): Effect.Effect<ReadonlyArray<Uncompared>, ReadModelUnavailable>
    /** The payment has been compared in that version. */
    done(compared: Uncompared): Effect.Effect<void, ReadModelUnavailable>
  }
>()("@daybook/services/payment/Comparisons") {
  /** The payments in a schema of the database in context. */
  static readonly layer = (schema: string): Layer.Layer<Comparisons, never, SqlClient> =>
    Layer.effect(
      Comparisons,
      Effect.map(SqlClient, (sql) => ({
        take: (nowMillis, limit) =>
          orReadModelUnavailable(
            sql.unsafe<Uncompared>(taking(schema), [
              String(nowMillis - settledMillis),
              String(nowMillis - recentMillis),
              String(nowMillis),
              String(nowMillis + againMillis),
              String(limit)
            ])
          ),
        done: ({ paymentId, version }) =>
          Effect.asVoid(
            orReadModelUnavailable(
              sql.unsafe(
                `UPDATE ${schema}.payment_view SET compared_version = greatest(compared_version, $2::text::integer),
                   compare_at = '-infinity'
                 WHERE payment_id = $1::text`,
                [paymentId, String(version)]
              )
            )
          )
      }))
    )
}

const taking = (schema: string): string =>
  `WITH due AS (
     SELECT payment_id FROM ${schema}.payment_view
     WHERE version > compared_version AND recorded_at <= ${instantOf("$1::text::float8")}
       AND recorded_at > ${instantOf("$2::text::float8")} AND compare_at <= ${instantOf("$3::text::float8")}
     ORDER BY recorded_at, payment_id LIMIT $5::text::integer FOR UPDATE SKIP LOCKED)
   UPDATE ${schema}.payment_view v SET compare_at = ${instantOf("$4::text::float8")}
   FROM due WHERE v.payment_id = due.payment_id
   RETURNING v.payment_id AS "paymentId", v.version`

/** A layer that compares while it lives. Any number of processes may run it. */
export const sweep: Layer.Layer<never, never, Comparisons | ProviderCalls> = Deadlines.layer<
  Uncompared,
  ReadModelUnavailable,
  Failure | ReadModelUnavailable,
  Comparisons | ProviderCalls
>({
  name: "payment-comparison",
  due: (nowMillis, limit) => Effect.flatMap(Comparisons, ({ take }) => take(nowMillis, Math.min(limit, atOnce))),
  fire: Effect.fnUntraced(function* (one) {
    const calls = yield* ProviderCalls
    yield* calls.compare(one.paymentId, { correlationId: one.paymentId, actor: system("payment") })
    yield* (yield* Comparisons).done(one)
  }),
  pollMillis
})
