/**
 * What commands rely on while a journal does not look up the streams that it wrote itself: whatever another process does to a
 * partition, an append on a version that is no longer the stream's is a conflict. Run on PGlite and on a server.
 */
import * as EventId from "@daybook/core/EventId"
import type { Append, Journal } from "@daybook/core/Journal"
import type * as Database from "@daybook/postgres/Database"
import * as SqlJournal from "@daybook/postgres/SqlJournal"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import { freshSchema, stores } from "./Stores.ts"

const partition = 3

const eventOf = (commandId: string | null) => ({
  eventId: EventId.make(1),
  type: "Noted",
  schemaVersion: 1,
  data: {},
  occurredAtMillis: 0,
  actor: null,
  reason: null,
  commandId,
  correlationId: null,
  causationId: null,
  traceParent: null,
  tenant: null
})

/** One event on a version of a stream; `given` says what is special about it. */
export const on = (stream: string, expectedVersion: number, given: Partial<Append> = {}): Append => ({
  stream,
  partition,
  expectedVersion,
  events: [eventOf(null)],
  receipts: [],
  state: null,
  keepEvents: true,
  ...given
})

export const withState = (stream: string, expectedVersion: number): Append =>
  on(stream, expectedVersion, { keepEvents: false, state: { schemaVersion: 1, data: {} } })

export const one = (journal: Journal["Service"], append: Append) =>
  Effect.map(journal.append([append]), ([outcome]) => outcome!)

export const tagOf = (journal: Journal["Service"], append: Append) =>
  Effect.map(one(journal, append), ({ _tag }) => _tag)

export const ownWritesSuite = (name: string, location: Database.Location): void => {
  const schema = freshSchema()
  /** Two processes on one schema, as far as the journal can tell, and a stream that the first has written twice. */
  const two = Effect.fnUntraced(function* (stream: string) {
    const [ours, theirs] = yield* Effect.all([
      SqlJournal.make({ schema, lanes: 1, shared: true }),
      SqlJournal.make({ schema, lanes: 1, shared: true })
    ])
    for (const version of [0, 1]) assert.strictEqual(yield* tagOf(ours, on(stream, version)), "Appended")
    return { ours, theirs }
  })

  layer(stores(location, schema), { timeout: 60_000 })(`a journal's own writes: ${name}`, (it) => {
    const rivals: ReadonlyArray<[string, (stream: string) => Append, number]> = [
      ["has added an event", (stream) => on(stream, 2), 3],
      ["has stored a state and no event", (stream) => withState(stream, 2), 3]
    ]
    for (const [what, rival, actualVersion] of rivals) {
      it.effect(`what it wrote is no longer the newest when another process ${what}`, () =>
        Effect.gen(function* () {
          const stream = `note-${what}`
          const { ours, theirs } = yield* two(stream)
          assert.strictEqual(yield* tagOf(theirs, rival(stream)), "Appended")
          assert.deepStrictEqual(yield* one(ours, on(stream, 2)), { _tag: "Conflict", actualVersion })
          assert.strictEqual(yield* tagOf(ours, on(stream, actualVersion)), "Appended")
        })
      )
    }

    it.effect("it finds out, however much was written to the partition in between", () =>
      Effect.gen(function* () {
        const { ours, theirs } = yield* two("note-between")
        assert.strictEqual(yield* tagOf(theirs, withState("note-between", 2)), "Appended")
        for (let i = 0; i < 3; i++) {
          assert.strictEqual(yield* tagOf(theirs, on(`note-theirs-${i}`, 0)), "Appended")
          assert.strictEqual(yield* tagOf(ours, on(`note-ours-${i}`, 0)), "Appended")
        }
        assert.deepStrictEqual(yield* one(ours, on("note-between", 2)), { _tag: "Conflict", actualVersion: 3 })
      })
    )

    const undoings: ReadonlyArray<
      [string, (ours: Journal["Service"], append: Append) => Effect.Effect<unknown, unknown, SqlClient>]
    > = [
      ["a transaction", (ours, append) => ours.append([append], () => Effect.fail("no"))],
      [
        "its caller's transaction",
        (ours, append) =>
          Effect.flatMap(SqlClient, (sql) =>
            sql.withTransaction(Effect.andThen(ours.append([append]), Effect.fail("no")))
          )
      ]
    ]
    for (const [what, undo] of undoings) {
      it.effect(`${what} that is undone leaves nothing behind, nor any knowledge`, () =>
        Effect.gen(function* () {
          const stream = `note-undone-${what}`
          const { ours, theirs } = yield* two(stream)
          assert.strictEqual(yield* Effect.flip(undo(ours, on(stream, 2))), "no")
          assert.deepStrictEqual(yield* one(ours, on(stream, 3)), { _tag: "Conflict", actualVersion: 2 })
          assert.strictEqual(yield* tagOf(theirs, on(stream, 2)), "Appended")
          assert.deepStrictEqual(yield* one(ours, on(stream, 2)), { _tag: "Conflict", actualVersion: 3 })
        })
      )
    }

    it.effect("a command that was carried out elsewhere is answered as before, also on a stream that is known", () =>
      Effect.gen(function* () {
        const { ours, theirs } = yield* two("note-repeated")
        const command = { events: [eventOf("c-1")], receipts: [{ commandId: "c-1", version: 3 }] }
        assert.strictEqual(yield* tagOf(theirs, on("note-repeated", 2, command)), "Appended")
        const outcome = yield* one(ours, on("note-repeated", 2, command))
        assert(outcome._tag === "Duplicate")
        assert.strictEqual(outcome.receipts[0]!.version, 3)
        const again = { events: [eventOf("c-1")], receipts: [{ commandId: "c-1", version: 4 }] }
        assert.strictEqual(yield* tagOf(theirs, on("note-repeated", 3, again)), "Duplicate")
      })
    )

    it.effect("neighbours of a conflict are stored, known or not", () =>
      Effect.gen(function* () {
        const { ours, theirs } = yield* two("note-a")
        yield* one(ours, on("note-b", 0))
        yield* one(theirs, on("note-a", 2))
        const outcomes = yield* ours.append([on("note-a", 2), on("note-b", 1), on("note-c", 0), on("note-d", 7)])
        assert.deepStrictEqual(
          outcomes.map((outcome) => (outcome._tag === "Conflict" ? outcome.actualVersion : outcome._tag)),
          [3, "Appended", "Appended", 0]
        )
      })
    )

    it.effect("writers of one process that do not wait for each other win each version once", () =>
      Effect.gen(function* () {
        const { ours, theirs } = yield* two("note-race")
        for (let version = 2; version < 12; version++) {
          const tags = yield* Effect.all(
            [ours, theirs, ours, theirs].map((journal) => tagOf(journal, on("note-race", version))),
            { concurrency: "unbounded" }
          )
          assert.strictEqual(tags.filter((tag) => tag === "Appended").length, 1, tags.join())
        }
        const events = yield* ours.readStream("note-race")
        assert.deepStrictEqual(
          events.map(({ version }) => version),
          Array.from({ length: 12 }, (_, i) => i + 1)
        )
      })
    )

    it.effect("its own writes are not looked up, until somebody else writes to the partition", () =>
      Effect.gen(function* () {
        const { ours, theirs } = yield* two("note-looked")
        const sql = yield* SqlClient
        // Past the journal, which only a look at the stream can find.
        yield* sql.unsafe(`INSERT INTO ${schema}.state VALUES (now(), 9, 1, 'note-looked', '{}')`)
        assert.strictEqual(yield* tagOf(ours, on("note-looked", 2)), "Appended")
        assert.strictEqual(yield* tagOf(theirs, on("note-other", 0)), "Appended")
        assert.deepStrictEqual(yield* one(ours, on("note-looked", 3)), { _tag: "Conflict", actualVersion: 9 })
      })
    )
  })
}
