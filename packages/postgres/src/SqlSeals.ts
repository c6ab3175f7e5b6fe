/**
 * Seals over a service's journal, in its own schema: blocks of contiguous positions, hashed, chained and signed, so that it is
 * evident when events have been changed, taken out, put in or reordered. See ADR 22 and docs/guides/audit.md.
 *
 * Sealing works beside the journal and takes part in no command. Any number of processes may seal: a block is sealed by whoever is
 * first, and everything that is needed to go on is in the tables. `Sealer` has it done, `SealVerification` checks what is made here,
 * and retention and archiving say here what they remove.
 */
import * as Merkle from "@daybook/core/Merkle"
import { Problem } from "@daybook/core/Problem"
import * as Seal from "@daybook/core/Seal"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import * as AdvisoryLock from "./AdvisoryLock.ts"
import { checkSchemaName, fromFiles, type MigrationSet } from "./Migrations.ts"
import { instantOfMicros, microsOf, type RawEvent, readRange } from "./RawEvents.ts"
import { type Authority, authority, type OtherSealKey, signedByTrusted } from "./SealAuthority.ts"
import { type SealKeys, type SealKeyUnusable, type Signer, sha256 } from "./SealKeys.ts"
import {
  type Head,
  type HeadRow,
  hashOfHead,
  headColumns,
  headOf,
  hexOf,
  leafOf,
  leavesOf,
  readBetween,
  readRemovals,
  type Sealed,
  type Sql,
  textOfHead,
  textOfRemoval
} from "./SealRows.ts"

/** The seals' tables, beside the journal. */
export const migrations: MigrationSet = {
  name: "seals",
  migrations: fromFiles(new URL("../sql/", import.meta.url), ["seals-001-tables", "seals-002-privileges"])
}

const place = { schema: Schema.String, partition: Schema.Int, position: Schema.Int }

/** A partition cannot be sealed any further until somebody has looked at it. What was sealed before is untouched. */
export class CannotSeal extends Problem<CannotSeal>()(
  "CannotSeal",
  { status: 500, title: "A partition cannot be sealed" },
  place
) {}

/** Events that were to be removed are not sealed, or are not what was sealed. Nothing was recorded; nothing may be removed. */
export class CannotRemove extends Problem<CannotRemove>()(
  "CannotRemove",
  { status: 409, title: "Events cannot be removed" },
  place
) {}

/** The newest sealed position of each partition; the index is the partition. What is above is not sealed yet. */
export const sealedTo = (schema: string): Sql<ReadonlyArray<number>> =>
  Effect.flatMap(SqlClient, (sql) =>
    Effect.map(
      sql.unsafe<{ readonly last: number }>(
        `SELECT coalesce((SELECT max(last_position) FROM ${checkSchemaName(schema)}.seal WHERE partition = p.id), 0)::float8 AS last
         FROM ${schema}.partition p ORDER BY p.id`
      ),
      (rows) => rows.map(({ last }) => last)
    )
  )

/** Where the sealing of a partition stands. */
interface Standing {
  readonly partition: number
  readonly head: number
  /** The newest block. */
  readonly newest: Head | undefined
  /** How long ago the first event that is not sealed was recorded; null where it is not there. */
  readonly ageMillis: number | null
  readonly nowMicros: string
}

const standings = Effect.fnUntraced(function* (
  schema: string
): Effect.fn.Return<ReadonlyArray<Standing>, SqlError, SqlClient> {
  const sql = yield* SqlClient
  const rows = yield* sql.unsafe<Omit<Standing, "partition" | "newest"> & HeadRow & { readonly id: number }>(
    `SELECT ${headColumns}, p.id, p.head::float8 AS head, ${microsOf("clock_timestamp()")} AS "nowMicros",
       (SELECT extract(epoch FROM clock_timestamp() - e.recorded_at)::float8 * 1000 FROM ${checkSchemaName(schema)}.event e
        WHERE e.partition = p.id AND e.position = coalesce(seal.last_position, 0) + 1) AS "ageMillis"
     FROM ${schema}.partition p LEFT JOIN LATERAL (
       SELECT * FROM ${schema}.seal s WHERE s.partition = p.id ORDER BY s.number DESC LIMIT 1
     ) seal ON true ORDER BY p.id`
  )
  return rows.map((row) => ({
    partition: row.id,
    head: row.head,
    ageMillis: row.ageMillis,
    nowMicros: row.nowMicros,
    newest: row.number === null ? undefined : headOf(schema, row)
  }))
})

const nothingNew = ({ head, newest }: Standing): boolean => head <= (newest?.last ?? 0)

/** Whether there is a block's worth, or a smaller one that has waited for long enough. What is missing is looked at, too. */
const isDue = (standing: Standing, idleMillis: number): boolean => {
  if (nothingNew(standing)) return false
  const waiting = standing.head - (standing.newest?.last ?? 0)
  return waiting >= Seal.maxBlock || standing.ageMillis === null || standing.ageMillis >= idleMillis
}

/** A block over all of these events. */
const blockOver = (schema: string, standing: Standing, events: ReadonlyArray<RawEvent>, signer: Signer): Sealed => {
  const { partition, newest, nowMicros } = standing
  const leaves = events.map(leafOf)
  const block: Seal.Block = {
    format: "daybook-block-1",
    schema,
    partition,
    number: (newest?.number ?? 0) + 1,
    first: events[0]!.position,
    last: events.at(-1)!.position,
    root: hexOf(Merkle.root(sha256, leaves)),
    previous: newest === undefined ? Seal.noBlock : hashOfHead(newest),
    sealedAtMicros: nowMicros,
    keyId: signer.keyId
  }
  return { head: { ...block, signature: signer.sign(Seal.textOf(block)) }, leaves: Buffer.concat(leaves) }
}

/** False where another process has sealed the block first, or the key has been handed over meanwhile. */
const store = (schema: string, { head, leaves }: Sealed): Sql<boolean> =>
  Effect.flatMap(SqlClient, (sql) =>
    Effect.map(
      sql.unsafe(
        `INSERT INTO ${schema}.seal (partition, number, first_position, last_position, root, previous, sealed_at, key_id, signature,
           leaves)
         SELECT $1::text::smallint, $2::text::bigint, $3::text::bigint, $4::text::bigint, $5::text, $6::text,
           ${instantOfMicros("$7::text::bigint")}, $8::text, $9::text, decode($10::text, 'hex')
         WHERE NOT EXISTS (SELECT FROM ${schema}.seal_key WHERE predecessor = $8::text)
         ON CONFLICT DO NOTHING RETURNING 1`,
        [
          ...[head.partition, head.number, head.first, head.last].map(String),
          ...[head.root, head.previous, head.sealedAtMicros, head.keyId, head.signature, hexOf(leaves)]
        ]
      ),
      (rows) => rows.length === 1
    )
  )

const cannotSeal = (schema: string, partition: number, position: number, why: string): CannotSeal =>
  new CannotSeal({
    schema,
    partition,
    position,
    detail: `${schema}, partition ${partition}, position ${position}: ${why} Nothing after it is sealed. daybook audit verify says more.`
  })

/** Seals the next block of a partition; `undefined` when somebody else has. */
const sealNext = Effect.fnUntraced(function* (
  schema: string,
  standing: Standing,
  { signer, trusted }: Authority
): Effect.fn.Return<Sealed | undefined, CannotSeal | SqlError, SqlClient> {
  const { partition, head, newest } = standing
  const stopped = (position: number, why: string) => cannotSeal(schema, partition, position, why)
  if (newest !== undefined && !signedByTrusted(trusted, newest.keyId, textOfHead(newest), newest.signature)) {
    return yield* stopped(newest.first, `block ${newest.number} is not what was signed.`)
  }
  const from = (newest?.last ?? 0) + 1
  const to = Math.min(head, from + Seal.maxBlock - 1)
  const events = yield* readRange(schema, partition, { from, to, limit: Seal.maxBlock })
  const gap = Array.from({ length: to - from + 1 }).findIndex((_, i) => events[i]?.position !== from + i)
  if (gap >= 0) return yield* stopped(from + gap, "the event is missing.")
  const sealed = blockOver(schema, standing, events, signer)
  return (yield* store(schema, sealed)) ? sealed : undefined
})

/** How to seal. */
export interface SealOptions {
  /** How long an event waits for its block to fill up. Default 0: everything that there is gets sealed. */
  readonly idleMillis?: number
  /** Told of each block. What it waits for, the next block waits for. */
  readonly onBlock?: (events: number) => Effect.Effect<void>
}

/** What was sealed, and the partitions where something is in the way. */
export interface SealOutcome {
  readonly blocks: number
  readonly events: number
  readonly stopped: ReadonlyArray<CannotSeal>
}

/** Seals what is due in every partition of a journal, one block after the other. A partition that cannot be sealed stops alone. */
export const seal = Effect.fnUntraced(function* (
  schema: string,
  { idleMillis = 0, onBlock = () => Effect.void }: SealOptions = {}
): Effect.fn.Return<SealOutcome, SealKeyUnusable | OtherSealKey | SqlError, SealKeys | SqlClient> {
  const stopped = new Map<number, CannotSeal>()
  const passedBy = new Map<number, number>()
  let blocks = 0
  let events = 0
  // What comes meanwhile is for the next time.
  let heads: ReadonlyMap<number, number> | undefined
  while (true) {
    const now = yield* standings(schema)
    heads ??= new Map(now.map(({ partition, head }) => [partition, head]))
    const limited = now.map((one) => ({ ...one, head: Math.min(one.head, heads?.get(one.partition) ?? 0) }))
    const due = limited.filter((one) => isDue(one, idleMillis) && !stopped.has(one.partition))
    if (due.length === 0) return { blocks, events, stopped: [...stopped.values()] }
    const signing = yield* authority(schema)
    for (const standing of due) {
      const { partition, newest } = standing
      const sealed = yield* Effect.catchTag(sealNext(schema, standing, signing), "CannotSeal", (problem) => {
        stopped.set(partition, problem)
        return Effect.undefined
      })
      if (sealed === undefined) {
        // Somebody else was first, and there is a newer block by now; or else what is in the way stays there.
        const number = newest?.number ?? 0
        if (passedBy.get(partition) === number && !stopped.has(partition)) {
          const why = `block ${number + 1} cannot be stored: another row of seals is in its place.`
          stopped.set(partition, cannotSeal(schema, partition, (newest?.last ?? 0) + 1, why))
        }
        passedBy.set(partition, number)
        continue
      }
      const size = sealed.head.last - sealed.head.first + 1
      blocks++
      events += size
      yield* onBlock(size)
    }
  }
})

/** Events that are to be removed from the journal. */
export interface ToRemove {
  readonly partition: number
  /** Sealed positions whose events are still there. */
  readonly positions: ReadonlyArray<number>
  /** Why, for whoever verifies: `pruned`, `archived`. Rows are kept by block and reason, so that there should be few. */
  readonly reason: string
}

/**
 * Says, signed, that events are taken out of the journal on purpose, so that they are not missed by whoever verifies. Run it in the
 * transaction that deletes them, before they are deleted. Only what is sealed, and still is what was sealed, may be removed: on any
 * failure roll the transaction back.
 */
export const recordRemoval = (
  schema: string,
  { partition, positions, reason }: ToRemove
): Sql<void, CannotRemove | SealKeyUnusable | OtherSealKey, SealKeys> =>
  Effect.gen(function* () {
    if (positions.length === 0) return
    // Two removals must not overwrite each other's bits.
    yield* AdvisoryLock.hold(`daybook-seal-removal-${schema}`)
    const signing = yield* authority(schema)
    const wanted = [...positions].sort((a, b) => a - b)
    const blocks = yield* readBetween(schema, partition, wanted[0]!, wanted.at(-1)!)
    let left = wanted
    for (const sealed of blocks) {
      const within = left.filter((position) => position >= sealed.head.first && position <= sealed.head.last)
      if (within.length === 0) continue
      left = left.filter((position) => position < sealed.head.first || position > sealed.head.last)
      yield* recordInBlock(schema, sealed, { positions: within, reason }, signing)
    }
    if (left.length > 0) {
      return yield* cannotRemove(schema, partition, left[0]!, "it is not sealed yet (daybook audit seal).")
    }
  })

const cannotRemove = (schema: string, partition: number, position: number, why: string): CannotRemove =>
  new CannotRemove({
    schema,
    partition,
    position,
    detail: `${schema}, partition ${partition}, position ${position} cannot be removed: ${why} Nothing was removed.`
  })

/** Adds to what was removed of one block for one reason. What it adds to is held to its own signature: a forged one is not signed again. */
const recordInBlock = (
  schema: string,
  { head, leaves }: Sealed,
  { positions, reason }: Pick<ToRemove, "positions" | "reason">,
  { signer, trusted }: Authority
): Sql<void, CannotRemove> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const { partition, number, first, last } = head
    const cannot = (position: number, why: string) => cannotRemove(schema, partition, position, why)
    const hashes = leavesOf(leaves)
    const block = hashOfHead(head)
    const intact =
      signedByTrusted(trusted, head.keyId, textOfHead(head), head.signature) &&
      hexOf(Merkle.root(sha256, hashes)) === head.root
    if (!intact) return yield* cannot(first, `its block ${number} is not what was signed.`)
    const events = new Map((yield* readRange(schema, partition, { from: first, to: last })).map((e) => [e.position, e]))
    for (const position of positions) {
      const event = events.get(position)
      if (event === undefined) return yield* cannot(position, "it is not there.")
      if (hexOf(leafOf(event)) !== hexOf(hashes[position - first]!)) {
        return yield* cannot(position, "it is not what was sealed.")
      }
    }
    const before = (yield* readRemovals(schema, partition, number, number)).find((one) => one.reason === reason)
    if (
      before !== undefined &&
      !signedByTrusted(trusted, before.keyId, textOfRemoval(before, block), before.signature)
    ) {
      return yield* cannot(
        positions[0]!,
        `the record of what was ${reason} in its block ${number} is not what was signed.`
      )
    }
    const places = [...Seal.placesOf(before?.removed ?? ""), ...positions.map((position) => position - first)]
    const [clock] = yield* sql.unsafe<{ readonly now: string }>(`SELECT ${microsOf("clock_timestamp()")} AS now`)
    const removal = {
      format: "daybook-removal-1" as const,
      schema,
      partition,
      number,
      removed: Seal.bitsOf(places, last - first + 1),
      reason,
      removedAtMicros: clock!.now,
      keyId: signer.keyId
    }
    yield* sql.unsafe(
      `INSERT INTO ${schema}.seal_removal (partition, number, reason, removed, removed_at, key_id, signature)
       VALUES ($1::text::smallint, $2::text::bigint, $3::text, $4::text, ${instantOfMicros("$5::text::bigint")}, $6::text, $7::text)
       ON CONFLICT (partition, number, reason) DO UPDATE SET removed = excluded.removed, removed_at = excluded.removed_at,
         key_id = excluded.key_id, signature = excluded.signature`,
      [
        String(partition),
        String(number),
        reason,
        removal.removed,
        removal.removedAtMicros,
        signer.keyId,
        signer.sign(textOfRemoval(removal, block))
      ]
    )
  })
