/** What projections rely on when they write rows: the database gets each value as it is. */
import * as Database from "@daybook/postgres/Database"
import * as RowSet from "@daybook/postgres/RowSet"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"

interface Row {
  readonly name: string | null
  readonly size: number | null
  readonly price: number
  readonly day: string
  readonly note: string | null
}

const types: RowSet.Types<Row> = { name: "text", size: "integer", price: "float8", day: "date", note: "json" }

const names = [
  "",
  "NULL",
  "null",
  "a b",
  " a ",
  '"',
  "\\",
  '\\"',
  "{}",
  "a,b",
  "a\nb\tc",
  "'",
  "Zoë 🫖",
  "\u001f",
  null
]

layer(Database.layer({ folder: undefined }), { timeout: "60 seconds" })("rows as a table", (it) => {
  it.effect("have every value as it was, and none where there is none", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      const rows = names.map(
        (name, i): Row => ({
          ...{ name, size: i % 3 === 0 ? null : -i, price: i / 7, day: `2011-03-${10 + i}` },
          note: i % 4 === 0 ? null : JSON.stringify([name, i])
        })
      )
      const { from, params } = RowSet.of("r", types, rows)
      const found = yield* sql.unsafe<Row>(`SELECT name, size, price, day::text AS day, note FROM ${from}`, params)
      assert.deepStrictEqual(
        found.map(({ note, ...row }) => ({ ...row, note: note === null ? null : JSON.stringify(note) })),
        rows
      )
    })
  )

  it.effect("may be a column of nothing but nulls, or no rows at all", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      for (const values of [[null, null], []]) {
        const { from, params } = RowSet.of<{ readonly v: string | null }>(
          "r",
          { v: "text" },
          values.map((v) => ({ v }))
        )
        const found = yield* sql.unsafe<{ readonly v: string | null }>(`SELECT r.v FROM ${from}`, params)
        assert.deepStrictEqual(
          found.map(({ v }) => v),
          values
        )
      }
    })
  )
})
