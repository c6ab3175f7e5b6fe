/**
 * How every service answers over HTTP: ids that follow from a request, queries that wait for a version, and how long they took.
 * For the handlers and queries of services; on the server only.
 */
import { createHash, randomUUID } from "node:crypto"
import type { CommandOptions } from "@daybook/core/Entities"
import { querySeconds } from "@daybook/core/Metrics"
import { ReadModelUnavailable } from "@daybook/core/ProjectionStore"
import type { Projector } from "@daybook/core/Projector"
import { orNoAnswer } from "@daybook/postgres/AnswerLimit"
import { reasonOf } from "@daybook/postgres/SqlFailure"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { HttpApiSchema } from "effect/http-api"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import type { SqlClient } from "effect/sql/SqlClient"
import { defaultLimit, NotYetVisible, waitMillis } from "./Http.ts"

/** An id that follows from others; 132 bits of their digest. */
export const derivedId = (...from: ReadonlyArray<string>): string =>
  createHash("sha256").update(JSON.stringify(from)).digest("base64url").slice(0, 22)

/**
 * An id of ours: the same again for the same idempotency key and the same `what`, so that a repeated request means the same
 * thing. Fits wherever an id does, however long the key is.
 */
export const makeId = ({ commandId }: CommandOptions, ...what: ReadonlyArray<string>): string =>
  commandId === undefined ? randomUUID() : derivedId(...what, commandId)

/** A slice of a list: at most `limit`, after the id that the slice before ended with. */
export interface Page {
  readonly limit: number
  readonly after?: string | undefined
}

/** The slice that a query asks for. */
export const page = (query: { readonly limit?: number; readonly after?: string }): Page => ({
  limit: query.limit ?? defaultLimit,
  after: query.after
})

const secondsByQuery = new Map<string, typeof querySeconds>()

/** The metric of one query, made once: its place among all metrics is looked up when it is new. */
const secondsOf = (query: string): typeof querySeconds => {
  const known = secondsByQuery.get(query) ?? Metric.withAttributes(querySeconds, { query })
  secondsByQuery.set(query, known)
  return known
}

/** Records how long a query takes, also one that fails. */
export const timed = <A, E, R>(query: string, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.contextWith((context: Context.Context<never>) => {
    const started = performance.now()
    const record = Effect.sync(() => secondsOf(query).updateUnsafe((performance.now() - started) / 1000, context))
    return Effect.ensuring(effect, record)
  })

/**
 * Asks read models, and says whose they are when they do not answer: `The carts'`. Whoever asks waits as long as it likes; a read that
 * many share is interrupted by none of them, and so needs a limit.
 */
export const asking =
  (sql: SqlClient, whose: string, limitMillis = Number.POSITIVE_INFINITY) =>
  <Row extends object>(
    text: string,
    params: ReadonlyArray<string | null>
  ): Effect.Effect<ReadonlyArray<Row>, ReadModelUnavailable> =>
    Effect.mapError(
      orNoAnswer(sql.unsafe<Row>(text, params), limitMillis),
      (error) =>
        new ReadModelUnavailable({
          retryAfterSeconds: 2,
          detail: `${whose} read models do not answer (${reasonOf(error)}). Try again; operators: check the read database.`
        })
    )

interface Versioned {
  readonly version: number
}

/** What a query is to show, and in which version at least. */
export interface Wanted<A extends Versioned, E, R> {
  readonly projector: Projector
  /** The projection that writes it. */
  readonly projection: string
  /** In errors: `Cart 17`. */
  readonly what: string
  readonly atLeastVersion: number | undefined
  /** Whose versions these are. */
  readonly stream: string
  readonly look: Effect.Effect<Option.Option<A>, E, R>
}

/** One thing as a read model has it; when a version was asked for, not before it shows that. */
export const show = <A extends Versioned, E, R>(
  wanted: Wanted<A, E, R>
): Effect.Effect<Option.Option<A>, E | NotYetVisible, R> => {
  const { projector, projection, what, atLeastVersion = 0, stream, look } = wanted
  if (atLeastVersion === 0) return look
  const seen = projector.awaitUntil(
    projection,
    Effect.map(look, (found) => {
      const version = Option.isSome(found) ? found.value.version : 0
      return version >= atLeastVersion ? Option.some(found) : Option.none()
    }),
    waitMillis,
    { stream, version: atLeastVersion }
  )
  return Effect.flatMap(seen, (found) =>
    Option.isSome(found) ? Effect.succeed(found.value) : notYetVisible(what, atLeastVersion, projection)
  )
}

const notYetVisible = (what: string, atLeastVersion: number, projection: string): NotYetVisible =>
  new NotYetVisible({
    atLeastVersion,
    retryAfterSeconds: 1,
    detail:
      `${what} is not visible at version ${atLeastVersion} after ${waitMillis} ms. Ask again; when it lasts, check the ` +
      `lag of the projection ${projection}, and that the version exists.`
  })

/** The answer that shows one thing: with its version, for the `If-Match` of a command. */
export const tagged = <A extends Versioned>(body: A) =>
  HttpApiSchema.withHeaders({ body, headers: { etag: `"${body.version}"` } })
