/**
 * Heads and pages of partitions that are asked for in one turn: how often the database is asked, and that each is told its own.
 */

import * as EventId from "@daybook/core/EventId"
import { type Append, Journal } from "@daybook/core/Journal"
import { together } from "@daybook/postgres/PartitionPages"
import { nothingKnown } from "@daybook/testkit/Metadata"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import { freshSchema, stores } from "./Stores.ts"

const schema = freshSchema()

const appendOf = (partition: number, events: number): Append => ({
  stream: `note-${partition}`,
  partition,
  expectedVersion: 0,
  events: Array.from({ length: events }, (_, n) => ({
    eventId: EventId.make(n),
    type: "Noted",
    schemaVersion: 1,
    data: { partition, n },
    ...nothingKnown,
    occurredAtMillis: n
  })),
  receipts: [],
  state: null,
  keepEvents: true
})

/** The journal beneath, with counts of what is asked of it, and of the statements that are sent past it. */
const counting = Effect.gen(function* () {
  const sql = yield* SqlClient
  const journal = yield* Journal
  const count = { heads: 0, pages: 0, statements: 0 }
  const counted = new Proxy(sql, {
    get: (target, name) => {
      if (name === "unsafe") count.statements++
      return Reflect.get(target, name)
    }
  })
  const beneath = {
    ...journal,
    heads: Effect.suspend(() => {
      count.heads++
      return journal.heads
    }),
    readPartition: (partition: number, page: { readonly after: number; readonly limit: number }) => {
      count.pages++
      return journal.readPartition(partition, page)
    }
  }
  return { journal, count, joined: yield* Effect.provideService(together(beneath, schema), SqlClient, counted) }
})

const all = { concurrency: "unbounded" } as const

layer(stores({ folder: undefined }, schema), { timeout: 60_000 })("pages that are asked for in one turn", (it) => {
  it.effect("are one statement, and the same as when they are read one by one", () =>
    Effect.gen(function* () {
      const { journal, count, joined } = yield* counting
      yield* journal.append([appendOf(0, 7), appendOf(3, 2), appendOf(5, 1)])
      const places = [
        { partition: 0, after: 0, limit: 3 },
        { partition: 3, after: 1, limit: 3 },
        { partition: 5, after: 1, limit: 3 },
        { partition: 0, after: 5, limit: 1 },
        { partition: 0, after: 0, limit: 3 },
        { partition: 7, after: -1, limit: 9 }
      ]
      const found = yield* Effect.all(
        places.map((place) => joined.readPartition(place.partition, place)),
        all
      )
      assert.deepStrictEqual(count, { heads: 0, pages: 0, statements: 1 })
      assert.deepStrictEqual(
        found.map((events) => events.map(({ position }) => position)),
        [[1, 2, 3], [2], [], [6], [1, 2, 3], []]
      )
      assert.deepStrictEqual(
        found,
        yield* Effect.forEach(places, (place) => journal.readPartition(place.partition, place))
      )
    })
  )

  it.effect("are left to the journal where there is one alone, or one without a limit", () =>
    Effect.gen(function* () {
      const { count, joined } = yield* counting
      yield* joined.readPartition(1, { after: 0, limit: 10 })
      yield* Effect.all(
        [0, 1].map((partition) => joined.readPartition(partition, { after: 0, limit: Number.POSITIVE_INFINITY })),
        all
      )
      assert.deepStrictEqual(count, { heads: 0, pages: 3, statements: 0 })
    })
  )

  it.effect("and heads are asked for once, again in the next turn", () =>
    Effect.gen(function* () {
      const { journal, count, joined } = yield* counting
      const both = Effect.all([joined.heads, joined.heads], all)
      const [first, second] = yield* both
      assert.strictEqual(count.heads, 1)
      assert.deepStrictEqual(first, second)
      yield* journal.append([appendOf(6, 4)])
      assert.strictEqual((yield* both)[0][6], 4)
      assert.strictEqual(count.heads, 2)
    })
  )

  it.effect("see, within a transaction, what the transaction sees", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      const { joined } = yield* counting
      const within = Effect.gen(function* () {
        yield* sql.unsafe(`UPDATE ${schema}.partition SET head = 99 WHERE id = 7`)
        const [heads] = yield* Effect.all([joined.heads, joined.readPartition(0, { after: 0, limit: 1 })], all)
        return yield* Effect.fail(heads[7])
      })
      assert.strictEqual(yield* Effect.flip(sql.withTransaction(within)), 99)
    })
  )
})
