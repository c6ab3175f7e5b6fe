/**
 * What every service does when it hears that a person was erased: it takes what is left of them out of its own tables. An app
 * composes it beside each service.
 */
import * as Consumer from "@daybook/core/Consumer"
import * as PersonalTraces from "@daybook/postgres/PersonalTraces"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { PrivacyEvents } from "./privacy/Contract.ts"

/** The name of a service's consumer, at the broker and in its inbox: on disk. */
export const consumerName = (schema: string): string => `${schema}-erasure`

/** The client of a service's write side. That of the read side is in context as such, and both may be the same. */
export class WriteSide extends Context.Service<WriteSide, SqlClient>()("@daybook/services/Erasure/WriteSide") {}

/** What is particular to a service. */
export interface Options {
  /** The service's schema, on both sides. */
  readonly schema: string
  /** Takes a subject out of the service's read models. */
  readonly eraseFromViews?: ((schema: string, subject: string) => Effect.Effect<void, SqlError, SqlClient>) | undefined
  readonly consumer?: Consumer.Options
}

/**
 * Hears of erasures while it lives. The read side changes in the inbox's transaction. The write side, which may be another database,
 * changes before that: if it is lost in between, it is done again.
 */
export const layer = ({ schema, eraseFromViews, consumer }: Options) =>
  Consumer.layer(
    consumerName(schema),
    [
      Consumer.on(PrivacyEvents, {
        SubjectErased: ({ subjectId }) =>
          Effect.gen(function* () {
            const write = yield* WriteSide
            yield* Effect.provideService(PersonalTraces.eraseFromWriteSide(schema, subjectId), SqlClient, write)
            yield* PersonalTraces.eraseFromReadSide(schema, subjectId)
            if (eraseFromViews !== undefined) yield* eraseFromViews(schema, subjectId)
          })
      })
    ],
    consumer
  )
