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

/** What a row, or its neighbours in its stream, say an event is. The row may be what was changed. */
export interface Named {
  readonly position: number
  readonly stream: string
  /** `null` where only the stream is known. */
  readonly version: number | null
}

/** Where something is wrong. What is `null` is not about that. */
export interface Place {
  readonly partition: number | null
  /** The first and the last position. */
  readonly first: number | null
  readonly last: number | null
  readonly block: number | null
  /** Which stream, key or the like. */
  readonly what?: string
  /** The events at these positions, as far as they are known: the first few of them. */
  readonly events?: ReadonlyArray<Named>
}

/** Something that is wrong. */
export interface Finding extends Place {
  readonly kind: Kind
  readonly schema: string
  /** What whoever verifies calls the journal. */
  readonly service: string
  readonly detail: string
}

const positionsOf = ({ first, last }: Place): string =>
  first === null ? "" : first === last ? `, position ${first}` : `, positions ${first} to ${last}`

/** How many events of a finding are named. */
const mostNamed = 3

/** An event in words. */
export const wordsOf = ({ stream, version }: Named): string =>
  version === null ? `of ${stream}` : `version ${version} of ${stream}`

const eventsOf = ({ first, last, what, events = [] }: Place): string => {
  if (what !== undefined || events.length === 0) return ""
  const others = events.length <= (last ?? 0) - (first ?? 0) ? " and others" : ""
  return `, ${[...new Set(events.map(wordsOf))].join(", ")}${others}`
}

/** A finding in words: where, and what is wrong there. */
const detailOf = (service: string, kind: Kind, place: Place): string => {
  const partition = place.partition === null ? "" : `, partition ${place.partition}`
  const block = place.block === null ? "" : ` (block ${place.block})`
  const what = place.what === undefined ? "" : `${place.what}: `
  return `${service}${partition}${positionsOf(place)}${block}${eventsOf(place)}: ${what}${kinds[kind]}`
}

/** How many findings are kept of each partition. More would say no more. */
const most = 1_000

const withEvents = (place: Place, more: ReadonlyArray<Named> = []): Place => {
  const events = [...(place.events ?? []), ...more].slice(0, mostNamed)
  return events.length === 0 ? place : { ...place, events }
}

/** Collects findings. Neighbouring positions of one kind become one finding, so that a lost block is one line and not a thousand. */
export class Findings {
  /** Findings that were not kept. */
  more = 0
  readonly #schema: string
  readonly #service: string
  readonly #found: Array<{ kind: Kind; place: Place }> = []

  /** `service` is what they call the journal; by default its schema. */
  constructor(schema: string, service = schema) {
    this.#schema = schema
    this.#service = service
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
    if (continues) before.place = withEvents({ ...before.place, last: place.last }, place.events)
    else if (this.#found.length < most) this.#found.push({ kind, place })
    else this.more++
  }

  /** Positions whose events are missing, of each finding the first few. */
  get missing(): ReadonlyArray<number> {
    return this.#found.flatMap(({ kind, place: { first, last } }) =>
      kind === "event-missing" && first !== null && last !== null
        ? Array.from({ length: Math.min(mostNamed, last - first + 1) }, (_, i) => first + i)
        : []
    )
  }

  /** Says which event is missing at a position. */
  nameMissing(event: Named): void {
    for (const found of this.#found) {
      const { first, last } = found.place
      if (found.kind !== "event-missing" || first === null || last === null) continue
      if (event.position >= first && event.position <= last) found.place = withEvents(found.place, [event])
    }
  }

  get all(): ReadonlyArray<Finding> {
    return this.#found.map(({ kind, place }) => ({
      kind,
      schema: this.#schema,
      service: this.#service,
      ...place,
      detail: detailOf(this.#service, kind, place)
    }))
  }
}
