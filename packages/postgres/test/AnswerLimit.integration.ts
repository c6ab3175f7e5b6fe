/**
 * A journal whose partition somebody holds, so that appends get no answer: they are given up as unknown, other partitions go on,
 * and what is sent again is stored once, whatever became of the first.
 */
import * as Entities from "@daybook/core/Entities"
import { Journal } from "@daybook/core/Journal"
import * as Partition from "@daybook/core/Partition"
import * as Persistence from "@daybook/core/Persistence"
import { AnswerLimit } from "@daybook/postgres/AnswerLimit"
import * as Database from "@daybook/postgres/Database"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import { Counter } from "./Counter.ts"
import { freshSchema, serverUrl, stores } from "./Stores.ts"

const schema = freshSchema()
const partitions = 8
const answerMillis = 300
const store = stores({ url: serverUrl(), answerMillis }, schema, partitions)

/** Holds the partition of a counter on another connection, until told to let go. */
const hold = (id: string) =>
  Effect.gen(function* () {
    const held = yield* Deferred.make<void>()
    const release = yield* Deferred.make<void>()
    const holding = Effect.gen(function* () {
      const sql = yield* SqlClient
      yield* sql.withTransaction(
        Effect.gen(function* () {
          const partition = String(Partition.ofId(id, partitions))
          yield* sql.unsafe(`SELECT 1 FROM ${schema}.partition WHERE id = $1::text::smallint FOR UPDATE`, [partition])
          yield* Deferred.succeed(held, undefined)
          yield* Deferred.await(release)
        })
      )
    }).pipe(Effect.provide(Layer.fresh(Database.layer({ url: serverUrl() }))))
    const fiber = yield* Effect.forkChild(holding)
    yield* Deferred.await(held)
    return Effect.andThen(Deferred.succeed(release, undefined), Fiber.join(fiber))
  })

/** A counter of another partition, and of the other lane of commits. */
const elsewhere = (id: string): string => {
  for (let i = 0; ; i++) {
    const other = `other-${i}`
    if ((Partition.ofId(other, partitions) - Partition.ofId(id, partitions)) % 2 !== 0) return other
  }
}

const one = { _tag: "Count", by: 1 } as const

describe("an append that is not answered", () => {
  it.live.each([Persistence.events(), Persistence.state(), Persistence.inline])(
    "is given up, keeps no others waiting, and sent again is stored once: $_tag",
    (persistence) =>
      Effect.gen(function* () {
        const counters = yield* Entities.make(Counter, { persistence })
        const id = `held-${persistence._tag}`
        yield* counters.execute(id, one)
        const letGo = yield* hold(id)

        const unknown = yield* Effect.flip(counters.execute(id, one, { commandId: "again" }))
        assert.strictEqual(unknown._tag, "JournalUnavailable")
        assert.include(unknown.message, "no answer within 0.3 s")
        assert.include(unknown.message, "not known: send it again with the same Idempotency-Key")
        assert.strictEqual((yield* counters.execute(elsewhere(id), one)).id, elsewhere(id))

        yield* letGo
        const repeated = yield* counters.execute(id, one, { commandId: "again" })
        assert.strictEqual(repeated.version, 2)
        assert.strictEqual((yield* counters.execute(id, one, { commandId: "again" })).duplicate, true)
        assert.deepStrictEqual(yield* counters.read(id), { version: 2, state: 2 })
        if (persistence._tag === "Events") {
          const events = yield* Effect.flatMap(Journal, (journal) => journal.readStream(`counter-${id}`))
          assert.deepStrictEqual(
            events.map(({ version, commandId }) => [version, commandId]),
            [
              [1, null],
              [2, "again"]
            ]
          )
        }
      }).pipe(Effect.scoped, Effect.provide(store))
  )

  it.live("waits 15 seconds on a server unless told otherwise", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* AnswerLimit, 15_000)
    }).pipe(Effect.provide(Database.layer({ url: serverUrl() })))
  )
})
