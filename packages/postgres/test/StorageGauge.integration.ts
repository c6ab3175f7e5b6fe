/** What the log says of a database that is down when its storage is to be measured. */
import { startPostgres } from "@daybook/infra/Postgres"
import * as Database from "@daybook/postgres/Database"
import * as StorageGauge from "@daybook/postgres/StorageGauge"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/testing/TestClock"
import { vi } from "vitest"

it.effect(
  "is in the words of whoever could not be reached, not in those of a driver",
  () =>
    Effect.gen(function* () {
      const postgres = yield* Effect.acquireRelease(
        Effect.promise(() => startPostgres()),
        ({ stop }) => Effect.promise(stop)
      )
      const told: Array<unknown> = []
      const log = Logger.layer([Logger.make(({ message }) => told.push(message))])
      const database = Database.layer({ url: Redacted.make(postgres.url) })
      const measuring = StorageGauge.layer("cart").pipe(Layer.provideMerge(database), Layer.provide(log))
      yield* Layer.build(measuring)
      yield* Effect.promise(() => postgres.crash())
      yield* TestClock.adjust("5 seconds")
      yield* Effect.promise(() => vi.waitFor(() => assert.lengthOf(told, 1), { timeout: 10_000 }))
      assert.match(String(told[0]), /^The storage of cart was not measured: (connect ECONNREFUSED|Connection closed)/)
    }),
  60_000
)
