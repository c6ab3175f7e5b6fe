/**
 * What the audit trail relies on of SQL, on any database: rejected commands are kept as they were told, within their bounds; and
 * what fits a filter is found in order, whatever page it is read in.
 */

import type { Entry, Filter } from "@daybook/core/AuditTrail"
import * as EventId from "@daybook/core/EventId"
import { type Append, Journal, type NewEvent } from "@daybook/core/Journal"
import { type RejectedCommand, RejectedCommands } from "@daybook/core/RejectedCommands"
import type * as Database from "@daybook/postgres/Database"
import { type AuditTrail, type Order, open, type Source } from "@daybook/postgres/SqlAuditTrail"
import { nothingKnown } from "@daybook/testkit/Metadata"
import { assert, describe, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import { freshSchema, stores } from "./Stores.ts"

const day = 24 * 3_600_000
const start = Date.UTC(2011, 0, 1)

const event = (n: number, given: Partial<NewEvent> = {}): NewEvent => ({
  eventId: EventId.make(start + n),
  type: "Noted",
  schemaVersion: 1,
  data: { n },
  occurredAtMillis: start + n * day,
  ...nothingKnown,
  ...given
})

const append = (stream: string, partition: number, ...events: ReadonlyArray<NewEvent>): Append => ({
  stream,
  partition,
  expectedVersion: 0,
  events,
  receipts: [],
  state: null,
  keepEvents: true
})

const rejected = (n: number, given: Partial<RejectedCommand> = {}): RejectedCommand => ({
  rejectionId: EventId.make(start + n),
  stream: "note-a",
  command: "Note",
  data: `{"n":${n}}`,
  isDataCut: false,
  rejection: "Full",
  message: "no room",
  expectedVersion: null,
  occurredAtMillis: start + n,
  recordedAtMillis: start + n,
  ...nothingKnown,
  ...given
})

const lonely = EventId.make(start)

/** Streams in both partitions, and two refusals; recorded a day apart. */
const told = Effect.fnUntraced(function* (schema: string) {
  const journal = yield* Journal
  yield* journal.append([
    append("note-a", 0, event(1), event(2, { actor: "ann", reason: "asked", correlationId: "talk" }), event(3)),
    append("list-b", 1, event(4, { type: "Listed", commandId: "talk" }), event(5, { correlationId: "other" })),
    append("note-c", 1, event(6, { eventId: lonely }), event(7, { causationId: lonely }))
  ])
  yield* (yield* RejectedCommands).record([
    rejected(1, { recordedAtMillis: start + 10 * day, actor: "ann", correlationId: "talk" }),
    rejected(2, { recordedAtMillis: start + 11 * day, command: "List" })
  ])
  const sql = yield* SqlClient
  // The database's clock cannot be turned.
  yield* sql.unsafe(`ALTER TABLE ${schema}.event DISABLE TRIGGER USER`)
  yield* sql.unsafe(`UPDATE ${schema}.event SET recorded_at = occurred_at`)
  yield* sql.unsafe(`ALTER TABLE ${schema}.event ENABLE TRIGGER USER`)
  return (yield* open("notes", schema))!
})

const drain = (source: Source, limit: number) =>
  Effect.gen(function* () {
    const entries: Array<Entry> = []
    let after: number | undefined
    do {
      const { found, next } = yield* source.look(after, limit)
      assert.isAtMost(found.length, limit)
      entries.push(...found.map(({ entry }) => entry))
      after = next
    } while (after !== undefined)
    return entries
  })

const nameOf = ({ data, outcome }: Entry): string => {
  const { n } = data as { readonly n: number }
  return outcome === "accepted" ? `${n}` : `refused ${n}`
}

/** What fits, source by source. */
const found = (trail: AuditTrail, filter: Filter, order: Order = "ascending", limit = 2) =>
  Effect.gen(function* () {
    const sources = yield* trail.sources(filter, order)
    const entries = yield* Effect.forEach(sources, (source) => drain(source, limit))
    return entries.flat().map(nameOf)
  })

/** Registers the suite for a database. */
export const auditTrails = (name: string, location: Database.Location): void => {
  const schema = freshSchema()
  const kept = freshSchema()
  describe(`Audit trail: ${name}`, () => {
    layer(stores(location, schema, 2), { excludeTestServices: true })((it) => {
      it.effect("finds what fits, in order, whatever page it is read in", () =>
        Effect.gen(function* () {
          const trail = yield* told(schema)
          const cases: ReadonlyArray<readonly [Filter, ReadonlyArray<string>]> = [
            [{}, ["1", "2", "3", "4", "5", "6", "7", "refused 1", "refused 2"]],
            [{ stream: "note-a" }, ["1", "2", "3", "refused 1", "refused 2"]],
            [{ stream: "note-z" }, []],
            [{ aggregate: "note" }, ["1", "2", "3", "6", "7", "refused 1", "refused 2"]],
            [{ aggregate: "note", outcome: "accepted" }, ["1", "2", "3", "6", "7"]],
            [{ actor: "ann" }, ["2", "refused 1"]],
            [{ actor: "ann'; DROP TABLE x --" }, []],
            [{ type: "Listed" }, ["4"]],
            [{ type: "List" }, ["refused 2"]],
            [{ type: "Full", outcome: "rejected" }, ["refused 1", "refused 2"]],
            // Named by its sender, or by the command where nobody named it.
            [{ correlation: "talk" }, ["2", "4", "refused 1"]],
            [{ correlation: lonely }, ["6"]],
            [{ fromMillis: start + 3 * day, toMillis: start + 6 * day }, ["3", "4", "5"]],
            [{ fromMillis: start + 3 * day, toMillis: start + 6 * day, by: "occurred" }, ["3", "4", "5"]],
            [{ fromMillis: start + 7 * day, outcome: "accepted" }, ["7"]],
            [{ toMillis: start }, []],
            [{ fromMillis: start + 11 * day }, ["refused 2"]]
          ]
          for (const [filter, expected] of cases) {
            for (const limit of [1, 2, 100]) {
              assert.deepStrictEqual(yield* found(trail, filter, "ascending", limit), expected, JSON.stringify(filter))
              const descending = yield* found(trail, filter, "descending", limit)
              assert.sameMembers([...descending], [...expected], `${JSON.stringify(filter)}, newest first`)
              assert.strictEqual(descending.length, expected.length)
            }
          }
          assert.deepStrictEqual(yield* found(trail, { stream: "note-a", outcome: "accepted" }, "descending"), [
            ...["3", "2", "1"]
          ])
          const whole = yield* trail.conversations(["talk", lonely], 100)
          assert.deepStrictEqual(whole.map(nameOf).sort(), ["2", "4", "6", "refused 1"])
          assert.deepStrictEqual((yield* trail.events([lonely, "no id"])).map(nameOf), ["6"])
          assert.deepStrictEqual((yield* trail.beginnings(["list-b", "list-z"])).map(nameOf), ["4"])
        })
      )

      it.effect("is not there where a service has not run", () =>
        Effect.gen(function* () {
          assert.isUndefined(yield* open("notes", "elsewhere"))
        })
      )
    })

    layer(stores(location, kept, 2), { excludeTestServices: true })((it) => {
      it.effect("keeps rejected commands as they were told", () =>
        Effect.gen(function* () {
          const store = yield* RejectedCommands
          const whole = rejected(3, {
            data: '{"name":"Zoë \\u0000"}',
            expectedVersion: 7,
            actor: "ann",
            reason: "why",
            commandId: "c",
            correlationId: "o",
            causationId: "m",
            traceParent: "t",
            tenant: "x"
          })
          const before = rejected(2)
          yield* store.record([rejected(1), before])
          yield* store.record([whole])
          assert.deepStrictEqual(yield* store.newest(2), [whole, before])
        })
      )

      it.effect("keeps text that a database cannot hold as far as it can", () =>
        Effect.gen(function* () {
          const store = yield* RejectedCommands
          yield* store.record([rejected(4, { actor: "a\u0000b", message: "\ud800" })])
          const [last] = yield* store.newest(1)
          assert.strictEqual(last!.actor, "a\ufffdb")
          assert.strictEqual(last!.message, "\ufffd")
        })
      )

      it.effect("forgets all but the newest, and what is too old", () =>
        Effect.gen(function* () {
          const store = yield* RejectedCommands
          const streams = Effect.map(store.newest(10), (all) => all.map(({ stream }) => stream))
          yield* store.record([rejected(5, { stream: "note-5" }), rejected(6, { stream: "note-6" })])
          assert.isAtLeast(yield* store.forget({ keep: 2, notBeforeMillis: 0 }), 1)
          assert.deepStrictEqual(yield* streams, ["note-6", "note-5"])
          assert.strictEqual(yield* store.forget({ keep: 2, notBeforeMillis: start + 6 }), 1)
          assert.deepStrictEqual(yield* streams, ["note-6"])
        })
      )
    })
  })
}
