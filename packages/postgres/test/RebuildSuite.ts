/**
 * What operators rely on when they rebuild a read model, on any database.
 */

import { Journal } from "@daybook/core/Journal"
import * as Projection from "@daybook/core/Projection"
import { ProjectionStore } from "@daybook/core/ProjectionStore"
import * as Projector from "@daybook/core/Projector"
import * as Database from "@daybook/postgres/Database"
import * as SqlRebuild from "@daybook/postgres/SqlRebuild"
import { assert, layer } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { SqlClient } from "effect/sql/SqlClient"
import {
  applyAll,
  audit,
  catalogueOf,
  makeService,
  onStores,
  pay,
  rowsOf,
  type Service,
  sidesOf,
  tills
} from "./Till.ts"

/** Changes live rows by hand, as a mistake in a handler would have. */
const spoil = (schema: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    yield* sql.unsafe(`UPDATE ${schema}.till SET total = 7 WHERE till_id = '3'`)
    yield* sql.unsafe(`DELETE FROM ${schema}.slip WHERE till_id = '4' AND version = 2`)
    yield* sql.unsafe(`INSERT INTO ${schema}.takings VALUES ('1999-01-01', 5)`)
  })

/** A service with ten tills whose read model is up to date, and a rebuild of it. */
const scenario = <A>(
  work: (service: Service) => Effect.Effect<A, unknown, Journal | ProjectionStore | SqlClient | Database.Database>,
  options: { readonly batchSize?: number } = {}
) =>
  Effect.gen(function* () {
    const service = yield* makeService(options)
    return yield* onStores(service)(
      Effect.gen(function* () {
        yield* pay(10, 12)
        yield* applyAll(service)
        return yield* work(service)
      })
    )
  })

const rebuild = ({ subject }: Service, options: SqlRebuild.Options = {}) => SqlRebuild.run(subject, options)

export const rebuildSuite = (database: string, location: Database.Location): void => {
  layer(Database.layer(location), { timeout: "60 seconds", excludeTestServices: true })(
    `a rebuild on ${database}`,
    (it) => {
      it.effect("puts the truth in place of what was wrong, and leaves the schema as a fresh one is", () =>
        scenario((service) =>
          Effect.gen(function* () {
            const { schema } = service
            const truth = yield* rowsOf(schema)
            yield* spoil(schema)
            assert.notDeepEqual(yield* rowsOf(schema), truth)
            const done = yield* rebuild(service)
            assert.deepInclude(done, { projection: "till-views", resumed: false, switched: true, compared: undefined })
            assert.deepStrictEqual(yield* rowsOf(schema), truth)
            const fresh = yield* makeService()
            assert.deepStrictEqual(yield* catalogueOf(schema), yield* catalogueOf(fresh.schema))
            assert.deepStrictEqual(yield* sidesOf(service), [])
          })
        )
      )

      it.effect("has running workers go on from there, each event applied once", () =>
        scenario((service) =>
          Effect.gen(function* () {
            const { live, schema } = service
            const projector = yield* Projector.make([live], { poll: "20 millis" })
            yield* pay(10, 3)
            yield* rebuild(service)
            yield* pay(10, 2)
            const heads = yield* (yield* Journal).heads
            for (const [partition, position] of heads.entries())
              assert.isTrue(yield* projector.awaitPosition(live.name, { partition, position }, "10 seconds"))
            const sql = yield* SqlClient
            const [row] = yield* sql.unsafe<{ slips: number; total: number; takings: number }>(
              `SELECT (SELECT count(*) FROM ${schema}.slip)::integer AS slips,
                      (SELECT sum(total) FROM ${schema}.till)::float8 AS total, (SELECT sum(total) FROM ${schema}.takings)::float8 AS takings`
            )
            assert.strictEqual(row!.slips, 10 * 17)
            assert.strictEqual(row!.total, row!.takings)
            const [status] = yield* projector.status
            assert.deepInclude(status, { lag: 0, parked: [] })
          }).pipe(Effect.scoped)
        )
      )

      it.effect("goes beyond the live one where that has stopped or set streams aside, and takes these back in", () =>
        scenario((service) =>
          Effect.gen(function* () {
            const { live, schema } = service
            const store = yield* ProjectionStore
            yield* store.park(live.name, {
              stream: "till-1",
              partition: 1,
              version: 1,
              position: 1,
              reason: "for a test",
              parkedAtMillis: 0
            })
            yield* store.stop(live.name, 2, "for a test")
            const [before] = yield* store.offsets(live.name)
            yield* pay(10, 1)
            yield* rebuild(service)
            assert.deepStrictEqual(yield* store.parked(live.name), [])
            const offsets = yield* store.offsets(live.name)
            assert.deepStrictEqual(
              offsets.map(({ position }) => position),
              yield* (yield* Journal).heads
            )
            assert.isTrue(offsets.every(({ stoppedBecause, owner }) => stoppedBecause === null && owner === null))
            assert.isAbove(offsets[0]!.epoch, before!.epoch)
            assert.lengthOf((yield* rowsOf(schema)).slips, 130)
          })
        )
      )

      it.effect("compares both at the same offsets: rows of one side, rows that differ, and in what", () =>
        scenario((service) =>
          Effect.gen(function* () {
            yield* spoil(service.schema)
            yield* pay(2, 1)
            const { compared } = yield* rebuild(service, { compare: true })
            const none = { onlyLive: 0, onlyRebuilt: 0, different: 0, examples: [] }
            assert.deepStrictEqual(compared, [
              {
                ...none,
                table: "till",
                different: 1,
                examples: [{ key: { till_id: "3" }, live: { total: 7 }, rebuilt: { total: 114 } }]
              },
              {
                ...none,
                table: "slip",
                onlyRebuilt: 1,
                examples: [{ key: { till_id: "4", version: 2 }, live: null, rebuilt: { amount: 6 } }]
              },
              {
                ...none,
                table: "takings",
                onlyLive: 1,
                examples: [{ key: { day: "1999-01-01" }, live: { total: 5 }, rebuilt: null }]
              }
            ])
          })
        )
      )

      it.effect("finds nothing where nothing is wrong", () =>
        scenario((service) =>
          Effect.gen(function* () {
            const { compared } = yield* rebuild(service, { compare: true, switch: false })
            assert.deepStrictEqual(
              compared?.map(({ onlyLive, onlyRebuilt, different }) => [onlyLive, onlyRebuilt, different]),
              [
                [0, 0, 0],
                [0, 0, 0],
                [0, 0, 0]
              ]
            )
          })
        )
      )

      it.effect("that is not to switch leaves the live one alone, and is switched by the next run", () =>
        scenario((service) =>
          Effect.gen(function* () {
            const { schema } = service
            const truth = yield* rowsOf(schema)
            yield* spoil(schema)
            const spoilt = yield* rowsOf(schema)
            assert.deepInclude(yield* rebuild(service, { switch: false }), { switched: false })
            assert.deepStrictEqual(yield* rowsOf(schema), spoilt)
            assert.deepInclude(yield* rebuild(service), { switched: true, resumed: true })
            assert.deepStrictEqual(yield* rowsOf(schema), truth)
          })
        )
      )

      it.effect("that is interrupted is gone on with: no event is applied twice", () =>
        scenario(
          (service) =>
            Effect.gen(function* () {
              const { schema, hook } = service
              const truth = yield* rowsOf(schema)
              yield* spoil(schema)
              const halfway = yield* Deferred.make<void>()
              let batches = 0
              hook.before = () =>
                ++batches > 7 ? Effect.andThen(Deferred.succeed(halfway, undefined), Effect.never) : Effect.void
              const fiber = yield* Effect.forkChild(rebuild(service))
              yield* Deferred.await(halfway)
              yield* Fiber.interrupt(fiber)
              hook.before = () => Effect.void
              const progress: Array<SqlRebuild.Step> = []
              const done = yield* rebuild(service, { onStep: (step) => progress.push(step) })
              assert.deepInclude(done, { resumed: true, switched: true })
              const first = progress.find((step) => step._tag === "Replaying")
              // Of four partitions at a time, three may have been in the midst of a batch.
              assert.isAtLeast(first!.done, 4 * 5)
              assert.deepStrictEqual(yield* rowsOf(schema), truth)
            }),
          { batchSize: 5 }
        )
      )

      it.effect("that other code had begun is begun anew, and says so", () =>
        scenario((service) =>
          Effect.gen(function* () {
            yield* rebuild(service, { switch: false })
            const steps: Array<SqlRebuild.Step> = []
            const changed = { ...service.subject, fingerprint: "second" }
            const done = yield* SqlRebuild.run(changed, { onStep: (step) => steps.push(step) })
            assert.deepInclude(done, { resumed: false, switched: true })
            assert.deepStrictEqual(steps[0], { _tag: "Begun", resumed: false, anew: true })
          })
        )
      )

      it.effect("can be thrown away", () =>
        scenario((service) =>
          Effect.gen(function* () {
            const { schema, live } = service
            yield* rebuild(service, { switch: false })
            assert.isTrue(yield* SqlRebuild.abandon(schema, live.name))
            assert.deepStrictEqual(yield* sidesOf(service), [])
            assert.isFalse(yield* SqlRebuild.abandon(schema, live.name))
            assert.deepInclude(yield* rebuild(service), { resumed: false })
          })
        )
      )
    }
  )
}

/** The rest: what it refuses, what it leaves alone, and what it does about failures. The same on any database. */
export const rebuildLimitsSuite = (database: string, location: Database.Location): void => {
  layer(Database.layer(location), { timeout: "60 seconds", excludeTestServices: true })(
    `what a rebuild does and does not do on ${database}: it`,
    (it) => {
      it.effect("shows its handler that it replays, and the live one's that it does not", () =>
        scenario((service) =>
          Effect.gen(function* () {
            const told = new Set<boolean>()
            service.hook.before = (_, { replaying }) => Effect.sync(() => void told.add(replaying))
            yield* rebuild(service)
            assert.deepStrictEqual([...told], [true])
          })
        )
      )

      it.effect("stops at an event that its handler fails on, and names it; the live one is as it was", () =>
        scenario((service) =>
          Effect.gen(function* () {
            const { schema, hook } = service
            const before = yield* rowsOf(schema)
            hook.before = (batch) =>
              batch.some(({ stream, version }) => stream === "till-5" && version === 9)
                ? Effect.fail(new Error("no such currency"))
                : Effect.void
            const failed = yield* Effect.flip(rebuild(service))
            assert.deepInclude(failed, { _tag: "ReplayFailed", stream: "till-5", version: 9 })
            assert.include(failed.message, "no such currency")
            assert.deepStrictEqual(yield* rowsOf(schema), before)
            hook.before = () => Effect.void
            assert.deepInclude(yield* rebuild(service), { resumed: true, switched: true })
            assert.deepStrictEqual(yield* rowsOf(schema), before)
          })
        )
      )

      it.effect("names the event whose rows the database refuses", () =>
        scenario((service) =>
          Effect.gen(function* () {
            const sql = yield* SqlClient
            const side = SqlRebuild.sideSchema(service.schema, service.live.name)
            yield* rebuild({ ...service, subject: { ...service.subject } }, { switch: false })
            yield* sql.unsafe(`ALTER TABLE ${side}.slip ADD CHECK (version < 13)`)
            yield* pay(1, 1)
            const failed = yield* Effect.flip(rebuild(service))
            assert.deepInclude(failed, { _tag: "ReplayFailed", stream: "till-0", version: 13 })
            assert.match(failed.message, /slip_version_check/)
          })
        )
      )

      it.effect("touches nothing of the other projections of the schema", () =>
        scenario((service) =>
          Effect.gen(function* () {
            const sql = yield* SqlClient
            const { schema } = service
            yield* applyAll(service, audit)
            const look = sql.unsafe(
              `SELECT (SELECT json_agg(a ORDER BY till_id) FROM ${schema}.audit a)::text AS rows, '${schema}.audit'::regclass::oid::text AS oid,
                 (SELECT json_agg(o ORDER BY partition) FROM ${schema}.projection_offset o WHERE projection = 'audit')::text AS offsets`
            )
            const before = yield* look
            yield* rebuild(service)
            assert.deepStrictEqual(yield* look, before)
          })
        )
      )

      it.effect("keeps the rights that others have on the tables, and indexes that an operator has made", () =>
        scenario((service) =>
          Effect.gen(function* () {
            const sql = yield* SqlClient
            const { schema } = service
            const [reader, service_] = [`reader_${schema}`, `service_${schema}`]
            yield* sql.unsafe(`CREATE ROLE ${reader}`)
            yield* sql.unsafe(`CREATE ROLE ${service_}`)
            yield* sql.unsafe(`SELECT ${schema}.grant_read_side('${service_}')`)
            yield* sql.unsafe(`GRANT SELECT ON ${schema}.takings TO ${reader} WITH GRANT OPTION`)
            yield* sql.unsafe(`CREATE INDEX by_amount ON ${schema}.slip (amount DESC) WHERE amount > 3`)
            const before = yield* catalogueOf(schema)
            yield* rebuild(service)
            assert.deepStrictEqual(yield* catalogueOf(schema), before)
            assert.isTrue(before.some((line) => line.includes("by_amount")))
          })
        )
      )

      it.effect("refuses, and changes nothing, where a view would be left without its table", () =>
        scenario((service) =>
          Effect.gen(function* () {
            const sql = yield* SqlClient
            const { schema } = service
            yield* sql.unsafe(`CREATE VIEW ${schema}.rich AS SELECT till_id FROM ${schema}.till WHERE total > 100`)
            const refused = yield* Effect.flip(rebuild(service))
            assert.strictEqual(refused._tag, "NotRebuildable")
            assert.include(refused.message, `view ${schema}.rich`)
            assert.deepStrictEqual(yield* sidesOf(service), [])
            yield* sql.unsafe(`DROP VIEW ${schema}.rich`)
            yield* rebuild(service)
          })
        )
      )

      it.effect("refuses where the live tables have columns that this release does not make", () =>
        scenario((service) =>
          Effect.gen(function* () {
            const sql = yield* SqlClient
            yield* sql.unsafe(`ALTER TABLE ${service.schema}.till ADD COLUMN colour text`)
            const refused = yield* Effect.flip(rebuild(service))
            assert.strictEqual(refused._tag, "NotRebuildable")
            assert.include(refused.message, "till.colour text")
          })
        )
      )

      it.effect("refuses what goes out because of events, and what has no tables", () =>
        scenario(({ subject }) =>
          Effect.gen(function* () {
            const reaction = (schema: string) => ({ ...tills()(schema), effects: "idempotent" as const })
            const sent = yield* Effect.flip(SqlRebuild.run({ ...subject, projection: reaction }))
            assert.strictEqual(sent._tag, "NotReplayable")
            const bare = (schema: string) => Projection.make({ ...tills()(schema), tables: [] })
            const none = yield* Effect.flip(SqlRebuild.run({ ...subject, projection: bare }))
            assert.strictEqual(none._tag, "NotRebuildable")
          })
        )
      )

      it.effect("refuses where events are gone, saying how many, and where none were ever kept", () =>
        scenario((service) =>
          Effect.gen(function* () {
            const { schema } = service
            yield* (yield* Journal).deleteTo("till-2", 5)
            const gone = yield* Effect.flip(rebuild(service))
            assert.deepInclude(gone, { _tag: "EventsGone", gone: 5 })
            const level1 = yield* makeService()
            const sql = yield* SqlClient
            yield* sql.unsafe(`INSERT INTO ${level1.schema}.takings VALUES ('2011-01-01', 1)`)
            const none = yield* Effect.flip(onStores(level1)(rebuild(level1)))
            assert.include(String(none), "level 1")
            assert.lengthOf((yield* rowsOf(schema)).slips, 120)
          })
        )
      )
    }
  )
}
