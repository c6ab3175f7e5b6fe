/**
 * Seals as their tables have them, read for sealing, verifying and proving.
 */
import * as Merkle from "@daybook/core/Merkle"
import * as Seal from "@daybook/core/Seal"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { checkSchemaName } from "./Migrations.ts"
import { canonical, microsOf, type RawEvent } from "./RawEvents.ts"
import { isSignedByBoth, type SignedHandOver, sha256 } from "./SealKeys.ts"

/** What asks the database. */
export type Sql<A, E = never, R = never> = Effect.Effect<A, E | SqlError, SqlClient | R>

/** A block's signed head. */
export type Head = Seal.Signed<Seal.Block>

/** A block with the hashes of its leaves, 32 bytes each, one after the other. */
export interface Sealed {
  readonly head: Head
  readonly leaves: Uint8Array
}

/** What was taken out of a block, signed. */
export type SignedRemoval = Seal.Signed<Omit<Seal.Removal, "block">> & { readonly number: number }

const utf8 = new TextEncoder()

/** The hash of an event as a leaf. */
export const leafOf = (event: RawEvent): Uint8Array => Merkle.leafHash(sha256, utf8.encode(canonical(event)))

/** The leaves of a block, one by one. */
export const leavesOf = (leaves: Uint8Array): ReadonlyArray<Uint8Array> =>
  Array.from({ length: Math.floor(leaves.length / 32) }, (_, i) => leaves.subarray(i * 32, i * 32 + 32))

/** Bytes in hexadecimal. */
export const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

/** What is signed of a block. */
export const textOfHead = ({ signature: _, ...block }: Head): string => Seal.textOf(block)

/** A block's hash in hexadecimal. */
export const hashOfHead = (head: Head): string => hexOf(sha256(utf8.encode(textOfHead(head))))

/** The columns of a head, of a table `seal` or what is called so. */
export const headColumns = `seal.partition, seal.number::float8 AS number, seal.first_position::float8 AS first,
  seal.last_position::float8 AS last, seal.root, seal.previous, ${microsOf("seal.sealed_at")} AS "sealedAtMicros",
  seal.key_id AS "keyId", seal.signature`

/** A row of `headColumns`. */
export type HeadRow = Omit<Head, "format" | "schema">

/** The head that a row holds, and nothing else that the row has. */
export const headOf = (schema: string, row: HeadRow): Head => {
  const { partition, number, first, last, root, previous, sealedAtMicros, keyId, signature } = row
  return {
    format: "daybook-block-1",
    schema,
    partition,
    number,
    first,
    last,
    root,
    previous,
    sealedAtMicros,
    keyId,
    signature
  }
}

const query = <Row extends object>(text: string, params: ReadonlyArray<string | number>): Sql<ReadonlyArray<Row>> =>
  Effect.flatMap(SqlClient, (sql) => sql.unsafe<Row>(text, params.map(String)))

const readRows = <Row extends HeadRow>(
  schema: string,
  columns: string,
  condition: string,
  params: ReadonlyArray<number>
): Sql<ReadonlyArray<Row>> =>
  query<Row>(
    `SELECT ${columns} FROM ${checkSchemaName(schema)}.seal WHERE seal.partition = $1::text::smallint AND ${condition}`,
    params
  )

const readHeads = (schema: string, condition: string, params: ReadonlyArray<number>): Sql<ReadonlyArray<Head>> =>
  Effect.map(readRows<HeadRow>(schema, headColumns, condition, params), (rows) =>
    rows.map((row) => headOf(schema, row))
  )

const readSeals = (schema: string, condition: string, params: ReadonlyArray<number>): Sql<ReadonlyArray<Sealed>> =>
  Effect.map(
    readRows<HeadRow & { readonly leaves: string }>(
      schema,
      `${headColumns}, encode(seal.leaves, 'hex') AS leaves`,
      condition,
      params
    ),
    (rows) => rows.map((row) => ({ head: headOf(schema, row), leaves: Buffer.from(row.leaves, "hex") }))
  )

const after = "seal.number > $2::text::bigint ORDER BY seal.number LIMIT $3::text::integer"
const between =
  "seal.last_position >= $2::text::bigint AND seal.first_position <= $3::text::bigint ORDER BY seal.last_position"

/** The blocks of a partition after a number, in order, at most `limit`. */
export const readAfter = (schema: string, partition: number, number: number, limit: number) =>
  readSeals(schema, after, [partition, number, limit])

/** Their heads alone: the leaves are by far the most of a block. */
export const readHeadsAfter = (schema: string, partition: number, number: number, limit: number) =>
  readHeads(schema, after, [partition, number, limit])

/** The blocks that hold positions of a range, in order; those without are not sealed. */
export const readBetween = (schema: string, partition: number, from: number, to: number) =>
  readSeals(schema, between, [partition, from, to])

/** Their heads alone. */
export const readHeadsBetween = (schema: string, partition: number, from: number, to: number) =>
  readHeads(schema, between, [partition, from, to])

/** What was taken out of blocks of a partition, by their numbers: inclusive bounds. */
export const readRemovals = (
  schema: string,
  partition: number,
  from: number,
  to: number
): Sql<ReadonlyArray<SignedRemoval>> =>
  Effect.map(
    query<Omit<SignedRemoval, "format" | "schema">>(
      `SELECT partition, number::float8 AS number, removed, reason, ${microsOf("removed_at")} AS "removedAtMicros",
         key_id AS "keyId", signature FROM ${checkSchemaName(schema)}.seal_removal
       WHERE partition = $1::text::smallint AND number BETWEEN $2::text::bigint AND $3::text::bigint ORDER BY number, reason`,
      [partition, from, to]
    ),
    (rows) => rows.map((row) => ({ format: "daybook-removal-1", schema, ...row }))
  )

/** What is signed of a removal from the block of a hash. */
export const textOfRemoval = (
  { number: _, signature: __, ...removal }: Omit<SignedRemoval, "signature"> & { readonly signature?: string },
  block: string
): string => Seal.textOf({ ...removal, block })

/** The keys that have sealed here, and how each was handed over to. */
export interface Keys {
  /** Public keys, the first one first. */
  readonly keys: ReadonlyArray<string>
  readonly handOvers: ReadonlyArray<SignedHandOver>
}

/** The keys of a schema. */
export const readKeys = (schema: string): Sql<Keys> =>
  Effect.map(
    query<{ to: string; from: string | null; signatureFrom: string; signatureTo: string }>(
      `SELECT k.public_key AS to, p.public_key AS from, k.signature_from AS "signatureFrom", k.signature_to AS "signatureTo"
       FROM ${checkSchemaName(schema)}.seal_key k LEFT JOIN ${schema}.seal_key p ON p.key_id = k.predecessor
       ORDER BY k.introduced_at, k.key_id`,
      []
    ),
    (rows) => ({
      keys: rows.map(({ to }) => to),
      handOvers: rows.flatMap(({ from, ...row }) => (from === null ? [] : [{ format: "daybook-key-1", from, ...row }]))
    })
  )

/** The same keys with the hand-overs that other journals know of, too, each once. Theirs count only if both sides have signed them. */
export const withHandOvers = ({ keys, handOvers }: Keys, others: ReadonlyArray<SignedHandOver>): Keys => {
  const isKnown = (known: ReadonlyArray<SignedHandOver>, { from, to }: SignedHandOver) =>
    known.some((one) => one.from === from && one.to === to)
  const all = [...handOvers]
  for (const one of others) if (!isKnown(all, one) && isSignedByBoth(one)) all.push(one)
  return { keys, handOvers: all }
}
