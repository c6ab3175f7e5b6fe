/** Rebuilds on a server, where others are at work on the same tables: what only a server can show. */
import { Journal } from "@daybook/core/Journal"
import * as Projector from "@daybook/core/Projector"
import * as Database from "@daybook/postgres/Database"
import * as SqlRebuild from "@daybook/postgres/SqlRebuild"
import { assert, layer } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { SqlClient } from "effect/sql/SqlClient"
import { rebuildLimitsSuite, rebuildSuite } from "./RebuildSuite.ts"
import { serverUrl } from "./Stores.ts"
import { applyAll, makeService, onStores, pay, rowsOf } from "./Till.ts"

const location = { url: serverUrl() }

rebuildSuite("PostgreSQL", location)
rebuildLimitsSuite("PostgreSQL", location)

/** A client with connections of its own. */
const apart = <A, E>(work: Effect.Effect<A, E, SqlClient>) => Effect.provide(work, Database.layer(location))

/** Asks again and again, both tables in one order and in the other, and holds each answer to be no older than the one before. */
const reading = (schema: string, order: ReadonlyArray<string>, seen: { answers: number }) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    let newest = 0
    while (true) {
      const [row] = yield* sql.unsafe<{ slips: number; total: number }>(
        `SELECT count(*)::integer AS slips, (SELECT coalesce(sum(total), 0)::float8 FROM ${schema}.${order[0]}) AS total
         FROM ${schema}.${order[1]} WHERE $1::text <> ''`,
        ["prepared"]
      )
      assert.isAtLeast(row!.slips, newest)
      newest = row!.slips
      seen.answers++
    }
  })

layer(Database.layer(location), { timeout: "60 seconds", excludeTestServices: true })(
  "a rebuild among other processes",
  (it) => {
    it.effect.each([
      { isPlanned: false, how: "write in transactions" },
      { isPlanned: true, how: "plan their writes" }
    ])("fails no query and shows none less than before, while writers go on, and workers that $how", ({ isPlanned }) =>
      Effect.gen(function* () {
        const service = yield* makeService({ isPlanned })
        yield* onStores(service)(
          Effect.gen(function* () {
            yield* pay(20, 5)
            const seen = { answers: 0 }
            const projector = yield* Projector.make([service.live], { poll: "20 millis" })
            const readers = yield* Effect.forEach(
              [
                ["till", "slip"],
                ["takings", "slip"],
                ["till", "slip"]
              ],
              (order) => Effect.forkChild(apart(reading(service.schema, order, seen)))
            )
            const writer = yield* Effect.forkChild(Effect.forever(Effect.andThen(pay(20, 1), Effect.sleep("5 millis"))))
            for (let round = 1; round <= 5; round++) {
              const { switched } = yield* SqlRebuild.run(service.subject, { compare: round % 2 === 0 })
              assert.isTrue(switched)
            }
            yield* Fiber.interrupt(writer)
            for (const reader of readers) assert.isUndefined(reader.pollUnsafe(), "no reader has failed")
            yield* Fiber.interruptAll(readers)
            assert.isAbove(seen.answers, 50)
            for (const [partition, position] of (yield* (yield* Journal).heads).entries())
              assert.isTrue(yield* projector.awaitPosition(service.live.name, { partition, position }, "10 seconds"))
            const { compared } = yield* SqlRebuild.run(service.subject, { compare: true, switch: false })
            assert.isTrue(compared!.every((one) => one.onlyLive + one.onlyRebuilt + one.different === 0))
          }).pipe(Effect.scoped)
        )
      })
    )

    it.effect("is refused while another one runs, at once, and not after that has ended", () =>
      Effect.gen(function* () {
        const service = yield* makeService()
        yield* onStores(service)(
          Effect.gen(function* () {
            yield* pay(4, 2)
            const begun = yield* Deferred.make<void>()
            service.hook.before = () => Effect.andThen(Deferred.succeed(begun, undefined), Effect.never)
            const first = yield* Effect.forkChild(SqlRebuild.run(service.subject))
            yield* Deferred.await(begun)
            const again = Effect.provide(SqlRebuild.run(service.subject), Database.layer(location))
            assert.strictEqual((yield* Effect.flip(again))._tag, "RebuildRunning")
            const abandon = Effect.provide(
              SqlRebuild.abandon(service.schema, service.live.name),
              Database.layer(location)
            )
            assert.strictEqual((yield* Effect.flip(abandon))._tag, "RebuildRunning")
            yield* Fiber.interrupt(first)
            service.hook.before = () => Effect.void
            assert.deepInclude(yield* again, { switched: true, resumed: true })
          })
        )
      })
    )

    it.effect("waits for a transaction that holds the tables, and lets queries pass meanwhile", () =>
      Effect.gen(function* () {
        const service = yield* makeService()
        const { schema } = service
        yield* onStores(service)(
          Effect.gen(function* () {
            yield* pay(4, 2)
            yield* applyAll(service)
            const release = yield* Deferred.make<void>()
            const held = yield* Deferred.make<void>()
            const holder = yield* Effect.forkChild(
              apart(
                Effect.flatMap(SqlClient, (sql) =>
                  sql.withTransaction(
                    Effect.gen(function* () {
                      yield* sql.unsafe(`SELECT count(*) FROM ${schema}.till`)
                      yield* Deferred.succeed(held, undefined)
                      yield* Deferred.await(release)
                    })
                  )
                )
              )
            )
            yield* Deferred.await(held)
            const switching = yield* Deferred.make<void>()
            const fiber = yield* Effect.forkChild(
              SqlRebuild.run(service.subject, {
                onStep: ({ _tag }) => _tag === "Switching" && Deferred.doneUnsafe(switching, Effect.void)
              })
            )
            yield* Deferred.await(switching)
            for (let i = 0; i < 20; i++) assert.lengthOf((yield* apart(rowsOf(schema))).slips, 8)
            assert.isUndefined(fiber.pollUnsafe(), "it has not switched yet")
            yield* Deferred.succeed(release, undefined)
            assert.deepInclude(yield* Fiber.join(fiber), { switched: true })
            yield* Fiber.join(holder)
          })
        )
      })
    )
  }
)
