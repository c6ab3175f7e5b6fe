/**
 * Verifies the seals of a service's journal, by computing everything anew from the rows: every event's hash, roots, the chain of
 * blocks, signatures, positions without gaps, versions of streams. What the database says of itself counts for nothing: the trusted
 * keys come from elsewhere. Used by `daybook audit verify`.
 *
 * Memory is bounded: a few blocks of each partition at a time. It may run beside a shop at work.
 */
import * as Merkle from "@daybook/core/Merkle"
import * as Partition from "@daybook/core/Partition"
import * as Seal from "@daybook/core/Seal"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { SqlClient } from "effect/sql/SqlClient"
import { checkSchemaName } from "./Migrations.ts"
import { pages, type RawEvent, readRange } from "./RawEvents.ts"
import { findUnanchored } from "./SealAnchors.ts"
import { signedByTrusted } from "./SealAuthority.ts"
import { type Finding, Findings, type Kind, wordsOf } from "./SealFindings.ts"
import { type SignedHandOver, sha256, type Trusted, trustedBy } from "./SealKeys.ts"
import {
  type Head,
  hashOfHead,
  hexOf,
  leafOf,
  leavesOf,
  readAfter,
  readKeys,
  readRemovals,
  type Sealed,
  type SignedRemoval,
  type Sql,
  textOfHead,
  textOfRemoval,
  withHandOvers
} from "./SealRows.ts"
import { findBrokenStreams, findKeys, findStrays, missingBeginnings, whichIsMissing } from "./SealStrays.ts"

/** How to verify. */
export interface Options {
  /** Public keys that are trusted, from elsewhere than this database. */
  readonly publicKeys: ReadonlyArray<string>
  /** What findings call the journal, as whoever verifies knows it. Default: the schema. */
  readonly service?: string
  /** Newest blocks of some time ago, kept elsewhere: what was rolled back since is found by it. */
  readonly anchor?: Seal.Signed<Seal.Anchor>
  /** Hand-overs that other journals know of. One that both keys have signed counts wherever it is kept: a journal may have slept through it. */
  readonly handOvers?: ReadonlyArray<SignedHandOver>
  /** Partitions at a time. Default 4. */
  readonly concurrency?: number
  /** Told of events that have been looked at, now and then. */
  readonly onProgress?: (events: number) => void
}

/** What a verification of one journal came to. */
export interface Report {
  readonly schema: string
  readonly partitions: number
  readonly blocks: number
  /** Events that are there and are what was sealed. */
  readonly proven: number
  /** Events that are not there any more, of which a signed record says so. */
  readonly removed: number
  /** Events that are there and not sealed yet; nothing is proven of these. */
  readonly unsealed: number
  /** When the oldest of them was recorded. */
  readonly unsealedSinceMillis: number | null
  /** When the newest block was sealed. */
  readonly sealedAtMillis: number | null
  readonly findings: ReadonlyArray<Finding>
  /** Findings besides these. */
  readonly moreFindings: number
}

/** What one partition came to. */
interface Tally {
  blocks: number
  proven: number
  removed: number
  unsealed: number
  unsealedSinceMillis: number | null
  sealedAtMillis: number | null
}

const emptyTally = (): Tally => ({
  blocks: 0,
  proven: 0,
  removed: 0,
  unsealed: 0,
  unsealedSinceMillis: null,
  sealedAtMillis: null
})

/** Blocks read at a time; their hashes are 32 kB each. */
const blocksAtOnce = 8

/** Missing events of a partition whose streams are looked for; each reads the partition's index. */
const mostLookedFor = 20

const millisOf = (micros: string): number => Math.floor(Number(micros) / 1_000)

/** A walk over one partition's blocks, from the first. */
class Walk {
  readonly tally = emptyTally()
  readonly schema: string
  readonly partition: number
  /** How many there are; `undefined` where that is in doubt. */
  readonly partitions: number | undefined
  readonly trusted: Trusted
  readonly findings: Findings
  /** What the next block has to be; without a hash where the block before is not known or not what was signed. */
  next = { number: 1, first: 1, previous: Seal.noBlock as string | undefined, keyOrder: Number.NEGATIVE_INFINITY }

  constructor(findings: Findings, schema: string, partition: number, partitions: number | undefined, trusted: Trusted) {
    this.schema = schema
    this.partition = partition
    this.partitions = partitions
    this.trusted = trusted
    this.findings = findings
  }

  add(kind: Kind, block: number | null, first: number, last = first, what?: string): void {
    this.findings.add(kind, { partition: this.partition, first, last, block, ...(what === undefined ? {} : { what }) })
  }

  /** Of an event that is there. */
  addOf(kind: Kind, block: number | null, { position, stream, version }: RawEvent, what?: string): void {
    const place = { partition: this.partition, first: position, last: position, block }
    this.findings.add(kind, {
      ...place,
      ...(what === undefined ? {} : { what }),
      events: [{ position, stream, version }]
    })
  }

  /** Holds a block's head to its signature and to the block before. Whether its own word on its positions counts. */
  head(head: Head): boolean {
    const { number, first, last, keyId } = head
    const key = this.trusted.get(keyId)
    const signed = signedByTrusted(this.trusted, keyId, textOfHead(head), head.signature)
    const fits = first >= this.next.first && last >= first && last - first < Seal.maxBlock
    if (key === undefined) this.add("block-untrusted", number, this.next.first, this.#end(head), `key ${keyId}`)
    else if (!signed) this.add("block-changed", number, this.next.first, this.#end(head))
    else if (key.order < this.next.keyOrder) this.add("block-outlived", number, first, last, `key ${keyId}`)
    if (number !== this.next.number) {
      this.add("block-missing", this.next.number, this.next.first, Math.max(this.next.first, first - 1))
    } else if (signed && this.next.previous !== undefined) {
      const chained = head.previous === this.next.previous && first === this.next.first
      if (!chained) this.add("block-unchained", number, first, last)
    }
    return signed && fits
  }

  /** Where a block ends that is not believed. */
  #end({ first, last }: Head): number {
    return last - first >= 0 && last - first < Seal.maxBlock ? Math.max(last, this.next.first) : this.next.first
  }

  /** Goes on to the block after this one. */
  advance(head: Head, believed: boolean, size: number, first: number): void {
    const order = believed ? (this.trusted.get(head.keyId)?.order ?? this.next.keyOrder) : this.next.keyOrder
    this.next = {
      number: head.number + 1,
      first: first + size,
      previous: believed ? hashOfHead(head) : undefined,
      keyOrder: Math.max(order, this.next.keyOrder)
    }
  }

  /** What signed records say was removed of a block, as places in it. */
  removedOf(head: Head, removals: ReadonlyArray<SignedRemoval>): ReadonlySet<number> {
    const block = hashOfHead(head)
    const removed = new Set<number>()
    for (const removal of removals) {
      if (removal.number !== head.number) continue
      if (signedByTrusted(this.trusted, removal.keyId, textOfRemoval(removal, block), removal.signature)) {
        for (const one of Seal.placesOf(removal.removed)) removed.add(one)
      } else this.add("removal-forged", head.number, head.first, head.last, removal.reason)
    }
    return removed
  }

  /** Holds the events at a block's positions to its leaves. */
  events(number: number, first: number, leaves: ReadonlyArray<Uint8Array>, held: Held): void {
    leaves.forEach((leaf, i) => {
      const position = first + i
      const events = held.events.get(position) ?? []
      if (events.length === 0 && held.removed.has(i)) this.tally.removed++
      else if (events.length === 0) this.add("event-missing", number, position)
      else if (events.length > 1) this.addOf("event-twice", number, events[0]!)
      else if (hexOf(leafOf(events[0]!)) === hexOf(leaf)) this.tally.proven++
      else this.addOf("event-changed", number, events[0]!)
      for (const event of events) this.place(event, number)
    })
  }

  /** Whether an event is in the partition of its stream. */
  place(event: RawEvent, block: number | null): void {
    if (this.partitions === undefined) return
    if (Partition.ofId(Partition.idOf(event.stream), this.partitions) === event.partition) return
    this.addOf("event-misplaced", block, event, wordsOf(event))
  }
}

/** What is there at the positions of a block, and what may be missing. */
interface Held {
  readonly events: ReadonlyMap<number, ReadonlyArray<RawEvent>>
  readonly removed: ReadonlySet<number>
}

const byPosition = (events: ReadonlyArray<RawEvent>): ReadonlyMap<number, ReadonlyArray<RawEvent>> =>
  Map.groupBy(events, ({ position }) => position)

/** One block: its head, its leaves, and the events that it was made over. */
const verifyBlock = (walk: Walk, { head, leaves: bytes }: Sealed): Sql<number> =>
  Effect.gen(function* () {
    const { schema, partition, tally } = walk
    const believed = walk.head(head)
    const first = believed ? head.first : walk.next.first
    const leaves = leavesOf(bytes.subarray(0, Seal.maxBlock * 32))
    const size = believed ? head.last - head.first + 1 : leaves.length
    const last = first + size - 1
    const whole = bytes.length === size * 32 && hexOf(Merkle.root(sha256, leaves)) === head.root
    // Events before what was removed of them: who removes an event has said so by then.
    const found = size === 0 ? [] : yield* readRange(schema, partition, { from: first, to: last, limit: 2 * size })
    const removed = walk.removedOf(head, yield* readRemovals(schema, partition, head.number, head.number))
    if (whole || !believed) walk.events(head.number, first, leaves, { events: byPosition(found), removed })
    else {
      walk.add("leaves-changed", head.number, first, last)
      // The root still tells whether all of them together are what was sealed.
      const intact = found.length === size && hexOf(Merkle.root(sha256, found.map(leafOf))) === head.root
      if (intact) tally.proven += size
      else walk.add("event-changed", head.number, first, last, "one or more of these")
    }
    tally.blocks++
    if (believed) tally.sealedAtMillis = millisOf(head.sealedAtMicros)
    walk.advance(head, believed, size, first)
    return size
  })

/** What is not sealed yet: nothing is proven of it, but that there is no gap. */
const verifyTail = (walk: Walk, head: number, onProgress: (events: number) => void): Sql<void> =>
  Effect.gen(function* () {
    const { schema, partition, tally } = walk
    let expected = walk.next.first
    yield* Stream.runForEach(pages(schema, partition, { from: expected, to: head }), (page) =>
      Effect.sync(() => {
        for (const event of page) {
          if (event.position > expected) walk.add("event-missing", null, expected, event.position - 1)
          if (event.position < expected) walk.addOf("event-twice", null, event)
          expected = event.position + 1
          tally.unsealed++
          tally.unsealedSinceMillis ??= millisOf(event.recordedAtMicros)
          walk.place(event, null)
        }
        onProgress(page.length)
      })
    )
    if (expected <= head) walk.add("event-missing", null, expected, head)
  })

const verifyPartition = (walk: Walk, onProgress: (events: number) => void): Sql<Walk> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const { schema, partition } = walk
    while (true) {
      const blocks = yield* readAfter(schema, partition, walk.next.number - 1, blocksAtOnce)
      for (const block of blocks) onProgress(yield* verifyBlock(walk, block))
      if (blocks.length < blocksAtOnce) break
    }
    const [row] = yield* sql.unsafe<{ readonly head: number }>(
      `SELECT head::float8 AS head FROM ${schema}.partition WHERE id = $1::text::smallint`,
      [String(partition)]
    )
    if (row === undefined) {
      walk.findings.add("partition-missing", { partition, first: null, last: null, block: null })
      return walk
    }
    if (row.head < walk.next.first - 1) walk.add("head-behind", null, row.head, walk.next.first - 1)
    yield* verifyTail(walk, row.head, onProgress)
    for (const position of walk.findings.missing.slice(0, mostLookedFor)) {
      const event = yield* whichIsMissing(schema, partition, position)
      if (event !== undefined) walk.findings.nameMissing(event)
    }
    return walk
  })

/** The partitions that there are, or that something says there were. */
const partitionsOf = (schema: string): Sql<{ readonly ids: ReadonlyArray<number>; readonly agreed: boolean }> =>
  Effect.flatMap(SqlClient, (sql) =>
    Effect.map(
      sql.unsafe<{ readonly id: number; readonly there: boolean }>(
        `SELECT id, EXISTS (SELECT FROM ${schema}.partition p WHERE p.id = known.id) AS there FROM (
           SELECT generate_series(0, (SELECT max(id) FROM ${schema}.partition)) AS id UNION SELECT partition FROM ${schema}.seal
         ) AS known ORDER BY id`
      ),
      (rows) => ({ ids: rows.map(({ id }) => id), agreed: rows.every(({ there }) => there) })
    )
  )

const least = (values: ReadonlyArray<number | null>, pick: (...values: ReadonlyArray<number>) => number) => {
  const known = values.filter((value) => value !== null)
  return known.length === 0 ? null : pick(...known)
}

/** Verifies the journal of a schema whose seals are migrated. */
export const verify = (
  schemaName: string,
  { publicKeys, anchor, handOvers = [], service = schemaName, concurrency = 4, onProgress = () => {} }: Options
): Sql<Report> =>
  Effect.gen(function* () {
    const schema = checkSchemaName(schemaName)
    const keys = withHandOvers(yield* readKeys(schema), handOvers)
    const trusted = trustedBy(publicKeys, keys.handOvers)
    const { ids, agreed } = yield* partitionsOf(schema)
    // Before the walks, which count what was removed: of what is removed meanwhile too few could seem to be on record.
    const beginnings = yield* missingBeginnings(schema)
    const walks = yield* Effect.forEach(
      ids,
      (id) =>
        verifyPartition(
          new Walk(new Findings(schema, service), schema, id, agreed ? ids.length : undefined, trusted),
          onProgress
        ),
      { concurrency }
    )
    const whole = new Findings(schema, service)
    findKeys(keys, trusted, whole)
    yield* findStrays(schema, whole)
    yield* findBrokenStreams(schema, whole)
    for (const { partition, missing } of beginnings) {
      if (missing <= (walks.find((walk) => walk.partition === partition)?.tally.removed ?? 0)) continue
      whole.add("stream-headless", { partition, first: null, last: null, block: null, what: `${missing} events` })
    }
    if (anchor !== undefined) yield* findUnanchored(schema, anchor, trusted, whole)
    const tallies = walks.map(({ tally }) => tally)
    const sum = (field: "blocks" | "proven" | "removed" | "unsealed") =>
      tallies.reduce((all, one) => all + one[field], 0)
    return {
      schema,
      partitions: ids.length,
      blocks: sum("blocks"),
      proven: sum("proven"),
      removed: sum("removed"),
      unsealed: sum("unsealed"),
      unsealedSinceMillis: least(
        tallies.map((one) => one.unsealedSinceMillis),
        Math.min
      ),
      sealedAtMillis: least(
        tallies.map((one) => one.sealedAtMillis),
        Math.max
      ),
      findings: [...walks.flatMap(({ findings }) => findings.all), ...whole.all],
      moreFindings: walks.reduce((all, { findings }) => all + findings.more, whole.more)
    }
  })
