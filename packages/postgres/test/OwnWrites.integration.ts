/** A journal's own writes, on a server, where two appends may be under way at once; see `OwnWritesSuite.ts`. */
import * as SqlJournal from "@daybook/postgres/SqlJournal"
import { assert, layer } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { SqlClient } from "effect/sql/SqlClient"
import { on, one, ownWritesSuite, tagOf, withState } from "./OwnWritesSuite.ts"
import { freshSchema, serverUrl, stores } from "./Stores.ts"

const location = { url: serverUrl() }

ownWritesSuite("PostgreSQL", location)

const schema = freshSchema()

/** Waits until some append waits for another one's lock. */
const somebodyWaits = Effect.gen(function* () {
  const sql = yield* SqlClient
  const waiting = sql.unsafe(
    `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%${schema}.append_after%'`
  )
  while ((yield* waiting).length === 0) yield* Effect.yieldNow
})

layer(stores(location, schema), { timeout: 60_000 })("a journal's own writes while another process appends", (it) => {
  it.effect("an append that waits for it sees the partition as it is afterwards", () =>
    Effect.gen(function* () {
      const journal = SqlJournal.make({ schema, lanes: 1, shared: true })
      const [ours, theirs] = yield* Effect.all([journal, journal])
      for (const version of [0, 1]) yield* one(ours, on("note", version))
      const [holds, go] = yield* Effect.all([Deferred.make<void>(), Deferred.make<void>()])
      const held = Effect.andThen(Deferred.succeed(holds, undefined), Deferred.await(go))
      const rival = yield* Effect.forkChild(theirs.append([withState("note", 2)], () => held))
      yield* Deferred.await(holds)
      const late = yield* Effect.forkChild(one(ours, on("note", 2)))
      yield* somebodyWaits
      yield* Deferred.succeed(go, undefined)
      assert.strictEqual((yield* Fiber.join(rival))[0]!._tag, "Appended")
      // No index notices: the rival has stored a state, and no event.
      assert.deepStrictEqual(yield* Fiber.join(late), { _tag: "Conflict", actualVersion: 3 })
      assert.strictEqual(yield* tagOf(ours, on("note", 3)), "Appended")
    })
  )
})
