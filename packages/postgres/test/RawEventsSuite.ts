/**
 * Events as the database has them: exact to the microsecond and to the byte, and in a canonical form that psql computes alike.
 * Run on PGlite and on PostgreSQL, in the store that the seals' cases use too.
 */

import { createHash } from "node:crypto"
import * as EventId from "@daybook/core/EventId"
import { type Append, Journal, type NewEvent } from "@daybook/core/Journal"
import * as RawEvents from "@daybook/postgres/RawEvents"
import { nothingKnown } from "@daybook/testkit/Metadata"
import { assert, describe, type Vitest } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { SqlClient } from "effect/sql/SqlClient"

/** What docs/guides/audit.md tells anybody to run. */
export const canonicalSql = `array_to_json(ARRAY[
  to_json(partition), to_json(position), to_json(stream), to_json(version), to_json(event_id), to_json(type),
  to_json(schema_version), to_json(trunc(extract(epoch FROM occurred_at) * 1000000)::text),
  to_json(trunc(extract(epoch FROM recorded_at) * 1000000)::text), to_json(is_receipt), to_json(command_id),
  to_json(correlation_id), to_json(causation_id), to_json(actor), to_json(reason), to_json(trace_parent), to_json(tenant),
  to_json(data::text)])::text`

const difficult = 'ä "quoted" \\ \t\n\u0001\u001e\u007f\u2028 😀 </script>'

const event = (n: number, over: Partial<NewEvent> = {}): NewEvent => ({
  eventId: EventId.make(n),
  type: "Noted",
  schemaVersion: 1,
  data: { n },
  occurredAtMillis: n,
  ...nothingKnown,
  ...over
})

const append = (partition: number, stream: string, events: ReadonlyArray<NewEvent>): Append => ({
  stream,
  partition,
  expectedVersion: 0,
  events,
  receipts: [],
  state: null,
  keepEvents: true
})

const filled = {
  data: { text: difficult, list: [1, 1.5, -0, 1e300, null, true] },
  occurredAtMillis: Date.UTC(1969, 11, 31, 23, 59, 59, 999),
  actor: difficult,
  reason: difficult,
  correlationId: "c",
  causationId: "d",
  traceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
  tenant: "t"
}

/** Registers the cases. Partition 6 of the schema is theirs. */
export const rawEvents = (schema: string, it: Vitest.MethodsNonLive<Journal | SqlClient>): void => {
  const partition = 6
  const all = { from: 1, to: 1_000_000 }

  describe("events as the database has them", () => {
    it.effect("have a canonical form that psql computes alike, whatever is in them", () =>
      Effect.gen(function* () {
        const journal = yield* Journal
        const sql = yield* SqlClient
        yield* journal.append([append(partition, "raw-1", [event(1), event(2, filled)])])
        yield* sql.unsafe(
          `INSERT INTO ${schema}.event SELECT position + 2, '9999-12-31 23:59:59.999999+00', '2026-11-22 01:02:03.000001+00',
             gen_random_uuid(), version + 2, partition, schema_version, true, stream, type, 'k', correlation_id, causation_id,
             actor, reason, trace_parent, tenant, ' { "b" :1, "a":  "\\u00e4" } '
           FROM ${schema}.event WHERE stream = 'raw-1' AND version = 2`
        )
        yield* sql.unsafe(`UPDATE ${schema}.partition SET head = 4 WHERE id = ${partition}`)
        yield* sql.unsafe(
          `INSERT INTO ${schema}.event SELECT 3, occurred_at, recorded_at, gen_random_uuid(), 3, partition, schema_version, false,
             stream, type, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'null' FROM ${schema}.event WHERE stream = 'raw-1' AND version = 1`
        )
        const raw = yield* RawEvents.readRange(schema, partition, all)
        const computed = yield* sql.unsafe<{ readonly line: string; readonly sum: string }>(
          `SELECT line, encode(sha256('\\x00'::bytea || convert_to(line, 'UTF8')), 'hex') AS sum FROM (
             SELECT ${canonicalSql} AS line FROM ${schema}.event WHERE partition = ${partition} ORDER BY position) AS lines`
        )
        assert.strictEqual(raw.length, 4)
        raw.forEach((one, i) => {
          const line = RawEvents.canonical(one)
          assert.strictEqual(line, computed[i]!.line)
          assert.strictEqual(createHash("sha256").update("\0").update(line).digest("hex"), computed[i]!.sum)
          assert.deepStrictEqual(RawEvents.fromCanonical(line), one)
        })
        assert.strictEqual(raw[1]!.occurredAtMicros, "-1000")
        assert.strictEqual(raw[3]!.occurredAtMicros, "253402300799999999")
        assert.strictEqual(raw[3]!.recordedAtMicros, "1795309323000001")
        assert.strictEqual(raw[3]!.data, ' { "b" :1, "a":  "\\u00e4" } ')
      })
    )

    it.effect("come back as the same instants, to the microsecond", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        for (const instant of [
          "9999-12-31 23:59:59.999999+00",
          "1969-12-31 23:59:59.999999+00",
          "0001-01-01 00:00+00"
        ]) {
          const [row] = yield* sql.unsafe<{ readonly same: boolean }>(
            `SELECT ${RawEvents.instantOfMicros("m::bigint")} = t AS same
             FROM (SELECT t, ${RawEvents.microsOf("t")} AS m FROM (SELECT timestamptz '${instant}' AS t) AS a) AS b`
          )
          assert.isTrue(row!.same, instant)
        }
      })
    )

    it.effect("are read by stream and, page by page, by position", () =>
      Effect.gen(function* () {
        const stream = yield* RawEvents.readStream(schema, "raw-1", { from: 2, to: 9, limit: 2 })
        assert.deepStrictEqual(
          stream.map(({ version }) => version),
          [2, 3]
        )
        const pages = yield* Stream.runCollect(RawEvents.pages(schema, partition, { from: 1, to: 3, limit: 2 }))
        assert.deepStrictEqual(
          [...pages].map((page) => page.map(({ position }) => position)),
          [[1, 2], [3]]
        )
      })
    )

    it("are refused where a line is no canonical form", () => {
      assert.throws(() => RawEvents.fromCanonical("[1,2]"), /array of 18 values/)
      assert.throws(() => RawEvents.fromCanonical("{"), SyntaxError)
    })
  })
}
