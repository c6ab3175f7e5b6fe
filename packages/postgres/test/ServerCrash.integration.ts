/**
 * A server that crashes before the newest steps of a read model are on its disk: what it forgets it forgets whole, and a worker takes
 * it again from the journal, which has forgotten nothing.
 */
import { Journal } from "@daybook/core/Journal"
import { ProjectionStore } from "@daybook/core/ProjectionStore"
import * as Projector from "@daybook/core/Projector"
import { type Postgres, startPostgres } from "@daybook/infra/Postgres"
import * as Database from "@daybook/postgres/Database"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import { SqlClient } from "effect/sql/SqlClient"
import { allApplied, applyAll, makeService, onStores, pay, rowsOf, type Service } from "./Till.ts"

const tills = 40

/** The worker that is at work when the server crashes. */
const owner = "first"

/** Stops the process of the server that writes to the disk what commits have not waited for. */
const stopWriting = Effect.gen(function* () {
  const sql = yield* SqlClient
  const [writer] = yield* sql.unsafe<{ readonly pid: number }>(
    "SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'"
  )
  process.kill(writer!.pid, "SIGSTOP")
})

/** How many events there are, how many the offsets say are applied, and what the tables show. */
const counts = ({ schema, live }: Service) =>
  Effect.gen(function* () {
    const heads = yield* Effect.flatMap(Journal, ({ heads }) => heads)
    const offsets = yield* Effect.flatMap(ProjectionStore, (store) => store.offsets(live.name))
    const { slips, tills, takings } = yield* rowsOf(schema)
    const sum = (numbers: ReadonlyArray<number>) => numbers.reduce((total, number) => total + number, 0)
    return {
      stored: sum(heads),
      applied: sum(offsets.map(({ position }) => position)),
      slips: slips.length,
      money: [
        sum(slips.map(({ amount }) => amount)),
        sum(tills.map(({ total }) => total)),
        sum(takings.map(({ total }) => total))
      ]
    }
  })

/** Has a worker apply payments, the newest of which never get to the disk, and the server crash while it is at work. */
const upToTheCrash = (service: Service, postgres: Postgres, flush = false) =>
  Effect.gen(function* () {
    const projector = yield* Projector.make([service.live], { poll: "20 millis", owner })
    const applied = allApplied(projector, [service.live])
    yield* pay(tills, 2)
    yield* applied
    yield* stopWriting
    yield* pay(tills, 3)
    yield* applied
    const before = yield* counts(service)
    if (flush) yield* Effect.flatMap(ProjectionStore, (store) => store.flush)
    yield* Effect.promise(() => postgres.crash())
    return { before, applied }
  })

/** Runs a test on a server of its own, which it may crash. */
const onAServer = (
  work: (
    service: Service,
    postgres: Postgres
  ) => Effect.Effect<void, unknown, Journal | ProjectionStore | SqlClient | Database.Database>
) =>
  Effect.gen(function* () {
    const postgres = yield* Effect.acquireRelease(
      Effect.promise(() => startPostgres()),
      ({ stop }) => Effect.promise(stop)
    )
    yield* Effect.gen(function* () {
      const service = yield* makeService({ batchSize: 10, isPlanned: true })
      yield* onStores(service)(work(service, postgres))
    }).pipe(Effect.provide(Database.layer({ url: Redacted.make(postgres.url) })))
  })

/** Until the pool has connections to the server that is there again. */
const reconnected = { schedule: Schedule.spaced("100 millis"), times: 100 }

it.live(
  "a read model on a server that crashed is one of fewer events, from which another worker goes on",
  () =>
    onAServer((service, postgres) =>
      Effect.gen(function* () {
        const { before } = yield* Effect.scoped(upToTheCrash(service, postgres))
        yield* Effect.promise(() => postgres.recover())
        const left = yield* Effect.retry(counts(service), reconnected)
        assert.strictEqual(before.applied, tills * 5)
        assert.isBelow(left.applied, before.applied)
        assert.strictEqual(left.stored, before.stored)
        assert.strictEqual(left.slips, left.applied)
        assert.strictEqual(new Set(left.money).size, 1)
        // The worker is gone, but could not say so.
        yield* Effect.flatMap(ProjectionStore, (store) => store.release(service.live.name, owner))
        yield* applyAll(service)
        assert.deepStrictEqual(yield* counts(service), before)
      })
    ),
  120_000
)

it.live(
  "a server that was told to write to its disk what it had answered has forgotten nothing",
  () =>
    onAServer((service, postgres) =>
      Effect.gen(function* () {
        const { before } = yield* Effect.scoped(upToTheCrash(service, postgres, true))
        yield* Effect.promise(() => postgres.recover())
        assert.deepStrictEqual(yield* Effect.retry(counts(service), reconnected), before)
      })
    ),
  120_000
)

it.live(
  "a worker whose server crashed takes again what the server has forgotten, with nothing new to wake it",
  () =>
    onAServer((service, postgres) =>
      Effect.gen(function* () {
        const { before, applied } = yield* upToTheCrash(service, postgres)
        yield* Effect.promise(() => postgres.recover())
        const isBack = Effect.map(counts(service), ({ applied }) => applied === before.applied)
        yield* Effect.repeat(Effect.retry(isBack, reconnected), { until: (back) => back })
        assert.deepStrictEqual(yield* counts(service), before)
        yield* pay(tills, 1)
        yield* applied
        assert.strictEqual((yield* counts(service)).slips, tills * 6)
      }).pipe(Effect.scoped)
    ),
  120_000
)
