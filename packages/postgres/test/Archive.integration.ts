/**
 * Archiving on PostgreSQL into an S3-compatible store: the cases of the suite; and half of a journal of some size, which makes the
 * database smaller and changes nothing else.
 */

import { ArchiveStore } from "@daybook/core/Archive"
import { Journal } from "@daybook/core/Journal"
import * as Partition from "@daybook/core/Partition"
import * as ArchiveRestore from "@daybook/postgres/ArchiveRestore"
import * as ArchiveScan from "@daybook/postgres/ArchiveScan"
import * as SealVerification from "@daybook/postgres/SealVerification"
import * as SqlSeals from "@daybook/postgres/SqlSeals"
import * as SqlStorage from "@daybook/postgres/SqlStorage"
import * as S3Archive from "@daybook/s3/S3Archive"
import { nothingKnown } from "@daybook/testkit/Metadata"
import { assert, layer } from "@effect/vitest"
import { uuidV7Unsafe } from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { SqlClient } from "effect/sql/SqlClient"
import { archiving, files } from "./ArchiveSuite.ts"
import { signer, withKey } from "./SealCases.ts"
import { freshSchema, serverUrl, stores } from "./Stores.ts"

const endpoint = process.env.S3_ENDPOINT
if (endpoint === undefined)
  throw new Error("S3_ENDPOINT is not set; run `npm run test:integration`, which starts a store")

const bucket = S3Archive.make({
  endpoint,
  region: "us-east-1",
  bucket: "daybook",
  prefix: `archive-${process.pid}`,
  accessKeyId: "test",
  secretAccessKey: Redacted.make("test")
})

/** The bucket, as the suite's cases look at it and damage it: by its files. */
const watched: typeof bucket = {
  ...bucket,
  write: (name, content) =>
    Effect.tap(bucket.write(name, content), () => Effect.sync(() => void files.set(name, content))),
  read: (name) =>
    Effect.gen(function* () {
      const content = files.get(name)
      if (content === undefined) yield* bucket.remove(name)
      else yield* bucket.write(name, content)
      return yield* bucket.read(name)
    })
}

const server = { url: serverUrl() }

const small = freshSchema()
const onBucket = Layer.succeed(ArchiveStore, watched)

layer(stores(server, small, 2).pipe(Layer.provideMerge(onBucket)), { timeout: 60_000, excludeTestServices: true })(
  "an archive in an S3-compatible store, of a journal on PostgreSQL",
  (it) => archiving(small, it)
)

const large = freshSchema()
const streams = 4_000
const eventsEach = 10

/** Streams of some events of half a kilobyte, of which every second one is closed. */
const fill = Effect.gen(function* () {
  const journal = yield* Journal
  for (let from = 0; from < streams; from += 500) {
    yield* journal.append(
      Array.from({ length: 500 }, (_, i) => ({
        stream: Partition.streamOf(i % 2 === 0 ? "shut" : "open", `n${from + i}`),
        partition: Partition.ofId(`n${from + i}`, 4),
        expectedVersion: 0,
        events: Array.from({ length: eventsEach }, (_none, n) => ({
          eventId: uuidV7Unsafe(),
          type: "Noted",
          schemaVersion: 1,
          data: { n, text: `line ${n} of note ${from + i}, `.repeat(15) },
          occurredAtMillis: 1_700_000_000_000 + n,
          ...nothingKnown,
          actor: "somebody",
          commandId: `c${n}`
        })),
        receipts: [],
        state: null,
        keepEvents: true
      }))
    )
  }
})

/** What a rebuild would read: a sum over every event of every partition, in order. */
const totals = Effect.gen(function* () {
  const journal = yield* Journal
  let [events, sum, text] = [0, 0, 0]
  for (let partition = 0; partition < journal.partitions; partition++) {
    for (let after = 0; ; ) {
      const page = yield* journal.readPartition(partition, { after, limit: 1_000 })
      if (page.length === 0) break
      for (const event of page) {
        const data = event.data as { readonly n: number; readonly text: string }
        assert.strictEqual(event.position, after + 1)
        after = event.position
        events += 1
        sum = (sum * 31 + data.n + event.version) % 1_000_000_007
        text += data.text.length
      }
    }
  }
  return { events, sum, text }
})

const sizes = Effect.gen(function* () {
  const sql = yield* SqlClient
  yield* sql.unsafe(`VACUUM (FULL, ANALYZE) ${large}.event`)
  const { tables } = yield* SqlStorage.tablesOf(large)
  return {
    event: tables.find(({ table }) => table === "event")!.bytes,
    all: tables.reduce((sum, { bytes }) => sum + bytes, 0)
  }
})

const verified = SealVerification.verify(large, { publicKeys: [signer.publicKey] })

const plain = Layer.succeed(ArchiveStore, bucket)

layer(stores(server, large, 4).pipe(Layer.provideMerge(plain)), { timeout: 60_000, excludeTestServices: true })(
  "half of a journal in an archive",
  (it) => {
    it.effect("makes the database smaller, changes no total, and comes back as it was", () =>
      Effect.gen(function* () {
        yield* fill
        yield* withKey()(SqlSeals.seal(large, { idleMillis: 0 }))
        const before = { totals: yield* totals, sizes: yield* sizes }
        const outcome = yield* withKey()(
          ArchiveScan.run({
            schema: large,
            kinds: [{ name: "shut", isClosed: () => Effect.succeed(true) }],
            quietSinceMillis: Number.MAX_SAFE_INTEGER / 1_000
          })
        )
        const gone = (streams / 2) * (eventsEach - 1)
        assert.deepInclude(outcome, { streams: streams / 2, events: gone })
        assert.isAtLeast(outcome.files.length, 4)
        const archived = { totals: yield* totals, sizes: yield* sizes }
        assert.deepStrictEqual(archived.totals, before.totals)
        assert.isBelow(archived.sizes.event, before.sizes.event * 0.6)
        assert.isBelow(archived.sizes.all, before.sizes.all * 0.7)
        const bytes = outcome.files.reduce((sum, file) => sum + file.bytes, 0)
        assert.isBelow(bytes, (before.sizes.event - archived.sizes.event) / 5)
        assert.deepInclude(yield* verified, { findings: [], removed: gone, proven: streams * eventsEach - gone })

        // A sample of pages is enough to say how the rest divides.
        const { counted, shares, events } = (yield* SqlStorage.journalOf(large, { pages: 200 }))!
        assert.isFalse(counted)
        assert.strictEqual(events, streams * eventsEach - gone)
        const open = shares.filter(({ streamType }) => streamType === "open").reduce((sum, one) => sum + one.events, 0)
        assert.approximately(open / events, 20_000 / 22_000, 0.05)

        for (const file of yield* ArchiveRestore.files(large)) {
          assert.deepStrictEqual(yield* ArchiveRestore.verify(large, file), [])
          yield* ArchiveRestore.restore(large, file)
        }
        assert.deepStrictEqual(yield* totals, before.totals)
        assert.deepInclude(yield* verified, { findings: [], removed: 0, proven: streams * eventsEach })
      })
    )
  }
)
