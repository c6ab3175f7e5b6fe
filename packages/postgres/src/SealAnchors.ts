/**
 * Anchors: the newest block of each partition, signed, to be kept where whoever may change the database cannot. Whoever rolls a
 * journal back to an earlier block, or writes it anew, cannot make an anchor fit.
 */
import * as Seal from "@daybook/core/Seal"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { SqlClient } from "effect/sql/SqlClient"
import { checkSchemaName } from "./Migrations.ts"
import { signedByTrusted } from "./SealAuthority.ts"
import type { Findings } from "./SealFindings.ts"
import type { Signer, Trusted } from "./SealKeys.ts"
import { type HeadRow, hashOfHead, headColumns, headOf, readHeadsAfter, type Sql } from "./SealRows.ts"

/** An anchor as its file has it. */
export type SignedAnchor = Seal.Signed<Seal.Anchor>

const AnchorFile = Schema.Struct({
  format: Schema.Literal("daybook-anchor-1"),
  takenAtMillis: Schema.Int,
  keyId: Schema.String,
  heads: Schema.Array(
    Schema.Struct({
      schema: Schema.String,
      partition: Schema.Int,
      number: Schema.Int,
      last: Schema.Int,
      block: Schema.String
    })
  ),
  signature: Schema.String
})

/** Reads the text of an anchor's file. Fails for what is none. */
export const parseAnchor = Schema.decodeUnknownEffect(Schema.fromJsonString(AnchorFile))

/** The newest block of each partition that is sealed. */
export const headsOf = (schema: string): Sql<ReadonlyArray<Seal.AnchorHead>> =>
  Effect.flatMap(SqlClient, (sql) =>
    Effect.map(
      sql.unsafe<HeadRow>(
        `SELECT DISTINCT ON (seal.partition) ${headColumns} FROM ${checkSchemaName(schema)}.seal
         ORDER BY seal.partition, seal.number DESC`
      ),
      (rows) =>
        rows.map((row) => {
          const head = headOf(schema, row)
          return { schema, partition: head.partition, number: head.number, last: head.last, block: hashOfHead(head) }
        })
    )
  )

/** Signs the newest blocks of some journals. */
export const signAnchor = (heads: ReadonlyArray<Seal.AnchorHead>, signer: Signer): Effect.Effect<SignedAnchor> =>
  Effect.map(Clock.currentTimeMillis, (takenAtMillis) => {
    const anchor: Seal.Anchor = { format: "daybook-anchor-1", takenAtMillis, keyId: signer.keyId, heads }
    return { ...anchor, signature: signer.sign(Seal.textOf(anchor)) }
  })

/** Whether a trusted key has signed an anchor. */
const isTrusted = ({ signature, ...anchor }: SignedAnchor, trusted: Trusted): boolean =>
  signedByTrusted(trusted, anchor.keyId, Seal.textOf(anchor), signature)

/** What of an anchor a journal does not meet. */
export const findUnanchored = (schema: string, anchor: SignedAnchor, trusted: Trusted, findings: Findings): Sql<void> =>
  Effect.gen(function* () {
    if (!isTrusted(anchor, trusted)) {
      findings.add("anchor-untrusted", { partition: null, first: null, last: null, block: null })
      return
    }
    for (const { partition, number, last, block } of anchor.heads.filter((head) => head.schema === schema)) {
      const [head] = yield* readHeadsAfter(schema, partition, number - 1, 1)
      const place = { partition, first: last, last, block: number }
      if (head?.number !== number) findings.add("anchor-unmet", place)
      else if (hashOfHead(head) !== block) findings.add("anchor-differs", place)
    }
  })
