/**
 * What a verification of seals finds: what is wrong, and at which positions of which partition. For `SealVerification`, and for whoever
 * shows its report.
 */

/** Each kind of finding, and what it says. Scripts tell findings apart by these names. */
export const kinds = {
  "event-changed": "what is there is not what was sealed",
  "event-missing": "is missing, and no signed record says that it was removed",
  "event-twice": "is there more than once",
  "event-stray": "is where no event can be: below 1, above the partition's head, or in a partition that there is not",
  "event-misplaced": "belongs to a stream of another partition",
  "stream-broken": "does not follow the version before it in its stream",
  "stream-headless": "streams begin later than at version 1, by more events than were removed on record",
  "block-changed": "the block's signature does not fit it",
  "block-untrusted": "the block is signed with a key that no trusted key vouches for",
  "block-outlived": "the block is signed with a key that had handed over before",
  "block-missing": "the block is missing",
  "block-unchained": "the block does not hold the hash of the one before, or does not begin where that ends",
  "leaves-changed": "the hashes of the block's events do not lead to its root",
  "removal-forged": "the record of what was removed is not signed by a trusted key, or not for this block",
  "removal-stray": "there is a record of what was removed from a block that is not there",
  "head-behind": "the partition's head is behind what is sealed",
  "partition-missing": "the partition has no head any more",
  "key-untrusted": "a key has been added that no trusted key has handed over to",
  "key-forked": "a key has handed over twice",
  "anchor-untrusted": "the anchor is not signed with a trusted key",
  "anchor-unmet": "the anchor's block is not there: what came after an earlier one was rolled back",
  "anchor-differs": "the block is not the one that was anchored: history was written anew"
} as const

/** A kind of finding. */
export type Kind = keyof typeof kinds

/** Where something is wrong. What is `null` is not about that. */
export interface Place {
  readonly partition: number | null
  /** The first and the last position. */
  readonly first: number | null
  readonly last: number | null
  readonly block: number | null
  /** Which stream, key or the like. */
  readonly what?: string
}

/** Something that is wrong. */
export interface Finding extends Place {
  readonly kind: Kind
  readonly schema: string
  readonly detail: string
}

const positionsOf = ({ first, last }: Place): string =>
  first === null ? "" : first === last ? `, position ${first}` : `, positions ${first} to ${last}`

/** A finding in words: where, and what is wrong there. */
const detailOf = (schema: string, kind: Kind, place: Place): string => {
  const partition = place.partition === null ? "" : `, partition ${place.partition}`
  const block = place.block === null ? "" : ` (block ${place.block})`
  const what = place.what === undefined ? "" : `${place.what}: `
  return `${schema}${partition}${positionsOf(place)}${block}: ${what}${kinds[kind]}`
}

/** How many findings are kept of each partition. More would say no more. */
const most = 1_000

/** Collects findings. Neighbouring positions of one kind become one finding, so that a lost block is one line and not a thousand. */
export class Findings {
  /** Findings that were not kept. */
  more = 0
  readonly #schema: string
  readonly #found: Array<{ kind: Kind; place: Place }> = []

  constructor(schema: string) {
    this.#schema = schema
  }

  add(kind: Kind, place: Place): void {
    const before = this.#found.at(-1)
    const continues =
      before?.kind === kind &&
      before.place.what === place.what &&
      before.place.partition === place.partition &&
      before.place.block === place.block &&
      before.place.last !== null &&
      before.place.last + 1 === place.first
    if (continues) before.place = { ...before.place, last: place.last }
    else if (this.#found.length < most) this.#found.push({ kind, place })
    else this.more++
  }

  get all(): ReadonlyArray<Finding> {
    return this.#found.map(({ kind, place }) => ({
      kind,
      schema: this.#schema,
      ...place,
      detail: detailOf(this.#schema, kind, place)
    }))
  }
}
