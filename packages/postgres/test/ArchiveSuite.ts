/**
 * What an archive is trusted with, on any database: closed streams go into files and read as before, appends and repeated commands go
 * on as before, seals verify throughout, and what is restored is what was there, to the byte.
 */
import * as Archive from "@daybook/core/Archive"
import { type Append, Journal } from "@daybook/core/Journal"
import * as Partition from "@daybook/core/Partition"
import { ArchiveFile, encode } from "@daybook/postgres/ArchiveFile"
import * as ArchiveIndex from "@daybook/postgres/ArchiveIndex"
import * as ArchiveRestore from "@daybook/postgres/ArchiveRestore"
import * as ArchiveScan from "@daybook/postgres/ArchiveScan"
import { canonical, columns, type RawEvent } from "@daybook/postgres/RawEvents"
import * as SealVerification from "@daybook/postgres/SealVerification"
import { archive as archiveBatch, type Candidate } from "@daybook/postgres/SqlArchive"
import * as SqlJournal from "@daybook/postgres/SqlJournal"
import * as SqlSeals from "@daybook/postgres/SqlSeals"
import { journalOf } from "@daybook/postgres/SqlStorage"
import { assert, describe, type Vitest } from "@effect/vitest"
import { uuidV7Unsafe } from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { SqlClient } from "effect/sql/SqlClient"
import { signer, withKey } from "./SealCases.ts"

/** The files of the stores under test. */
export const files = new Map<string, Uint8Array>()

const streams = Array.from({ length: 20 }, (_, n) => Partition.streamOf("note", `n${n}`))

/** Every second one. */
const closed = new Set(streams.filter((_, n) => n % 2 === 0))

const eventsEach = 6

/** One command: two events, the second of which carries its receipt. Data keeps its white space where a database would rather not. */
const command = (stream: string, version: number): Append => ({
  stream,
  partition: Partition.ofId(Partition.idOf(stream), 2),
  expectedVersion: version,
  events: [version + 1, version + 2].map((n) => ({
    eventId: uuidV7Unsafe(),
    type: "Noted",
    schemaVersion: 1,
    data: { n, text: "ä\u0001\ud83d\ude00", tiny: 1e-7, nothing: null },
    occurredAtMillis: 1_300_000_000_000 + n,
    actor: "somebody",
    reason: null,
    commandId: `${stream}-${version}`,
    correlationId: "c",
    causationId: null,
    traceParent: null,
    tenant: "t"
  })),
  receipts: [{ commandId: `${stream}-${version}`, version: version + 2 }],
  state: null,
  keepEvents: true
})

const fill = Effect.gen(function* () {
  const journal = yield* Journal
  for (let version = 0; version < eventsEach; version += 2) {
    yield* journal.append(streams.map((stream) => command(stream, version)))
  }
})

/** Everything that a reader of the journal can see, of the given streams or all partitions. */
const readings = Effect.gen(function* () {
  const journal = yield* Journal
  const byStream = yield* Effect.forEach(streams, (stream) => journal.readStream(stream))
  const byPartition = yield* Effect.forEach([0, 1], (partition) =>
    Effect.gen(function* () {
      const all = []
      for (let after = 0; ; ) {
        const page = yield* journal.readPartition(partition, { after, limit: 7 })
        if (page.length === 0) return all
        all.push(...page)
        after = page.at(-1)!.position
      }
    })
  )
  return { byStream, byPartition, heads: yield* journal.heads }
})

/** Registers the cases, which build upon each other. The schema is theirs, and has two partitions. */
export const archiving = (schema: string, it: Vitest.MethodsNonLive<Journal | SqlClient>): void => {
  const rows = Effect.flatMap(SqlClient, (sql) =>
    sql.unsafe<RawEvent>(`SELECT ${columns} FROM ${schema}.event ORDER BY partition, position`)
  )
  const run = (options: Partial<ArchiveScan.Run<never, never>> = {}) =>
    withKey()(
      ArchiveScan.run({
        schema,
        kinds: [{ name: "note", isClosed: (stream) => Effect.succeed(closed.has(stream)) }],
        quietSinceMillis: Number.MAX_SAFE_INTEGER / 1_000,
        ...options
      })
    )
  const seal = withKey()(SqlSeals.seal(schema, { idleMillis: 0 }))
  const audit = Effect.map(
    SealVerification.verify(schema, { publicKeys: [signer.publicKey] }),
    ({ findings, proven, removed }) => ({ findings, proven, removed })
  )
  const listed = ArchiveRestore.files(schema)
  const all = streams.length * eventsEach
  const gone = closed.size * (eventsEach - 1)
  let before: Effect.Success<typeof readings>
  let rowsBefore: ReadonlyArray<string>

  describe("archiving", () => {
    it.effect("takes nothing that is not sealed", () =>
      Effect.gen(function* () {
        yield* fill
        const outcome = yield* run()
        assert.deepInclude(outcome, { looked: 20, streams: 0, unsealed: closed.size, open: 10 })
        assert.strictEqual(files.size, 0)
        const [candidate] = [...closed].map(
          (stream): Candidate => ({ stream, partition: command(stream, 0).partition, firstVersion: 1, lastVersion: 6 })
        )
        const problem = yield* Effect.flip(withKey()(archiveBatch({ schema }, candidate!.partition, [candidate!])))
        assert.strictEqual(problem._tag, "CannotArchive")
        assert.include(problem.message, "is not sealed")
      })
    )

    it.effect("takes nothing that is not quiet, and writes nothing when it is only to look", () =>
      Effect.gen(function* () {
        yield* seal
        before = yield* readings
        rowsBefore = (yield* rows).map(canonical)
        assert.deepInclude(yield* run({ quietSinceMillis: 0 }), { streams: 0, recent: 20 })
        assert.deepInclude(yield* run({ dryRun: true }), { streams: closed.size, events: gone, files: [] })
        assert.strictEqual(files.size, 0)
      })
    )

    it.effect("moves all but the last event of closed streams into a file a partition", () =>
      Effect.gen(function* () {
        const outcome = yield* run()
        assert.deepInclude(outcome, { looked: 20, streams: closed.size, events: gone, open: 10, unsealed: 0 })
        assert.deepStrictEqual(outcome.files.map(({ file }) => file).sort(), [...files.keys()].sort())
        assert.lengthOf(outcome.files, 2)
        assert.lengthOf(yield* rows, all - gone)
        assert.deepInclude(yield* journalOf(schema), { appended: all, events: all - gone })
      })
    )

    it.effect("writes what was sealed, and the heads of its blocks", () =>
      Effect.gen(function* () {
        for (const { name, events } of yield* listed) {
          const file = new ArchiveFile(files.get(name)!)
          assert.strictEqual(file.header.events, events)
          for (let i = 0; i < events; i++) assert.include(rowsBefore, file.line(i))
          const [head] = file.blocks as ReadonlyArray<{ readonly schema: string; readonly signature: string }>
          assert.strictEqual(head!.schema, schema)
          assert.isNotEmpty(head!.signature)
        }
      })
    )

    it.effect("changes nothing for readers, of streams and of partitions", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* readings, before)
      })
    )

    it.effect("leaves the seals whole: what is gone is on record", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* audit, { findings: [], proven: all - gone, removed: gone })
      })
    )

    it.effect("has nothing to do the second time", () =>
      Effect.gen(function* () {
        assert.deepInclude(yield* run(), { streams: 0, bare: closed.size, open: 10, files: [] })
      })
    )
  })

  describe("an archived stream", () => {
    const stream = streams[0]!

    it.effect("answers a repeated command as the first time, whichever it was", () =>
      Effect.gen(function* () {
        const journal = yield* Journal
        for (const version of [0, 2, 4]) {
          const receipt = yield* journal.receipt(stream, `${stream}-${version}`)
          assert.strictEqual(Option.getOrThrow(receipt).version, version + 2)
          const again = { ...command(stream, 6), receipts: [{ commandId: `${stream}-${version}`, version: 8 }] }
          const [outcome] = yield* journal.append([again])
          assert.deepInclude(outcome, { _tag: "Duplicate" })
        }
        assert.isTrue(Option.isNone(yield* journal.receipt(stream, "another")))
      })
    )

    it.effect("refuses appends at versions that it has passed, also as if it were new", () =>
      Effect.gen(function* () {
        const journal = yield* Journal
        for (const version of [0, 2, 4, 8]) {
          const { receipts: _, ...append } = command(stream, version)
          const [outcome] = yield* journal.append([{ ...append, receipts: [] }])
          assert.deepStrictEqual(outcome, { _tag: "Conflict", actualVersion: 6 })
        }
      })
    )

    it.effect("goes on, is sealed and archived again, and reads as one", () =>
      Effect.gen(function* () {
        const journal = yield* Journal
        const [outcome] = yield* journal.append([command(stream, 6)])
        assert.deepInclude(outcome, { _tag: "Appended", version: 8 })
        yield* seal
        const whole = yield* journal.readStream(stream)
        assert.deepStrictEqual(
          whole.map(({ version }) => version),
          [1, 2, 3, 4, 5, 6, 7, 8]
        )
        assert.deepInclude(yield* run(), { streams: 1, events: 2 })
        assert.deepStrictEqual(yield* journal.readStream(stream), whole)
        for (const [from, to] of [
          [1, 3],
          [4, 7],
          [6, 7],
          [8, 8],
          [7, 99]
        ] as const) {
          const part = yield* journal.readStream(stream, { from, to })
          assert.deepStrictEqual(part, whole.slice(from - 1, to))
        }
        assert.strictEqual(yield* journal.version(stream), 8)
        assert.deepStrictEqual((yield* audit).findings, [])
        before = { ...before, heads: yield* journal.heads }
      })
    )
  })

  describe("a file that is lost or damaged", () => {
    it.effect("is an error for whoever needs it, and for nobody else; and verify names it", () =>
      Effect.gen(function* () {
        const journal = yield* Journal
        const [lost] = (yield* listed).filter(({ partition }) => partition === command(streams[2]!, 0).partition)
        const content = files.get(lost!.name)!
        // Files that were read are kept for a while; those of a new journal are not.
        const fresh = yield* freshJournal
        files.delete(lost!.name)
        assert.include((yield* Effect.flip(fresh.readStream(streams[2]!))).detail, `${lost!.name} is not in`)
        assert.include(
          (yield* Effect.flip(fresh.readPartition(lost!.partition, { after: 0, limit: 9 }))).detail,
          lost!.name
        )
        assert.lengthOf(yield* fresh.readStream(streams[1]!), eventsEach)
        assert.strictEqual(yield* journal.version(streams[2]!), eventsEach)
        const problems = yield* ArchiveRestore.verify(schema, lost!)
        assert.deepInclude(problems[0], { schema, file: lost!.name })
        files.set(
          lost!.name,
          content.map((byte, i) => (i === 100 ? byte ^ 1 : byte))
        )
        assert.include((yield* Effect.flip(fresh.readStream(streams[2]!))).detail, "is damaged: its SHA-256 is")
        const damaged = yield* Effect.flip(ArchiveRestore.restore(schema, lost!))
        assert.strictEqual(damaged._tag, "ArchiveUnavailable")
        files.set(lost!.name, content)
        assert.lengthOf(yield* fresh.readStream(streams[2]!), eventsEach)
        assert.deepStrictEqual(yield* ArchiveRestore.verify(schema, lost!), [])
      })
    )

    it.effect("is found out by verify also when the index was made to agree with it", () =>
      Effect.gen(function* () {
        const [file] = yield* listed
        const [first, ...rest] = new ArchiveFile(files.get(file!.name)!).events({ from: 0, to: 1e9 })
        const forged = encode({
          schema,
          partition: file!.partition,
          events: [{ ...first!, data: '{"n":1000}' }, ...rest],
          blocks: []
        })
        files.set("forged", forged.bytes)
        const found = yield* ArchiveRestore.verify(schema, { ...file!, name: "forged", sha256: forged.sha256 })
        files.delete("forged")
        assert.lengthOf(found, 1)
        assert.include(
          found[0]!.problem,
          `position ${first!.position} (${first!.stream}, version 1) is not what was sealed`
        )
      })
    )
  })

  describe("restoring", () => {
    it.effect("one stream puts back that one, with its receipts where they were", () =>
      Effect.gen(function* () {
        const journal = yield* Journal
        const sql = yield* SqlClient
        const stream = streams[4]!
        const whole = yield* journal.readStream(stream)
        for (const id of yield* ArchiveRestore.filesOf(schema, stream)) {
          const file = (yield* listed).find((one) => one.id === id)!
          assert.deepInclude(yield* ArchiveRestore.restore(schema, file, stream), {
            streams: 1,
            events: eventsEach - 1
          })
        }
        assert.deepStrictEqual(yield* journal.readStream(stream), whole)
        const kept = yield* sql.unsafe(`SELECT FROM ${schema}.event WHERE stream = $1::text`, [stream])
        assert.lengthOf(kept, eventsEach)
        assert.lengthOf(yield* sql.unsafe(`SELECT FROM ${schema}.receipt WHERE stream = $1::text`, [stream]), 0)
        assert.strictEqual(Option.getOrThrow(yield* journal.receipt(stream, `${stream}-0`)).version, 2)
        assert.deepStrictEqual((yield* audit).findings, [])
        assert.deepStrictEqual(
          (yield* readings).byPartition.map((one) => one.length),
          (yield* readings).heads
        )
      })
    )

    it.effect("all puts back the very rows, and verifies", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        for (const file of yield* listed) yield* ArchiveRestore.restore(schema, file)
        assert.deepStrictEqual(yield* listed, [])
        assert.lengthOf(yield* sql.unsafe(`SELECT FROM ${schema}.receipt`), 0)
        const now = yield* rows
        assert.deepStrictEqual(now.filter(({ version }) => version <= 6).map(canonical), rowsBefore)
        assert.deepInclude(yield* audit, { findings: [], removed: 0 })
        assert.deepStrictEqual((yield* readings).byStream.slice(1), before.byStream.slice(1))
        assert.deepInclude(yield* journalOf(schema), { appended: all + 2, events: all + 2 })
        assert.lengthOf([...files.keys()], 3)
      })
    )

    it.effect("what was restored can be archived again, into files of the same names", () =>
      Effect.gen(function* () {
        assert.deepInclude(yield* run(), { streams: closed.size })
        assert.deepStrictEqual((yield* readings).byStream.slice(1), before.byStream.slice(1))
        assert.deepStrictEqual((yield* audit).findings, [])
      })
    )
  })

  /** A journal that has read no file yet. */
  const freshJournal = Effect.gen(function* () {
    const journal = yield* SqlJournal.make({ schema, lanes: 1, shared: true })
    return Archive.withArchive(journal, yield* ArchiveIndex.make(schema))
  })
}
