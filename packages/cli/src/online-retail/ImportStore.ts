/**
 * What the import remembers between runs, in a schema of its own beside the cart's journal: how far each file has come, and the
 * lines that were rejected. It lives with the journal so that a backup of the one is a backup of the other.
 */
import { AnswerLimit, orNoAnswer } from "@daybook/postgres/AnswerLimit"
import { fromFiles, type MigrationSet, migrate } from "@daybook/postgres/Migrations"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { SurveyedFile } from "./Survey.ts"

/** The schema of the import's own tables. */
export const schema = "import"

/** The migrations of the import's own tables. */
export const tables: MigrationSet = {
  name: "import",
  migrations: fromFiles(new URL("./sql/", import.meta.url), ["001-tables", "002-privileges"])
}

/** How far a file has come. */
export interface FileState {
  readonly hash: string
  readonly name: string
  readonly doneThroughLine: number
  readonly completed: boolean
}

/** A line that a rule or a cart refused. */
export interface RejectedLine {
  readonly hash: string
  readonly line: number
  readonly reason: string
  readonly detail: string
  readonly invoice: string
  readonly cells: ReadonlyArray<string>
}

/** How far a file has come since. */
export interface Step {
  readonly hash: string
  readonly doneThroughLine: number
  readonly completed: boolean
}

export class ImportStore extends Context.Service<
  ImportStore,
  {
    /** Makes files known, and answers how far each has come. */
    begin(files: ReadonlyArray<SurveyedFile>): Effect.Effect<ReadonlyArray<FileState>, SqlError>
    /** The names of files that are new, and whose name a file of another content had before. */
    namesakes(files: ReadonlyArray<SurveyedFile>): Effect.Effect<ReadonlyArray<string>, SqlError>
    /**
     * Remembers rejected lines and how far files have come, both or neither. Doing it again changes nothing, and a file never
     * goes back.
     */
    save(steps: ReadonlyArray<Step>, rejected: ReadonlyArray<RejectedLine>): Effect.Effect<void, SqlError>
    /** Order lines, and rejected ones by reason, of these files together. */
    totals(hashes: ReadonlyArray<string>): Effect.Effect<
      {
        readonly lines: number
        readonly rejected: Readonly<Record<string, number>>
      },
      SqlError
    >
    /** The rejected lines of a file, in order. */
    rejected(hash: string): Stream.Stream<RejectedLine, SqlError>
  }
>()("@daybook/cli/online-retail/ImportStore") {
  /** The tables in the database in context, migrated. */
  static readonly layer = Layer.effect(
    ImportStore,
    Effect.gen(function* () {
      const sql = yield* SqlClient
      yield* migrate(schema, tables)
      return make(sql, yield* AnswerLimit)
    })
  )
}

/** Marks what is remembered of a file for imports with checkouts. */
const checkoutMark = "+checkout"

/**
 * The store as an import with checkouts sees it. It remembers its progress apart from that of imports without: more is to follow from
 * the same lines, so that the one is not done when the other is.
 */
export const withCheckouts = (store: ImportStore["Service"]): ImportStore["Service"] => {
  const mark = <A extends { readonly hash: string }>(one: A): A => ({ ...one, hash: `${one.hash}${checkoutMark}` })
  const unmark = <A extends { readonly hash: string }>(one: A): A => ({
    ...one,
    hash: one.hash.slice(0, -checkoutMark.length)
  })
  return {
    begin: (files) => Effect.map(store.begin(files.map(mark)), (states) => states.map(unmark)),
    namesakes: (files) => store.namesakes(files.map(mark)),
    save: (steps, rejected) => store.save(steps.map(mark), rejected.map(mark)),
    totals: (hashes) => store.totals(hashes.map((hash) => `${hash}${checkoutMark}`)),
    rejected: (hash) => Stream.map(store.rejected(`${hash}${checkoutMark}`), unmark)
  }
}

/** Rejected lines that are read at once. */
const pageSize = 1_000

type Query = <Row extends object>(
  text: string,
  params: ReadonlyArray<string>
) => Effect.Effect<ReadonlyArray<Row>, SqlError>

/** Both statements of `save`, which are to run in one transaction. */
const savingOf = (query: Query) => ({
  insert: (lines: ReadonlyArray<RejectedLine>) =>
    query(
      `INSERT INTO ${schema}.rejected_line (file_hash, line, reason, detail, invoice, cells)
       SELECT * FROM json_to_recordset($1::text::json)
         AS r (hash text, line integer, reason text, detail text, invoice text, cells json)
       ON CONFLICT DO NOTHING`,
      [JSON.stringify(lines.map(storable))]
    ),
  advance: (steps: ReadonlyArray<Step>) =>
    query(
      `UPDATE ${schema}.file f SET done_through_line = greatest(f.done_through_line, s."doneThroughLine"),
              completed_at = coalesce(f.completed_at, CASE WHEN s.completed THEN clock_timestamp() END)
       FROM json_to_recordset($1::text::json) AS s (hash text, "doneThroughLine" integer, completed boolean)
       WHERE f.hash = s.hash`,
      [JSON.stringify(steps)]
    )
})

const make = (sql: SqlClient, limitMillis: number): ImportStore["Service"] => {
  const query: Query = (text, params) => orNoAnswer(sql.unsafe(text, params as Array<string>), limitMillis) as never
  const { insert, advance } = savingOf(query)
  const page = (hash: string, after: number) =>
    query<RejectedLine>(
      `SELECT file_hash AS hash, line, reason, detail, invoice, cells FROM ${schema}.rejected_line
       WHERE file_hash = $1::text AND line > $2::text::integer ORDER BY line LIMIT ${pageSize}`,
      [hash, String(after)]
    )
  return {
    begin: (files) =>
      query<FileState>(
        `WITH given AS (SELECT * FROM json_to_recordset($1::text::json) AS f (hash text, name text, lines integer)),
              begun AS (INSERT INTO ${schema}.file (hash, name, lines) SELECT hash, name, lines FROM given
                        ON CONFLICT DO NOTHING RETURNING hash)
         SELECT g.hash, g.name, coalesce(f.done_through_line, 0) AS "doneThroughLine", f.completed_at IS NOT NULL AS completed
         FROM given g LEFT JOIN ${schema}.file f USING (hash)`,
        [JSON.stringify(files.map(({ hash, name, lines }) => ({ hash, name, lines })))]
      ),
    namesakes: (files) =>
      Effect.map(
        query<{ readonly name: string }>(
          `SELECT DISTINCT g.name FROM json_to_recordset($1::text::json) AS g (hash text, name text)
           JOIN ${schema}.file f ON f.name = g.name AND split_part(f.hash, '+', 1) <> split_part(g.hash, '+', 1)
           WHERE NOT EXISTS (SELECT FROM ${schema}.file known WHERE split_part(known.hash, '+', 1) = split_part(g.hash, '+', 1))
           ORDER BY g.name`,
          [JSON.stringify(files.map(({ hash, name }) => ({ hash, name })))]
        ),
        (rows) => rows.map(({ name }) => name)
      ),
    save: (steps, rejected) =>
      orNoAnswer(
        sql.withTransaction(
          Effect.gen(function* () {
            if (rejected.length > 0) yield* insert(rejected)
            if (steps.length > 0) yield* advance(steps)
          })
        ),
        limitMillis
      ),
    totals: (hashes) =>
      Effect.map(
        query<{ readonly lines: number; readonly rejected: Record<string, number> | null }>(
          `WITH wanted AS (SELECT json_array_elements_text($1::text::json) AS hash)
           SELECT (SELECT coalesce(sum(lines), 0)::float8 FROM ${schema}.file JOIN wanted USING (hash)) AS lines,
                  (SELECT json_object_agg(reason, n ORDER BY reason) FROM (
                     SELECT reason, count(*) AS n FROM ${schema}.rejected_line r JOIN wanted w ON w.hash = r.file_hash
                     GROUP BY reason) by_reason) AS rejected`,
          [JSON.stringify(hashes)]
        ),
        ([row]) => ({ lines: row!.lines, rejected: row!.rejected ?? {} })
      ),
    rejected: (hash) =>
      Stream.paginate(0, (after) =>
        Effect.map(page(hash, after), (rows) => [
          rows,
          rows.length < pageSize ? Option.none<number>() : Option.some(rows[rows.length - 1]!.line)
        ])
      )
  }
}

/** PostgreSQL holds no NUL character, and a rejected line may hold anything. */
const storable = (line: RejectedLine): RejectedLine => {
  const clean = (text: string) => text.replaceAll("\u0000", "\uFFFD")
  return { ...line, detail: clean(line.detail), invoice: clean(line.invoice), cells: line.cells.map(clean) }
}
