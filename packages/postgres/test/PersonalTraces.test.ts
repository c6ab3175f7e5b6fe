/**
 * What an erasure leaves in a service's own tables: nothing of the erased, everything of everybody else, and JSON that can be read.
 */
import { SubjectKeys } from "@daybook/core/SubjectKeys"
import * as PersonalTraces from "@daybook/postgres/PersonalTraces"
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import { stores } from "./Stores.ts"

const schema = "traced"

const insert = (table: "state" | "snapshot", stream: string, data: unknown) =>
  Effect.flatMap(SqlClient, (sql) =>
    sql.unsafe(
      `INSERT INTO ${schema}.${table} (${table === "state" ? "updated_at" : "taken_at"}, version, schema_version, stream, data)
       VALUES (now(), 1, 1, $1::text, $2::text::json)`,
      [stream, JSON.stringify(data)]
    )
  )

const setAside = (key: string, body: unknown, error: string) =>
  Effect.flatMap(SqlClient, (sql) =>
    sql.unsafe(
      `INSERT INTO ${schema}.held_message (held_at, next_attempt_at, attempts, consumer, topic, key, message_id, state, error, body)
       VALUES (now(), now(), 1, 'c', 't', $1::text, $1::text, 'dead', $3::text, $2::text)`,
      [key, JSON.stringify(body), error]
    )
  )

const rows = (text: string) => Effect.flatMap(SqlClient, (sql) => sql.unsafe<Record<string, any>>(text))

layer(Layer.merge(stores({ folder: undefined }, schema), SubjectKeys.layerMemory), { excludeTestServices: true })(
  "an erasure",
  (it) => {
    it.effect("takes the erased out of states, snapshots and messages that were set aside, and nobody else", () =>
      Effect.gen(function* () {
        const keys = yield* SubjectKeys
        // Names that are patterns of each other, and of regular expressions.
        const [gone, stays] = [yield* keys.seal("1.7", '"gone"'), yield* keys.seal("1x7", '"stays"')]
        const again = yield* keys.seal("1.7", '"also gone"')
        const both = { a: gone, b: [stays, { c: again }], d: 'say "x"' }
        yield* insert("state", "a-1", both)
        yield* insert("state", "a-2", { a: stays })
        yield* insert("snapshot", "a-1", both)
        yield* insert("snapshot", "a-2", { a: stays })
        yield* setAside("1", { data: both }, `cannot take ${gone} now`)
        yield* setAside("2", { data: { a: stays } }, `cannot take ${stays}`)

        for (let again = 0; again < 2; again++) {
          yield* PersonalTraces.eraseFromWriteSide(schema, "1.7")
          yield* PersonalTraces.eraseFromReadSide(schema, "1.7")
        }

        const cleaned = { a: null, b: [stays, { c: null }], d: 'say "x"' }
        expect(yield* rows(`SELECT data FROM ${schema}.state ORDER BY stream`)).toEqual([
          { data: cleaned },
          { data: { a: stays } }
        ])
        expect(yield* rows(`SELECT data FROM ${schema}.snapshot`)).toEqual([{ data: { a: stays } }])
        const held = yield* rows(`SELECT body, error FROM ${schema}.held_message ORDER BY number`)
        expect(held.map(({ body, error }) => [JSON.parse(body), error])).toEqual([
          [{ data: cleaned }, "cannot take (erased) now"],
          [{ data: { a: stays } }, `cannot take ${stays}`]
        ])
      })
    )
  }
)
