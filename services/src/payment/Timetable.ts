/**
 * When the provider is to be asked about what is open: for each reason a first delay, doubled with each look. Kept in the read
 * models, so that it survives every crash and is listed like any other data. Used by the projection, which enters what is open,
 * and by the deadlines, which look.
 */
import type { ReadModelUnavailable } from "@daybook/core/ProjectionStore"
import { instantOf } from "@daybook/postgres/Instants"
import { orReadModelUnavailable } from "@daybook/postgres/SqlProjectionStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import { nextCalls, type QueryReason } from "./NextCall.ts"
import type { State } from "./State.ts"

/**
 * Why an operation is open. `call`: it is to be called, which the reaction to the event does at once; here in case that it could
 * not. `sent`: its call is under way, or the process that made it has died. The others are those of `NextCall.ts`.
 */
export type OpenReason = QueryReason | "call" | "sent"

/** Times in milliseconds. */
interface Pace {
  readonly first: number
  readonly longest: number
  /** Looks after which there is no other. */
  readonly most?: number
}

const second = 1_000
const minute = 60 * second
const hour = 60 * minute

/**
 * `sent` waits longer than a call may take. `stray`: a call that was given up arrives within seconds or not at all; eleven looks
 * spread over a day and a half see it if it does. The rest is asked about for ever.
 */
const paces: Readonly<Record<OpenReason, Pace>> = {
  call: { first: 30 * second, longest: 5 * minute },
  sent: { first: 30 * second, longest: 5 * minute },
  unknown: { first: second, longest: 5 * minute },
  pending: { first: 30 * second, longest: hour },
  "action-required": { first: minute, longest: hour },
  expiry: { first: minute, longest: hour },
  stray: { first: minute, longest: 24 * hour, most: 11 }
}

/** Every reason. */
export const openReasons: ReadonlyArray<string> = Object.keys(paces)

/** An operation that the provider is to be asked about. */
export interface OpenOperation {
  readonly paymentId: string
  readonly operationId: string
  readonly reason: OpenReason
  readonly nextAtMillis: number
}

/** An operation that it is time to look at. */
export type Due = Omit<OpenOperation, "nextAtMillis">

/** What is open of a payment that was last heard of at a time, and when to look first. */
export const openOperations = (paymentId: string, state: State, nowMillis: number): ReadonlyArray<OpenOperation> => {
  // Whatever may ever become due, the end of an authorisation included.
  const steps = nextCalls({ paymentId, state, nowMillis: Number.MAX_SAFE_INTEGER })
  return steps.map((step): OpenOperation => {
    const { operationId } = step.request
    const { calls, status } = state.operations.find((operation) => operation.operationId === operationId)!
    const reason = step._tag !== "Query" ? "call" : status === "sent" ? "sent" : step.reason
    // Each call that led nowhere makes the next look later, so that a provider that is down is not called without end.
    const { first, longest } = paces[reason]
    const wait = Math.min(first * 2 ** Math.min(Math.max(calls - 1, 0), 30), longest)
    const nextAtMillis = reason === "expiry" ? (state.expiresAtMillis ?? nowMillis) : nowMillis + wait
    return { paymentId, operationId, reason, nextAtMillis }
  })
}

export class Timetable extends Context.Service<
  Timetable,
  {
    /**
     * Takes what is longest overdue. It will be due again, later each time, so that of several processes one takes it up, and
     * what one has taken up and not done is done by another.
     */
    take(nowMillis: number, limit: number): Effect.Effect<ReadonlyArray<Due>, ReadModelUnavailable>
  }
>()("@daybook/services/payment/Timetable") {
  /** The timetable in a schema of the database in context. */
  static readonly layer = (schema: string): Layer.Layer<Timetable, never, SqlClient> =>
    Layer.effect(
      Timetable,
      Effect.map(SqlClient, (sql) => ({
        take: (nowMillis, limit) =>
          orReadModelUnavailable(
            sql.unsafe<Due>(taking(schema), [String(nowMillis), String(limit), JSON.stringify(paceRows)])
          )
      }))
    )
}

const paceRows = Object.entries(paces).map(([reason, pace]) => ({ reason, ...pace }))

const taking = (schema: string): string =>
  `WITH now AS (SELECT ${instantOf("$1::text::float8")} AS at),
   pace AS (SELECT * FROM json_to_recordset($3::text::json) AS p (reason text, first float8, longest float8, most integer)),
   due AS (
     SELECT payment_id, operation_id FROM ${schema}.open_operation, now WHERE next_at <= now.at
     ORDER BY next_at LIMIT $2::text::integer FOR UPDATE OF open_operation SKIP LOCKED)
   UPDATE ${schema}.open_operation o SET
     tries = o.tries + 1,
     next_at = CASE WHEN o.tries + 1 >= pace.most THEN 'infinity'
       ELSE now.at + least(pace.first * power(2, least(o.tries, 30)), pace.longest) * interval '1 millisecond' END
   FROM due, pace, now
   WHERE o.payment_id = due.payment_id AND o.operation_id = due.operation_id AND pace.reason = o.reason
   RETURNING o.payment_id AS "paymentId", o.operation_id AS "operationId", o.reason`
