/**
 * Pages of a journal's partitions, read together: an append wakes the workers of every projection at once, and what is new is asked
 * for in all partitions in one turn, by the journal's tail and by whoever is behind it. Used by `Stores`.
 *
 * What comes alone is read at once; what follows within milliseconds is read together. Under load a read for every append, and for
 * every read a step of every read model, would keep the process from answering.
 */
import type { Stored } from "@daybook/core/Event"
import { type Journal, JournalUnavailable } from "@daybook/core/Journal"
import { fewEvents } from "@daybook/core/JournalTail"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import { AnswerLimit, orNoAnswer } from "./AnswerLimit.ts"
import { isInTransaction } from "./InTransaction.ts"
import { arrayOf } from "./RowSet.ts"
import * as SharedRead from "./SharedRead.ts"
import { reasonOf } from "./SqlFailure.ts"
import { columns } from "./SqlJournal.ts"

interface Page {
  readonly partition: number
  readonly after: number
  readonly limit: number
}

type ReadPages = (pages: ReadonlyArray<Page>) => Effect.Effect<ReadonlyArray<ReadonlyArray<Stored>>, JournalUnavailable>

/** Pages of one statement at most. */
const mostPages = 100

/** From one read that found few events to the next. */
const pauseMillis = 4

/**
 * Several pages of at most `limit` events each in one statement. The limit is in its text: of one that it does not know, the planner
 * expects so much that it would compile the statement. Pages nearly always have the same.
 */
const statement = (schema: string, limit: number): string =>
  `SELECT page::float8 AS page, event.* FROM unnest($1::text::smallint[], $2::text::bigint[]) WITH ORDINALITY AS w (p, after, page)
   CROSS JOIN LATERAL (
     SELECT ${columns} FROM ${schema}.event WHERE event.partition = w.p AND event.position > w.after
     ORDER BY event.position LIMIT ${limit}
   ) AS event ORDER BY w.page, event.position`

type Row = Stored & { readonly page: number }

const several =
  (sql: SqlClient, schema: string, limitMillis: number): ReadPages =>
  (pages) => {
    const limit = Math.max(...pages.map((page) => page.limit))
    const params = [pages.map(({ partition }) => partition), pages.map(({ after }) => after)].map(arrayOf)
    const found = Effect.mapError(
      orNoAnswer(sql.unsafe<Row>(statement(schema, limit), params), limitMillis),
      (error) =>
        new JournalUnavailable({
          retryAfterSeconds: 2,
          detail: `The journal's database failed (${reasonOf(error)}). Read again. Operators: check that it runs and can be reached.`
        })
    )
    return Effect.map(found, (rows) => {
      const byPage = Map.groupBy(rows, ({ page }) => page)
      return pages.map((asked, i) => (byPage.get(i + 1) ?? []).slice(0, asked.limit).map(({ page: _, ...row }) => row))
    })
  }

/** Reads with pauses, unless within a transaction. */
const paced = (sql: SqlClient, read: ReadPages): ReadPages => {
  let readAtMillis = -Infinity
  return Effect.fnUntraced(function* (pages) {
    if (yield* isInTransaction(sql)) return yield* read(pages)
    const elapsed = Math.max((yield* Clock.currentTimeMillis) - readAtMillis, 0)
    if (elapsed < pauseMillis) yield* Effect.sleep(pauseMillis - elapsed)
    const begun = yield* Clock.currentTimeMillis
    const found = yield* read(pages)
    readAtMillis = found.reduce((sum, events) => sum + events.length, 0) < fewEvents ? begun : -Infinity
    return found
  })
}

/**
 * Whether a page can be read with others; any other is left to the journal. Large ones, as of a replay, are not: several together would
 * be sorted on disk, and be waited for together.
 */
const isPlain = ({ after, limit }: Page): boolean => Number.isSafeInteger(after) && limit >= 1 && limit <= 1_000

/** The journal of a schema, whose heads and pages are read together when they are asked for in one turn. */
export const together = (
  journal: Journal["Service"],
  schema: string
): Effect.Effect<Journal["Service"], never, SqlClient> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const readSeveral = several(sql, schema, yield* AnswerLimit)
    const page = SharedRead.make<Page, ReadonlyArray<Stored>, JournalUnavailable>(sql, {
      keyOf: ({ partition, after, limit }) => `${partition} ${after} ${limit}`,
      most: mostPages,
      read: paced(sql, (pages) =>
        pages.length === 1
          ? Effect.map(journal.readPartition(pages[0]!.partition, pages[0]!), (events) => [events])
          : readSeveral(pages)
      )
    })
    const heads = SharedRead.make<void, ReadonlyArray<number>, JournalUnavailable>(sql, {
      keyOf: () => "",
      most: 1,
      read: () => Effect.map(journal.heads, (found) => [found])
    })
    return {
      ...journal,
      heads: heads(),
      readPartition: (partition, options) => {
        const asked = { partition, ...options }
        return isPlain(asked) ? page(asked) : journal.readPartition(partition, options)
      }
    }
  })
