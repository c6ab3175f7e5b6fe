/**
 * A process that archives on an embedded store and kills itself at a given step, once it has made sure that nothing is missing from
 * before. Run by `ArchiveCrash.integration.ts`; says on standard output what it has found.
 */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { isDeepStrictEqual } from "node:util"
import { ArchiveStore } from "@daybook/core/Archive"
import { type Append, Journal } from "@daybook/core/Journal"
import * as Partition from "@daybook/core/Partition"
import * as ArchiveRestore from "@daybook/postgres/ArchiveRestore"
import * as ArchiveScan from "@daybook/postgres/ArchiveScan"
import * as Database from "@daybook/postgres/Database"
import * as FileArchive from "@daybook/postgres/FileArchive"
import { readPublicKey, SealKeys } from "@daybook/postgres/SealKeys"
import * as SealVerification from "@daybook/postgres/SealVerification"
import * as SqlSeals from "@daybook/postgres/SqlSeals"
import * as Stores from "@daybook/postgres/Stores"
import { nothingKnown } from "@daybook/testkit/Metadata"
import { uuidV7Unsafe } from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"

const [folder, moment] = process.argv.slice(2) as [string, string]
const schema = "notes"
const streams = Array.from({ length: 12 }, (_, n) => Partition.streamOf("note", `n${n}`))
const key = join(folder, "seal-key.pem")
const expected = join(folder, "expected.json")

const die = (): never => {
  process.kill(process.pid, "SIGKILL")
  throw new Error("It lives on")
}

/** A folder that dies half-way through a file, when that is the moment. */
const dying = (store: ReturnType<typeof FileArchive.make>): typeof store => ({
  ...store,
  write: (name, content) => {
    if (moment !== "half-written") return store.write(name, content)
    const path = join(store.location, `${name}.1.unfinished`)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content.subarray(0, content.length / 2))
    return die()
  }
})

const append = (stream: string): Append => ({
  stream,
  partition: Partition.ofId(Partition.idOf(stream), 2),
  expectedVersion: 0,
  events: [1, 2, 3, 4].map((n) => ({
    eventId: uuidV7Unsafe(),
    type: "Noted",
    schemaVersion: 1,
    data: { n, stream },
    occurredAtMillis: n,
    ...nothingKnown,
    commandId: `k${n}`
  })),
  receipts: [1, 2, 3, 4].map((n) => ({ commandId: `k${n}`, version: n })),
  state: null,
  keepEvents: true
})

/** Everything that is read of the journal, and what its commands led to. */
const readings = Effect.gen(function* () {
  const journal = yield* Journal
  const byStream = yield* Effect.forEach(streams, (stream) => journal.readStream(stream))
  const byPartition = yield* Effect.forEach([0, 1], (partition) =>
    journal.readPartition(partition, { after: 0, limit: 1_000 })
  )
  const receipts = yield* Effect.forEach(streams, (stream) =>
    Effect.forEach(["k1", "k2", "k3", "k4"], (id) => journal.receipt(stream, id))
  )
  const versions = receipts.map((all) => all.map((one) => (one._tag === "Some" ? one.value.version : null)))
  return JSON.stringify({ byStream, byPartition, versions })
})

/** Not by text: events from a file have their fields in another order. */
const isAsExpected = (found: string): boolean =>
  isDeepStrictEqual(JSON.parse(found), JSON.parse(readFileSync(expected, "utf8")))

const setUp = Effect.gen(function* () {
  yield* (yield* Journal).append(streams.map(append))
  yield* SqlSeals.seal(schema, { idleMillis: 0 })
  writeFileSync(expected, yield* readings)
})

const problems = Effect.gen(function* () {
  const { findings } = yield* SealVerification.verify(schema, { publicKeys: [yield* readPublicKey(key)] })
  const files = yield* ArchiveRestore.files(schema)
  const damaged = yield* Effect.forEach(files, (file) => ArchiveRestore.verify(schema, file))
  return [...findings.map(({ detail }) => detail), ...damaged.flat().map(({ problem }) => problem)]
})

const work = Effect.gen(function* () {
  if (moment === "set-up") return yield* setUp
  const same = isAsExpected(yield* readings)
  const found = yield* problems
  const sql = yield* SqlClient
  const [left] = yield* sql.unsafe<{ readonly n: number }>(`SELECT count(*)::integer AS n FROM ${schema}.event`)
  console.log(JSON.stringify({ same, found, left: left!.n }))
  yield* ArchiveScan.run({
    schema,
    kinds: [{ name: "note", isClosed: () => Effect.succeed(true) }],
    quietSinceMillis: Number.MAX_SAFE_INTEGER / 1_000,
    ...(moment === "end" ? {} : { limit: 1 }),
    onStep: (step) => Effect.sync(() => void (step === moment && die()))
  })
  if (moment === "end") console.log(JSON.stringify({ same: isAsExpected(yield* readings) }))
})

await work.pipe(
  Effect.provide(
    Stores.writeSide({ schema, partitions: 2 }).pipe(
      Layer.provideMerge(Database.layer({ folder: join(folder, "store") })),
      Layer.provideMerge(Layer.succeed(ArchiveStore, dying(FileArchive.make(join(folder, "archive"))))),
      Layer.provideMerge(SealKeys.layerFile(key))
    )
  ),
  Effect.runPromise
)
