/** What whoever keeps something in an embedded store relies on: a text comes back as it was stored, also one that begins with a byte order mark. */
import * as Pglite from "@daybook/postgres/Pglite"
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import * as fc from "fast-check"

const mark = "\uFEFF"

/** Texts with marks in all places, bytes that look like parts of one, and none. */
const text = fc.option(
  fc
    .array(fc.constantFrom(mark, "mug", "ï", "»", "¿", "\uFEFE", "D", "\u0001", "😀"), { maxLength: 4 })
    .map((parts) => parts.join(""))
)

layer(Pglite.layer(), { timeout: "60 seconds" })("an embedded store", (it) => {
  it.effect("gives back each text as it was stored", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      const property = fc.asyncProperty(fc.array(fc.tuple(text, text), { maxLength: 5 }), async (rows) => {
        const stored = sql.unsafe<{ a: string | null; n: number; b: string | null }>(
          `SELECT r ->> 0 AS a, ordinality::integer AS n, (r ->> 1)::varchar AS b
           FROM json_array_elements($1::text::json) WITH ORDINALITY AS t (r)`,
          [JSON.stringify(rows)]
        )
        expect(await Effect.runPromise(stored)).toEqual(rows.map(([a, b], i) => ({ a, n: i + 1, b })))
        expect(await Effect.runPromise(stored.values)).toEqual(rows.map(([a, b], i) => [a, i + 1, b]))
      })
      yield* Effect.promise(() => fc.assert(property))
    })
  )

  it.effect("gives back as many texts as there are, however long, and JSON and lists of them", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      const found = yield* sql.unsafe<{ t: string }>(
        "SELECT CASE i % 3 WHEN 0 THEN $1::text ELSE '' END || repeat(i::text, 300) AS t FROM generate_series(1, 5000) AS i",
        [mark]
      )
      expect(found.map(({ t }) => t)).toEqual(
        Array.from({ length: 5_000 }, (_, i) => ((i + 1) % 3 === 0 ? mark : "") + String(i + 1).repeat(300))
      )
      const [nested] = yield* sql.unsafe(
        "SELECT json_build_array($1::text) AS j, ARRAY[$1::text, NULL] AS l, $1 AS t",
        [`${mark}mug`]
      )
      expect(nested).toEqual({ j: [`${mark}mug`], l: [`${mark}mug`, null], t: `${mark}mug` })
    })
  )

  it.effect("goes on to do so after a statement that failed within its rows", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      const failing = sql.unsafe("SELECT $1::text AS t, 1 / (3 - i) AS n FROM generate_series(1, 3) AS i", [mark])
      expect((yield* Effect.flip(failing)).message).toContain("division by zero")
      expect(yield* sql.unsafe("SELECT $1::text AS t", [mark])).toEqual([{ t: mark }])
    })
  )
})
