/** What is deleted when its time is over, on PGlite: nothing that anybody still needs, everything else, and always on record. */

import * as Aggregate from "@daybook/core/Aggregate"
import * as Event from "@daybook/core/Event"
import { type Append, Journal } from "@daybook/core/Journal"
import { ProjectionStore, ReadModelUnavailable } from "@daybook/core/ProjectionStore"
import { recover, stateCodec } from "@daybook/core/Recovery"
import { Snapshots } from "@daybook/core/Snapshot"
import * as Retention from "@daybook/postgres/Retention"
import * as SealVerification from "@daybook/postgres/SealVerification"
import * as SqlSeals from "@daybook/postgres/SqlSeals"
import { journalOf } from "@daybook/postgres/SqlStorage"
import { nothingKnown } from "@daybook/testkit/Metadata"
import { assert, describe, layer } from "@effect/vitest"
import { uuidV7Unsafe } from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { SqlClient } from "effect/sql/SqlClient"
import { signer, withKey } from "./SealCases.ts"
import { freshSchema, stores } from "./Stores.ts"

const schema = freshSchema()

const Tally = Aggregate.make({
  name: "tally",
  initial: { sum: 0 },
  events: Event.define({ Added: { n: Schema.Int } }),
  evolve: { Added: ({ sum }, { n }) => ({ sum: sum + n }) },
  commands: Schema.TaggedUnion({ Add: { n: Schema.Int } }),
  decide: { Add: ({ n }) => [{ _tag: "Added" as const, n }] },
  state: { version: 1, schema: Schema.Struct({ sum: Schema.Int }) }
})

const added = (n: number): Append["events"][number] => ({
  eventId: uuidV7Unsafe(),
  type: "Added",
  schemaVersion: 1,
  data: { n },
  occurredAtMillis: 0,
  ...nothingKnown,
  commandId: `c${n}`
})

/** Adds 1, 2, 3 … to a tally of partition 0, each as a command of its own; with the state, where it is stored. */
const add = (stream: string, from: number, to: number, state: unknown = null) =>
  Effect.flatMap(Journal, (journal) =>
    journal.append([
      {
        stream,
        partition: 0,
        expectedVersion: from - 1,
        events: Array.from({ length: to - from + 1 }, (_, i) => added(from + i)),
        receipts: Array.from({ length: to - from + 1 }, (_, i) => ({ commandId: `c${from + i}`, version: from + i })),
        state: state === null ? null : { schemaVersion: 1, data: state },
        keepEvents: true
      }
    ])
  )

const versions = (stream: string) =>
  Effect.flatMap(Journal, (journal) =>
    Effect.map(journal.readStream(stream), (events) => events.map(({ version }) => version))
  )

const recovered = (stream: string) =>
  Effect.gen(function* () {
    const stores = { journal: yield* Journal, snapshots: yield* Snapshots }
    return yield* recover({ aggregate: Tally, stores, codec: stateCodec(Tally) })(stream)
  })

const seal = withKey()(SqlSeals.seal(schema, { idleMillis: 0 }))

const prune = (options: Partial<Retention.Pruned> & Retention.Options = {}) => {
  const { dryRun = false, pageSize = 1_000, ...rest } = options
  return withKey()(
    Retention.prune(
      { schema, aggregate: Tally, retainMillis: -60_000, projections: ["views", "publication"], ...rest },
      { dryRun, pageSize }
    )
  )
}

/** Has a projection pass everything up to a position of partition 0. */
const pass = (projection: string, position: number) =>
  Effect.gen(function* () {
    const store = yield* ProjectionStore
    const [offset] = yield* store.claim(projection, { owner: "test", partitions: 1, leaseMillis: 60_000 })
    const { partition, epoch, position: from } = offset!
    yield* store.transact(projection, [{ partition, epoch, from, to: position }], Effect.void)
  })

/** Makes what was recorded as old as it takes: only a test may. */
const age = (stream: string, days: number) =>
  Effect.flatMap(SqlClient, (sql) =>
    sql.withTransaction(
      Effect.gen(function* () {
        yield* sql.unsafe("SET LOCAL session_replication_role = replica")
        yield* sql.unsafe(
          `UPDATE ${schema}.event SET recorded_at = recorded_at - $2::text::integer * interval '1 day' WHERE stream = $1::text`,
          [stream, String(days)]
        )
      })
    )
  )

const nothing = { events: 0, stored: 0 }

layer(stores({ folder: undefined }, schema, 1), { timeout: 60_000, excludeTestServices: true })("pruning", (it) => {
  describe("takes nothing", () => {
    it.effect("that is not sealed", () =>
      Effect.gen(function* () {
        yield* add("tally-a", 1, 6)
        yield* pass("views", 6)
        yield* pass("publication", 6)
        assert.deepStrictEqual(yield* prune(), nothing)
        yield* seal
      })
    )

    it.effect("that a projection has not passed, or of which it has never heard", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* prune({ projections: ["views", "never-ran"] }), nothing)
        assert.deepStrictEqual(yield* prune({ projections: [] }), nothing)
      })
    )

    it.effect("within the window, or where there is no end to it", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* prune({ retainMillis: 86_400_000 }), nothing)
        assert.deepStrictEqual(yield* prune({ retainMillis: Number.POSITIVE_INFINITY }), nothing)
      })
    )

    it.effect("of a stream that a projection has set aside", () =>
      Effect.gen(function* () {
        const store = yield* ProjectionStore
        const parked = { stream: "tally-a", partition: 0, version: 2, position: 2, reason: "broken", parkedAtMillis: 0 }
        yield* store.park("views", parked)
        assert.deepStrictEqual(yield* prune(), nothing)
        yield* store.unpark("views", "tally-a")
      })
    )

    it.effect("where the read side cannot say that it has on its disk what it has passed", () =>
      Effect.gen(function* () {
        const store = yield* ProjectionStore
        const gone = new ReadModelUnavailable({ retryAfterSeconds: 1, detail: "gone" })
        const failed = Effect.provideService(prune(), ProjectionStore, { ...store, flush: Effect.fail(gone) })
        assert.strictEqual(yield* Effect.flip(failed), gone)
        assert.deepStrictEqual(yield* versions("tally-a"), [1, 2, 3, 4, 5, 6])
      })
    )

    it.effect("when it is only to look, and says what it would take", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* prune({ dryRun: true }), { events: 5, stored: 1 })
        assert.deepStrictEqual(yield* versions("tally-a"), [1, 2, 3, 4, 5, 6])
      })
    )
  })

  describe("takes", () => {
    it.effect("all but the last event of a quiet stream, whose state it has stored before", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* prune(), { events: 5, stored: 1 })
        assert.deepStrictEqual(yield* versions("tally-a"), [6])
        assert.deepStrictEqual(yield* recovered("tally-a"), { version: 6, state: { sum: 21 }, replayed: 0 })
        assert.deepStrictEqual(yield* prune(), nothing)
      })
    )

    it.effect("the memory of old commands with them, and leaves the last one's", () =>
      Effect.gen(function* () {
        const journal = yield* Journal
        assert.isTrue(Option.isNone(yield* journal.receipt("tally-a", "c2")))
        assert.isTrue(Option.isSome(yield* journal.receipt("tally-a", "c6")))
      })
    )

    it.effect("what the stored state covers of a stream that goes on, and no more", () =>
      Effect.gen(function* () {
        yield* add("tally-b", 1, 3)
        yield* add("tally-b", 4, 4, { sum: 10 })
        yield* add("tally-b", 5, 7)
        yield* age("tally-b", 10)
        yield* seal
        yield* add("tally-b", 8, 8)
        yield* seal
        yield* pass("views", 14)
        yield* pass("publication", 14)
        assert.deepStrictEqual(yield* prune({ retainMillis: 86_400_000 }), { events: 4, stored: 0 })
        assert.deepStrictEqual(yield* versions("tally-b"), [5, 6, 7, 8])
        assert.deepStrictEqual(yield* recovered("tally-b"), { version: 8, state: { sum: 36 }, replayed: 4 })
      })
    )

    it.effect("no more than projections have passed, page by page", () =>
      Effect.gen(function* () {
        const streams = Array.from({ length: 7 }, (_, i) => `tally-page${i}`)
        for (const stream of streams) yield* add(stream, 1, 3)
        yield* seal
        // Six of the seven: the last event of the sixth is at 32. And what is left of tally-b, which is quiet by now.
        yield* pass("views", 35)
        yield* pass("publication", 32)
        assert.deepStrictEqual(yield* prune({ pageSize: 2 }), { events: 15, stored: 7 })
        assert.deepStrictEqual(yield* versions("tally-page5"), [3])
        assert.deepStrictEqual(yield* versions("tally-page6"), [1, 2, 3])
      })
    )
  })

  it.effect("passes over an aggregate that cannot be recovered, and takes the others'", () =>
    Effect.gen(function* () {
      const journal = yield* Journal
      const broken = { ...added(1), type: "Unheard" }
      const append = {
        stream: "tally-broken",
        partition: 0,
        expectedVersion: 0,
        receipts: [],
        state: null,
        keepEvents: true
      }
      yield* journal.append([{ ...append, events: [broken, added(2)] }])
      yield* add("tally-sound", 1, 2)
      yield* seal
      yield* pass("views", 39)
      yield* pass("publication", 39)
      yield* prune()
      assert.deepStrictEqual(yield* versions("tally-broken"), [1, 2])
      assert.deepStrictEqual(yield* versions("tally-sound"), [2])
    })
  )

  it.effect("leaves the seals whole, and the count of what there is", () =>
    Effect.gen(function* () {
      const { findings, removed } = yield* SealVerification.verify(schema, { publicKeys: [signer.publicKey] })
      assert.deepStrictEqual(findings, [])
      const { appended, events } = (yield* journalOf(schema))!
      assert.deepStrictEqual({ appended, events }, { appended: 39, events: 39 - removed })
      assert.isAbove(removed, 20)
    })
  )

  it.effect("goes on after it: appends, receipts and later pruning", () =>
    Effect.gen(function* () {
      const [outcome] = yield* add("tally-a", 7, 8)
      assert.deepInclude(outcome, { _tag: "Appended", version: 8 })
      yield* seal
      yield* pass("views", 41)
      yield* pass("publication", 41)
      const { events } = yield* prune()
      assert.isAbove(events, 1)
      assert.deepStrictEqual(yield* versions("tally-a"), [8])
      assert.deepStrictEqual((yield* recovered("tally-a")).state, { sum: 36 })
    })
  )
})
