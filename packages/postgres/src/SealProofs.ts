/**
 * Proofs that one event is in a sealed block, made to be checked elsewhere, with a public key and nothing of Daybook: see
 * `examples/03-verify-proof`.
 */
import * as Merkle from "@daybook/core/Merkle"
import { Problem } from "@daybook/core/Problem"
import type * as Seal from "@daybook/core/Seal"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { canonical, type RawEvent } from "./RawEvents.ts"
import { type SignedHandOver, sha256 } from "./SealKeys.ts"
import {
  type Head,
  hashOfHead,
  hexOf,
  leafOf,
  leavesOf,
  readBetween,
  readHeadsAfter,
  readKeys,
  type Sql,
  withHandOvers
} from "./SealRows.ts"

/** An event is not sealed, or is not what was sealed, so that there is nothing to prove. */
export class CannotProve extends Problem<CannotProve>()(
  "CannotProve",
  { status: 409, title: "An event cannot be proved" },
  { schema: Schema.String, partition: Schema.Int, position: Schema.Int }
) {}

/** What goes with a proof. */
export interface ProofOptions {
  readonly anchor?: Pick<Seal.Anchor, "heads"> | undefined
  readonly handOvers?: ReadonlyArray<SignedHandOver>
}

/** Blocks of a chain read at a time. */
const page = 1_000

/** The blocks after one, up to that of an anchor. */
const chainTo = (schema: string, { partition, number }: Head, last: number): Sql<ReadonlyArray<Head>> =>
  Effect.gen(function* () {
    const found: Array<Head> = []
    let after = number
    while (after < last) {
      const heads = yield* readHeadsAfter(schema, partition, after, Math.min(page, last - after))
      if (heads.length === 0) break
      found.push(...heads)
      after = heads.at(-1)!.number
    }
    return found
  })

/** Proves an event; with an anchor, together with the chain of blocks up to the anchor's. Hand-overs that other journals know of go with it. */
export const prove = (
  schema: string,
  event: RawEvent,
  { anchor, handOvers: others = [] }: ProofOptions = {}
): Sql<Seal.Proof, CannotProve> =>
  Effect.gen(function* () {
    const { partition, position, stream, version } = event
    const cannot = (why: string) =>
      new CannotProve({
        schema,
        partition,
        position,
        detail: `Version ${version} of ${stream} (${schema}, partition ${partition}, position ${position}) cannot be proved: ${why}`
      })
    const [sealed] = yield* readBetween(schema, partition, position, position)
    if (sealed === undefined) return yield* cannot("it is not sealed yet. Seal it: daybook audit seal")
    const { head } = sealed
    const leaves = leavesOf(sealed.leaves)
    const index = position - head.first
    const leaf = leaves[index]
    if (
      leaf === undefined ||
      hexOf(leaf) !== hexOf(leafOf(event)) ||
      hexOf(Merkle.root(sha256, leaves)) !== head.root
    ) {
      return yield* cannot("it is not what was sealed. See what else is not: daybook audit verify")
    }
    const anchored = anchor?.heads.find((one) => one.schema === schema && one.partition === partition)
    const blocks = [head, ...(yield* chainTo(schema, head, anchored?.number ?? 0))]
    const last = blocks.find(({ number }) => number === anchored?.number)
    if (anchored !== undefined && anchored.number >= head.number && (!last || hashOfHead(last) !== anchored.block)) {
      return yield* cannot(
        "the chain of blocks does not lead to the anchor. See why: daybook audit verify --anchor FILE"
      )
    }
    const { keys, handOvers } = withHandOvers(yield* readKeys(schema), others)
    return {
      format: "daybook-proof-1",
      event: canonical(event),
      index,
      path: Merkle.path(sha256, leaves, index).map(hexOf),
      blocks,
      keys,
      handOvers
    }
  })
