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
import { readKeys, type Sql } from "./SealRows.ts"

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

const otherKey = (schema: string, { keyId }: Pick<Signer, "keyId">, why: string): OtherSealKey =>
  new OtherSealKey({
    schema,
    keyId,
    detail:
      `The seals of ${schema} are made with another key than ${keyId}, which this process has: ${why} Give it the key that seals now, ` +
      "by SEAL_KEY_FILE, or hand over to a new one (daybook audit rotate)."
  })

/** Whoever seals first here brings the first key. */
export const authority = (schema: string): Sql<Authority, SealKeyUnusable | OtherSealKey, SealKeys> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const { signer } = yield* SealKeys
    const me = yield* signer
    let known = yield* readKeys(schema)
    if (known.keys.length === 0) {
      yield* sql.unsafe(
        `INSERT INTO ${schema}.seal_key (key_id, public_key) VALUES ($1::text, $2::text) ON CONFLICT DO NOTHING`,
        [me.keyId, me.publicKey]
      )
      known = yield* readKeys(schema)
    }
    const { keys, handOvers } = known
    if (!keys.includes(me.publicKey)) {
      return yield* otherKey(schema, me, `they have been made with ${keys.map(keyIdOf).join(", ")}.`)
    }
    const next = handOvers.find(({ from }) => from === me.publicKey)
    if (next !== undefined) return yield* otherKey(schema, me, `it has handed over to ${keyIdOf(next.to)}.`)
    return { signer: me, trusted: trustedBy([me.publicKey], handOvers) }
  })

/** Whether a trusted key has signed that text. */
export const signedByTrusted = (trusted: Trusted, keyId: string, text: string, signature: string): boolean => {
  const key = trusted.get(keyId)
  return key !== undefined && hasSigned(key.publicKey, text, signature)
}

/** Records that one key continues another: what is sealed from now on is sealed by the new one. Doing it again changes nothing. */
export const recordHandOver = (
  schema: string,
  { from, to, signatureFrom, signatureTo }: SignedHandOver
): Sql<void, OtherSealKey> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const { keys, handOvers } = yield* readKeys(schema)
    // Nothing was sealed here: the new key will be the first.
    if (keys.length === 0 || handOvers.some((known) => known.from === from && known.to === to)) return
    const next = handOvers.find((known) => known.from === from)
    if (!keys.includes(from) || next !== undefined) {
      const why = next === undefined ? `they have been made with ${keys.map(keyIdOf)}.` : `it has handed over already.`
      return yield* otherKey(schema, { keyId: keyIdOf(from) }, why)
    }
    yield* sql.unsafe(
      `INSERT INTO ${checkSchemaName(schema)}.seal_key (key_id, public_key, predecessor, signature_from, signature_to)
       VALUES ($1::text, $2::text, $3::text, $4::text, $5::text)`,
      [keyIdOf(to), to, keyIdOf(from), signatureFrom, signatureTo]
    )
  })
