/** A small service for the tests of rebuilds: tills that take money, with a read model of three tables and one of another projection. */

import * as Event from "@daybook/core/Event"
import { Journal } from "@daybook/core/Journal"
import * as Partition from "@daybook/core/Partition"
import * as Projection from "@daybook/core/Projection"
import type { ProjectionStore } from "@daybook/core/ProjectionStore"
import * as Projector from "@daybook/core/Projector"
import type { Database } from "@daybook/postgres/Database"
import type { MigrationSet } from "@daybook/postgres/Migrations"
import { planned } from "@daybook/postgres/PlannedWrites"
import type { Subject } from "@daybook/postgres/SqlRebuild"
import * as Stores from "@daybook/postgres/Stores"
import { nothingKnown } from "@daybook/testkit/Metadata"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { SqlClient } from "effect/sql/SqlClient"
import { freshSchema } from "./Stores.ts"

const events = Event.define({ Paid: { amount: Schema.Int, day: Schema.String } })

const source = { name: "till", events }

export const partitions = 4

/** `slip` has an identity and an index, `takings` is shared by all partitions, and `audit` is another projection's. */
export const migrations: MigrationSet = {
  name: "till",
  migrations: [
    {
      name: "till-001",
      sql: `CREATE TABLE {schema}.till (till_id text PRIMARY KEY, total bigint NOT NULL, note json NOT NULL) WITH (fillfactor = 70);
        CREATE INDEX till_rich ON {schema}.till (total) WHERE total > 100;
        CREATE TABLE {schema}.slip (number bigint GENERATED ALWAYS AS IDENTITY, till_id text NOT NULL, version integer NOT NULL,
          amount bigint NOT NULL CHECK (amount <> 0), PRIMARY KEY (till_id, version));
        CREATE TABLE {schema}.takings (day date PRIMARY KEY, total bigint NOT NULL);
        CREATE TABLE {schema}.audit (till_id text PRIMARY KEY, events integer NOT NULL)`
    }
  ]
}

type Batch = ReadonlyArray<Event.Recorded<Event.Type<typeof events>>>

/** What a test has the handler do before it writes. */
export interface Hook {
  before: (batch: Batch, replay: Projection.Replay) => Effect.Effect<void, unknown>
}

export const noHook = (): Hook => ({ before: () => Effect.void })

const writesOf = (schema: string, batch: Batch): ReadonlyArray<Projection.Write> => {
  const rows = batch.map(({ stream, version, event }) => ({ id: Partition.idOf(stream), version, ...event }))
  const params = [JSON.stringify(rows.toSorted((a, b) => (a.day < b.day ? -1 : 1)))]
  const record = "json_to_recordset($1::text::json) AS p (id text, version integer, amount bigint, day date)"
  const texts: ReadonlyArray<Projection.Write["text"]> = [
    (condition) =>
      `INSERT INTO ${schema}.till AS t (till_id, total, note)
       SELECT id, sum(amount), '{"paid": true}' FROM ${record} WHERE ${condition} GROUP BY id
       ON CONFLICT (till_id) DO UPDATE SET total = t.total + excluded.total`,
    (condition) =>
      `INSERT INTO ${schema}.slip (till_id, version, amount) SELECT id, version, amount FROM ${record} WHERE ${condition}`,
    (condition) =>
      `INSERT INTO ${schema}.takings AS t (day, total)
       SELECT day, sum(amount) FROM ${record} WHERE ${condition} GROUP BY day ORDER BY day
       ON CONFLICT (day) DO UPDATE SET total = t.total + excluded.total`
  ]
  return texts.map((text) => ({ text, params }))
}

/** The read model, and how its projection writes it into a schema. */
export const tills =
  (hook: Hook = noHook(), batchSize = 50, isPlanned = false) =>
  (schema: string) => {
    const { plan, handle } = planned((batch: Batch) => Effect.sync(() => writesOf(schema, batch)))
    return Projection.make({
      name: "till-views",
      sources: [source],
      batchSize,
      tables: ["till", { name: "slip", uncompared: ["number"] }, "takings"],
      handle: (batch: Batch, replay) => Effect.andThen(hook.before(batch, replay), handle(batch)),
      plan: isPlanned ? plan : undefined
    })
  }

/** Another projection of the same service. */
export const audit = (schema: string) =>
  Projection.make({
    name: "audit",
    sources: [source],
    tables: ["audit"],
    handle: (batch: Batch) =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        for (const { stream, version } of batch)
          yield* sql.unsafe(
            `INSERT INTO ${schema}.audit VALUES ($1::text, $2::text::integer)
             ON CONFLICT (till_id) DO UPDATE SET events = excluded.events`,
            [Partition.idOf(stream), String(version)]
          )
      })
  })

/** A service in a schema of its own, migrated. */
export interface Service {
  readonly schema: string
  readonly subject: Subject
  readonly hook: Hook
  /** What runs in its processes. */
  readonly live: Projection.Projection<any, any, SqlClient>
}

/** How to make one: its projection plans its writes, or has them done in a transaction. */
export const makeService = (options: { readonly batchSize?: number; readonly isPlanned?: boolean } = {}) =>
  Effect.gen(function* () {
    const schema = freshSchema()
    yield* Stores.migrateWriteSide(schema, partitions)
    yield* Stores.migrateReadSide(schema, migrations)
    const hook = noHook()
    const subject: Subject = {
      schema,
      migrations: [migrations],
      projection: tills(hook, options.batchSize, options.isPlanned),
      fingerprint: "first"
    }
    const service: Service = {
      schema,
      subject,
      hook,
      live: tills(noHook(), options.batchSize, options.isPlanned)(schema)
    }
    return service
  })

/** Does something with the stores of a service. */
export const onStores =
  ({ schema }: Service) =>
  <A, E>(
    work: Effect.Effect<A, E, Journal | ProjectionStore | SqlClient | Database>
  ): Effect.Effect<A, unknown, SqlClient | Database> =>
    Effect.provide(
      work,
      Layer.mergeAll(Stores.writeSide({ schema, partitions }), Stores.readSide({ schema, tables: migrations }))
    )

let eventIds = 0

const paid = (amount: number, day: string) => ({
  eventId: `00000000-0000-7000-8000-${(++eventIds).toString(16).padStart(12, "0")}`,
  type: "Paid",
  schemaVersion: 1,
  occurredAtMillis: 0,
  ...nothingKnown,
  data: { amount, day }
})

const dayOf = (i: number): string => `2011-03-${String((i % 20) + 1).padStart(2, "0")}`

/** So many payments into each of so many tills. Answers the version that all of them have then. */
export const pay = (tillCount: number, payments: number) =>
  Effect.gen(function* () {
    const journal = yield* Journal
    const first = yield* journal.version("till-0")
    yield* journal.append(
      Array.from({ length: tillCount }, (_, till) => ({
        stream: `till-${till}`,
        partition: Partition.ofId(`${till}`, partitions),
        expectedVersion: first,
        events: Array.from({ length: payments }, (__, i) => paid(till + i + 1, dayOf(till + i))),
        receipts: [],
        state: null,
        keepEvents: true
      }))
    )
    return first + payments
  })

/** A payment that the read model's table refuses, into a till that has never been used. */
export const payNothing = (till: string) =>
  Effect.flatMap(Journal, (journal) =>
    journal.append([
      {
        stream: `till-${till}`,
        partition: Partition.ofId(till, partitions),
        expectedVersion: 0,
        events: [paid(0, dayOf(0))],
        receipts: [],
        state: null,
        keepEvents: true
      }
    ])
  )

/** Waits until projections have applied everything. */
export const allApplied = (projector: Projector.Projector, projections: ReadonlyArray<{ readonly name: string }>) =>
  Effect.gen(function* () {
    const { heads } = yield* Journal
    for (const [partition, position] of (yield* heads).entries()) {
      for (const { name } of projections) yield* projector.awaitPosition(name, { partition, position }, "20 seconds")
    }
  })

/** Runs the live projections until they have applied everything. */
export const applyAll = ({ schema, live }: Service, ...others: ReadonlyArray<(schema: string) => typeof live>) =>
  Effect.gen(function* () {
    const projections = [live, ...others.map((one) => one(schema))]
    yield* allApplied(yield* Projector.make(projections, { poll: "20 millis" }), projections)
  }).pipe(Effect.scoped)

interface Sum {
  readonly total: number
}

/** All rows of the read model, without the columns that depend on when they were written. */
export const rowsOf = (schema: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    return {
      tills: yield* sql.unsafe<Sum>(`SELECT till_id, total::float8, note::text FROM ${schema}.till ORDER BY till_id`),
      slips: yield* sql.unsafe<{ readonly amount: number }>(
        `SELECT till_id, version, amount::float8 FROM ${schema}.slip ORDER BY 1, 2`
      ),
      takings: yield* sql.unsafe<Sum>(`SELECT day::text, total::float8 FROM ${schema}.takings ORDER BY day`)
    }
  })

/** What a schema holds, as the catalogue has it, under a name that is the same for all. */
export const catalogueOf = (schema: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const texts = yield* sql.unsafe<{ readonly what: string }>(
      `SELECT 'index ' || indexdef AS what FROM pg_indexes WHERE schemaname = $1::text
       UNION ALL SELECT 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
         FROM pg_constraint WHERE connamespace = $1::text::regnamespace
       UNION ALL SELECT 'relation ' || relname || ' ' || relkind::text || ' ' || coalesce(reloptions::text, '') || ' ' || coalesce(relacl::text, '')
         FROM pg_class WHERE relnamespace = $1::text::regnamespace
       UNION ALL SELECT 'sequence ' || pg_get_serial_sequence($1::text || '.slip', 'number')
       UNION ALL SELECT 'column ' || table_name || ' ' || column_name || ' ' || data_type || ' ' || is_identity || ' ' || ordinal_position
         FROM information_schema.columns WHERE table_schema = $1::text
       UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = $1::text::regnamespace
       ORDER BY what`,
      [schema]
    )
    return texts.map(({ what }) => what.replaceAll(schema, "{schema}"))
  })

/** The schemas beside a service's that rebuilds have left. */
export const sidesOf = ({ schema }: Service) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const rows = yield* sql.unsafe<{ readonly name: string }>(
      "SELECT nspname::text AS name FROM pg_namespace WHERE starts_with(nspname, $1::text || '_rebuild')",
      [schema]
    )
    return rows.map(({ name }) => name)
  })
