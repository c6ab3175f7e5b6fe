/**
 * A journal whose connection is cut again and again while batches of both lanes are on it: what was answered is stored, and what was
 * not is stored once after it has been sent again.
 */
import * as Entities from "@daybook/core/Entities"
import { Journal } from "@daybook/core/Journal"
import * as Persistence from "@daybook/core/Persistence"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { SqlClient } from "effect/sql/SqlClient"
import { Counter } from "./Counter.ts"
import { freshSchema, serverUrl, stores } from "./Stores.ts"

const schema = freshSchema()
const partitions = 8
const counters = 200
const cuts = 8

/** Cuts a connection in the middle of an append, and says whether there was one. */
const cut = Effect.gen(function* () {
  const sql = yield* SqlClient
  const found = yield* sql.unsafe(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE pid <> pg_backend_pid() AND state = 'active' AND query LIKE '%${schema}.append_after%'`
  )
  return found.length > 0
})

const cutOften = Effect.gen(function* () {
  for (let done = 0; done < cuts; yield* Effect.sleep("5 millis")) if (yield* cut) done++
})

describe("a journal whose connection is cut", () => {
  it.live.each([Persistence.events(), Persistence.state()])(
    "stores each command once: $_tag",
    (persistence) =>
      Effect.gen(function* () {
        const { execute, read } = yield* Entities.make(Counter, { persistence })
        const prefix = persistence._tag
        const cutting = yield* Effect.forkChild(cutOften)
        let unknown = 0
        const count = (id: string, commandId: string): Effect.Effect<unknown, unknown> =>
          Effect.catchTag(execute(id, { _tag: "Count", by: 1 }, { commandId }), "JournalUnavailable", () => {
            unknown++
            return Effect.andThen(
              Effect.sleep("10 millis"),
              Effect.suspend(() => count(id, commandId))
            )
          })
        const sent = new Map<string, number>()
        const countOn = (id: string) =>
          Effect.gen(function* () {
            for (let n = 1; n <= 5 || cutting.pollUnsafe() === undefined; n++) {
              yield* count(id, `${id}-${n}`)
              sent.set(id, n)
            }
          })
        const ids = Array.from({ length: counters }, (_, i) => `${prefix}-${i}`)
        yield* Effect.forEach(ids, countOn, { concurrency: "unbounded", discard: true })
        yield* Fiber.join(cutting)
        assert.isAbove(unknown, 0)

        const journal = yield* Journal
        for (const id of ids) {
          const expected = sent.get(id)!
          assert.deepStrictEqual(yield* read(id), { version: expected, state: expected }, id)
          assert.strictEqual((yield* journal.readStream(`counter-${id}`)).length, expected)
        }
        const sql = yield* SqlClient
        const gaps = yield* sql.unsafe(
          `SELECT id FROM ${schema}.partition p WHERE head <> (SELECT count(*) FROM ${schema}.event e WHERE e.partition = p.id)`
        )
        assert.deepStrictEqual(gaps, [])
      }).pipe(Effect.scoped, Effect.provide(stores({ url: serverUrl() }, schema, partitions))),
    60_000
  )
})
