/**
 * What is remembered of streams is read together: how often the database is asked, and that nobody suffers from a neighbour.
 */

import * as EventId from "@daybook/core/EventId"
import { type Append, Journal } from "@daybook/core/Journal"
import { Snapshots } from "@daybook/core/Snapshot"
import { AnswerLimit } from "@daybook/postgres/AnswerLimit"
import { recallOf } from "@daybook/postgres/Recall"
import { nothingKnown } from "@daybook/testkit/Metadata"
import { assert, describe, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { SqlClient } from "effect/sql/SqlClient"
import { freshSchema, stores } from "./Stores.ts"

const schema = freshSchema()

const event = (n: number) => ({
  eventId: EventId.make(n),
  type: "Noted",
  schemaVersion: 1,
  data: { n },
  occurredAtMillis: n,
  ...nothingKnown
})

const appendOf = (stream: string, events: number): Append => ({
  stream,
  partition: 0,
  expectedVersion: 0,
  events: Array.from({ length: events }, (_, n) => event(n + 1)),
  receipts: [],
  state: { schemaVersion: 3, data: { of: stream } },
  keepEvents: true
})

/** The client in context, with a count of the statements that are sent through it. */
const counting = Effect.gen(function* () {
  const sql = yield* SqlClient
  const count = { statements: 0 }
  const counted = new Proxy(sql, {
    get: (target, name) => {
      if (name === "unsafe") count.statements++
      return Reflect.get(target, name)
    }
  })
  return { count, recall: yield* recallOf(counted, schema) }
})

layer(stores({ folder: undefined }, schema), { timeout: 60_000 })("what is remembered of streams", (it) => {
  describe("of many streams at once", () => {
    it.effect("is one statement, and each is told of its own", () =>
      Effect.gen(function* () {
        const journal = yield* Journal
        yield* journal.append([appendOf("note-a", 2), appendOf("note-b", 3)])
        const { count, recall } = yield* counting
        const found = yield* Effect.all(["note-a", "note-b", "note-new", "note-a"].map(recall), {
          concurrency: "unbounded"
        })
        assert.strictEqual(count.statements, 1)
        assert.deepStrictEqual(
          found.map(({ version, stateVersion, stateData }) => [version, stateVersion, stateData]),
          [
            [2, 2, { of: "note-a" }],
            [3, 3, { of: "note-b" }],
            [0, null, null],
            [2, 2, { of: "note-a" }]
          ]
        )
      })
    )

    it.effect("goes on when one of them stops waiting", () =>
      Effect.gen(function* () {
        const journal = yield* Journal
        yield* journal.append([appendOf("note-c", 1)])
        const { recall } = yield* counting
        const stops = yield* Effect.forkChild(recall("note-c"), { startImmediately: true })
        const stays = yield* Effect.forkChild(recall("note-c"), { startImmediately: true })
        yield* Fiber.interrupt(stops)
        assert.strictEqual((yield* Fiber.join(stays)).version, 1)
      })
    )

    it.effect("a name that no stream can have is answered, and harms no other", () =>
      Effect.gen(function* () {
        const journal = yield* Journal
        yield* journal.append([appendOf("note-d", 1)])
        const versions = yield* Effect.all(["note-\u0000", "note-d", "note-\ud800", 'note-"\\'].map(journal.version), {
          concurrency: "unbounded"
        })
        assert.deepStrictEqual(versions, [0, 1, 0, 0])
      })
    )
  })

  it.effect("within a transaction, is what the transaction sees", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      const journal = yield* Journal
      yield* journal.append([appendOf("note-e", 4)])
      const within = Effect.gen(function* () {
        yield* sql.unsafe(`UPDATE ${schema}.state SET version = 9 WHERE stream = 'note-e'`)
        return yield* Effect.all([journal.version("note-e"), journal.state("note-e")], { concurrency: "unbounded" })
      })
      const [version, state] = yield* sql.withTransaction(within)
      assert.strictEqual(version, 9)
      assert.strictEqual(Option.getOrThrow(state).version, 9)
    })
  )

  it.effect("is told why when the database fails, everyone who asked", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      const recall = yield* recallOf(sql, "there_is_no_such_schema")
      const exits = yield* Effect.all(
        ["note-a", "note-b"].map((stream) => Effect.exit(recall(stream))),
        {
          concurrency: "unbounded"
        }
      )
      assert.isTrue(exits.every(Exit.isFailure))
    })
  )

  it.effect("is not waited for longer than the database may take to answer", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      const silent = new Proxy(sql, {
        get: (target, name) => (name === "unsafe" ? () => Effect.never : Reflect.get(target, name))
      })
      const recall = yield* Effect.provideService(recallOf(silent, schema), AnswerLimit, 1)
      const errors = yield* Effect.all(
        ["note-a", "note-b"].map((stream) => Effect.flip(recall(stream))),
        {
          concurrency: "unbounded"
        }
      )
      for (const { reason } of errors) assert.strictEqual(reason._tag, "StatementTimeoutError")
    })
  )

  it.effect("holds the newest snapshot, which a snapshot store answers with", () =>
    Effect.gen(function* () {
      const snapshots = yield* Snapshots
      for (const version of [5, 7]) {
        yield* snapshots.save({
          stream: "note-f",
          version,
          schemaVersion: 2,
          takenAtMillis: 1_000 + version,
          data: { version }
        })
      }
      const newest = yield* snapshots.latest("note-f")
      assert.deepStrictEqual(Option.getOrThrow(newest), {
        stream: "note-f",
        version: 7,
        schemaVersion: 2,
        takenAtMillis: 1_007,
        data: { version: 7 }
      })
    })
  )
})
