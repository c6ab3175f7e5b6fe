/**
 * Who may sign the seals of a journal: the key of this process, as long as nobody else's key seals there and it has not handed over.
 */
import { Problem } from "@daybook/core/Problem"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { SqlClient } from "effect/sql/SqlClient"
import { checkSchemaName } from "./Migrations.ts"
import {
  hasSigned,
  keyIdOf,
  SealKeys,
  type SealKeyUnusable,
  type SignedHandOver,
  type Signer,
  type Trusted,
  trustedBy
} from "./SealKeys.ts"
import { type Keys, readKeys, type Sql } from "./SealRows.ts"

/** This process's key is not the one that seals here now. Nothing was sealed or recorded. */
export class OtherSealKey extends Problem<OtherSealKey>()(
  "OtherSealKey",
  { status: 500, title: "Another key seals here" },
  { schema: Schema.String, keyId: Schema.String }
) {}

/** Who signs here, and whose signatures count. */
export interface Authority {
  readonly signer: Signer
  readonly trusted: Trusted
}

const otherKey = (schema: string, keyId: string, why: string): OtherSealKey =>
  new OtherSealKey({
    schema,
    keyId,
    detail: `The seals of ${schema} are made with another key than ${keyId}, which this process has: ${why}`
  })

const madeWithOthers = (schema: string, keyId: string, keys: ReadonlyArray<string>): OtherSealKey =>
  otherKey(
    schema,
    keyId,
    `they have been made with ${keys.map(keyIdOf).join(", ")}. Put the file of that key back, or name it with SEAL_KEY_FILE.`
  )

const handedOver = (schema: string, keyId: string, { to }: SignedHandOver): OtherSealKey =>
  otherKey(
    schema,
    keyId,
    `it has handed over to ${keyIdOf(to)}. Give this process the file of that key, by SEAL_KEY_FILE.`
  )

/** Where another process is first, its key stays the first. */
const insertFirst = (schema: string, { keyId, publicKey }: Pick<Signer, "keyId" | "publicKey">): Sql<unknown> =>
  Effect.flatMap(SqlClient, (sql) =>
    sql.unsafe(
      `INSERT INTO ${checkSchemaName(schema)}.seal_key (key_id, public_key) VALUES ($1::text, $2::text) ON CONFLICT DO NOTHING`,
      [keyId, publicKey]
    )
  )

/**
 * Whether anything was sealed in this database, of this service or, as far as this user may see that, of others. Then the key is
 * somewhere, and one that is made because its file is missing would be a stray.
 */
const hasBegun = (schema: string): Sql<boolean> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const tables = yield* sql.unsafe<{ readonly name: string }>(
      `SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE c.relname = 'seal_key' AND c.relkind = 'r' AND to_regclass(format('%I.seal_removal', n.nspname)) IS NOT NULL
         AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
       ORDER BY n.nspname = $1::text DESC, n.nspname`,
      [schema]
    )
    for (const { name } of tables) {
      const rows = yield* sql.unsafe(`SELECT 1 FROM ${name} LIMIT 1`)
      if (rows.length > 0) return true
    }
    return false
  })

/** Whoever seals first here brings the first key. It is made only where nothing was sealed yet. */
export const authority = (schema: string): Sql<Authority, SealKeyUnusable | OtherSealKey, SealKeys> =>
  Effect.gen(function* () {
    const { signer, first } = yield* SealKeys
    let known = yield* readKeys(schema)
    // In this order: whoever begins meanwhile has made the key by then, and it is found.
    const me = yield* known.keys.length > 0 || (yield* hasBegun(schema)) ? signer : first
    if (known.keys.length === 0) {
      yield* insertFirst(schema, me)
      known = yield* readKeys(schema)
    }
    const { keys, handOvers } = known
    if (!keys.includes(me.publicKey)) return yield* madeWithOthers(schema, me.keyId, keys)
    const next = handOvers.find(({ from }) => from === me.publicKey)
    if (next !== undefined) return yield* handedOver(schema, me.keyId, next)
    return { signer: me, trusted: trustedBy([me.publicKey], handOvers) }
  })

/** Whether a trusted key has signed that text. */
export const signedByTrusted = (trusted: Trusted, keyId: string, text: string, signature: string): boolean => {
  const key = trusted.get(keyId)
  return key !== undefined && hasSigned(key.publicKey, text, signature)
}

/** Fails where a key cannot hand over: others seal there, or it has handed over, and to another one than `to`. */
export const checkHandOver = (schema: string, from: string, to?: string): Sql<Keys, OtherSealKey> =>
  Effect.gen(function* () {
    const known = yield* readKeys(schema)
    const { keys, handOvers } = known
    const keyId = keyIdOf(from)
    if (keys.length > 0 && !keys.includes(from)) return yield* madeWithOthers(schema, keyId, keys)
    const next = handOvers.find((one) => one.from === from)
    if (next !== undefined && next.to !== to) return yield* handedOver(schema, keyId, next)
    return known
  })

/**
 * Records that one key continues another: what is sealed from now on is sealed by the new one. Doing it again changes nothing. Where
 * nothing was sealed it is recorded as well, so that whoever still has the old key cannot begin there.
 */
export const recordHandOver = (
  schema: string,
  { from, to, signatureFrom, signatureTo }: SignedHandOver
): Sql<void, OtherSealKey> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const { keys, handOvers } = yield* checkHandOver(schema, from, to)
    if (handOvers.some((known) => known.from === from)) return
    if (keys.length === 0) yield* insertFirst(schema, { keyId: keyIdOf(from), publicKey: from })
    yield* sql.unsafe(
      `INSERT INTO ${checkSchemaName(schema)}.seal_key (key_id, public_key, predecessor, signature_from, signature_to)
       VALUES ($1::text, $2::text, $3::text, $4::text, $5::text)`,
      [keyIdOf(to), to, keyIdOf(from), signatureFrom, signatureTo]
    )
  })
