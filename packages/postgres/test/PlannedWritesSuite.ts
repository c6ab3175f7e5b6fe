/**
 * What a projection that plans its writes relies on, on any database: offsets and writes change in one go or not at all.
 */
import type { Journal } from "@daybook/core/Journal"
import type { Write } from "@daybook/core/Projection"
import { type Advance, ProjectionFenced, ProjectionStore, stepOf } from "@daybook/core/ProjectionStore"
import * as Projector from "@daybook/core/Projector"
import * as Database from "@daybook/postgres/Database"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import { applyAll, makeService, onStores, partitions, pay, payNothing, rowsOf, type Service } from "./Till.ts"

const projection = "planned"

const till = (schema: string, id: string, total: string): Write => ({
  text: (condition) =>
    `INSERT INTO ${schema}.till (till_id, total, note) SELECT $1::text, $2::text::bigint, '{}' WHERE ${condition}`,
  params: [id, total]
})

const totals = ({ schema }: Service) =>
  Effect.flatMap(SqlClient, (sql) =>
    Effect.map(
      sql.unsafe<{ readonly total: number }>(`SELECT total::float8 AS total FROM ${schema}.till ORDER BY till_id`),
      (rows) => rows.map(({ total }) => total)
    )
  )

/** A service, and the offsets of a projection that has not begun. */
const claimed = <A>(
  work: (
    service: Service,
    steps: ReadonlyArray<Advance>
  ) => Effect.Effect<A, unknown, Journal | ProjectionStore | SqlClient>
) =>
  Effect.gen(function* () {
    const service = yield* makeService({ isPlanned: true })
    return yield* onStores(service)(
      Effect.gen(function* () {
        const store = yield* ProjectionStore
        const offsets = yield* store.claim(projection, { owner: "a", partitions, leaseMillis: 60_000 })
        return yield* work(
          service,
          offsets.map((offset) => stepOf(offset, 7))
        )
      })
    )
  })

const write = (steps: ReadonlyArray<Advance>, ...writes: ReadonlyArray<Write>) =>
  Effect.flatMap(ProjectionStore, (store) => store.write!(projection, steps, Effect.succeed(writes)))

const positions = Effect.flatMap(ProjectionStore, (store) =>
  Effect.map(store.offsets(projection), (offsets) => offsets.map(({ position }) => position))
)

const nowhere = Array.from({ length: partitions }, () => 0)

export const plannedWritesSuite = (database: string, location: Database.Location): void => {
  layer(Database.layer(location), { timeout: "60 seconds", excludeTestServices: true })(
    `planned writes on ${database}`,
    (it) => {
      it.effect("are done with the step of the offsets, each with its own parameters", () =>
        claimed((service, steps) =>
          Effect.gen(function* () {
            yield* write(steps, till(service.schema, "1", "10"), till(service.schema, "2", "20"))
            assert.deepStrictEqual(yield* totals(service), [10, 20])
            assert.deepStrictEqual(
              yield* positions,
              steps.map(({ to }) => to)
            )
          })
        )
      )

      it.effect("are not done where any partition has moved on under another worker, and nothing moves", () =>
        claimed((service, steps) =>
          Effect.gen(function* () {
            for (const spoiled of [{ epoch: steps[1]!.epoch - 1 }, { from: 3 }]) {
              const stale = steps.map((step, i) => (i === 1 ? { ...step, ...spoiled } : step))
              const error = yield* Effect.flip(write(stale, till(service.schema, "1", "10")))
              assert.instanceOf(error, ProjectionFenced)
              assert.strictEqual((error as ProjectionFenced).partition, 1)
            }
            assert.deepStrictEqual(yield* totals(service), [])
            assert.deepStrictEqual(yield* positions, nowhere)
          })
        )
      )

      it.effect("move nothing where one of them is refused, which is no failure of the database", () =>
        claimed((service, steps) =>
          Effect.gen(function* () {
            const { schema } = service
            const error = yield* Effect.flip(write(steps, till(schema, "1", "10"), till(schema, "2", "much")))
            assert.match((error as unknown as Error).message, /^The database refuses what was to be written: .*much/)
            assert.deepStrictEqual(yield* totals(service), [])
            assert.deepStrictEqual(yield* positions, nowhere)
          })
        )
      )

      it.effect("do not wait for the disk of a server, and leave it to others whether they do", () =>
        claimed(({ schema }, steps) =>
          Effect.gen(function* () {
            const sql = yield* SqlClient
            // Asked at the end of the statement, where it will be known whether the commit is to wait.
            yield* sql.unsafe(`CREATE TABLE ${schema}.asked (waits text)`)
            yield* sql.unsafe(
              `CREATE FUNCTION ${schema}.ask() RETURNS trigger LANGUAGE plpgsql AS
               $$ BEGIN INSERT INTO ${schema}.asked VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$`
            )
            yield* sql.unsafe(
              `CREATE TRIGGER ask AFTER INSERT ON ${schema}.till FOR EACH STATEMENT EXECUTE FUNCTION ${schema}.ask()`
            )
            yield* write(steps, till(schema, "1", "10"))
            yield* sql.unsafe(`INSERT INTO ${schema}.till VALUES ('2', 20, '{}')`)
            const asked = yield* sql.unsafe(`SELECT waits FROM ${schema}.asked`)
            assert.deepStrictEqual(asked, [{ waits: "url" in location ? "off" : "on" }, { waits: "on" }])
          })
        )
      )

      it.effect(
        "come to what a transaction would have written; a stream that is refused is set aside and taken in again",
        () =>
          Effect.gen(function* () {
            const services = [yield* makeService({ isPlanned: true }), yield* makeService()]
            const rows = yield* Effect.forEach(services, (service) =>
              onStores(service)(
                Effect.gen(function* () {
                  yield* pay(5, 3)
                  yield* payNothing("empty")
                  yield* applyAll(service)
                  const store = yield* ProjectionStore
                  const parked = yield* store.parked(service.live.name)
                  assert.deepStrictEqual(
                    parked.map(({ stream }) => stream),
                    ["till-empty"]
                  )
                  const sql = yield* SqlClient
                  yield* sql.unsafe(`ALTER TABLE ${service.schema}.slip DROP CONSTRAINT slip_amount_check`)
                  const projector = yield* Projector.make([service.live], { run: false })
                  yield* projector.unpark(service.live.name, "till-empty")
                  yield* pay(5, 2)
                  yield* applyAll(service)
                  return yield* rowsOf(service.schema)
                }).pipe(Effect.scoped)
              )
            )
            assert.deepStrictEqual(rows[0], rows[1])
            assert.strictEqual(rows[0]!.slips.length, 5 * 5 + 1)
          })
      )
    }
  )
}
