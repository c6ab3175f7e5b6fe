/**
 * A conversation as a tree: what led to what, across services. Pure; used by `daybook audit tree`.
 *
 * Entries name what caused them by `causationId`: the event, or the message, whose id begins with the event's. The answer to a
 * command names the command; what it follows from is what its receiver did, which is found among what the same command caused.
 */
import type { Entry } from "./AuditTrail.ts"

/** An entry, and what followed from it, in order of time. */
export interface Node {
  readonly entry: Entry
  /** How long after its cause; `null` for what nothing here caused. */
  readonly afterMillis: number | null
  readonly effects: ReadonlyArray<Node>
}

const eventIdLength = 36
const answer = /^(.*)\/(?:Done|Refused)$/s

/** The event that a message was made of: an event may have been published as several, `<event id>-1` and so on. */
export const eventOf = (id: string): string =>
  /^-\d+$/.test(id.slice(eventIdLength)) ? id.slice(0, eventIdLength) : id

/** What an id of a cause may name: the event itself, or the one that the command was sent by which it answers. */
export const causeOf = (causationId: string): string => eventOf(answer.exec(causationId)?.[1] ?? causationId)

const inOrder = (a: Entry, b: Entry): number =>
  a.recordedAtMillis - b.recordedAtMillis ||
  (a.stream === b.stream && a.version !== null && b.version !== null
    ? a.version - b.version
    : a.id < b.id
      ? -1
      : Number(a.id > b.id))

class Causes {
  readonly #byId: ReadonlyMap<string, Entry>
  readonly #byCause: ReadonlyMap<string, ReadonlyArray<Entry>>

  constructor(entries: ReadonlyArray<Entry>) {
    this.#byId = new Map(entries.map((entry) => [entry.id, entry]))
    this.#byCause = Map.groupBy(
      entries.filter(({ causationId }) => causationId !== null),
      ({ causationId }) => causationId!
    )
  }

  /** The entry that another follows from; `undefined` when it is not among these. */
  of(entry: Entry): Entry | undefined {
    const { causationId } = entry
    if (causationId === null) return undefined
    const command = answer.exec(causationId)?.[1]
    const done = command === undefined ? undefined : this.#doneBecauseOf(command, entry)
    return done ?? this.#byId.get(causeOf(causationId))
  }

  /** The last that the receiver of a command did before it answered. */
  #doneBecauseOf(command: string, answered: Entry): Entry | undefined {
    const all = this.#byCause.get(command) ?? []
    return all.findLast((one) => one.stream !== answered.stream && inOrder(one, answered) <= 0)
  }
}

/** Whether an entry comes up again among its own causes, which ids that others made up may have it do. */
const isCircular = (entry: Entry, causes: ReadonlyMap<Entry, Entry>): boolean => {
  const seen = new Set<Entry>()
  let at: Entry | undefined = entry
  while (at !== undefined && !seen.has(at)) {
    seen.add(at)
    at = causes.get(at)
  }
  return at === entry
}

/** The trees that entries make: one for each that nothing among them caused. Every entry is in exactly one place. */
export const treesOf = (given: ReadonlyArray<Entry>): ReadonlyArray<Node> => {
  const entries = [...given].sort(inOrder)
  const known = new Causes(entries)
  const causes = new Map<Entry, Entry>()
  for (const entry of entries) {
    const cause = known.of(entry)
    if (cause !== undefined && cause !== entry) causes.set(entry, cause)
  }
  for (const entry of entries) if (isCircular(entry, causes)) causes.delete(entry)
  const effects = Map.groupBy(entries, (entry) => causes.get(entry))
  const nodeOf = (entry: Entry, cause: Entry | undefined): Node => ({
    entry,
    afterMillis: cause === undefined ? null : entry.recordedAtMillis - cause.recordedAtMillis,
    effects: (effects.get(entry) ?? []).map((effect) => nodeOf(effect, entry))
  })
  return (effects.get(undefined) ?? []).map((entry) => nodeOf(entry, undefined))
}

/** The events that these follow from and that are not among them, by id: those of other conversations. */
export const missingCauses = (entries: ReadonlyArray<Entry>): ReadonlyArray<string> => {
  const known = new Set(entries.map(({ id }) => id))
  const wanted = entries.flatMap(({ causationId }) => (causationId === null ? [] : [causeOf(causationId)]))
  return [...new Set(wanted)].filter((id) => !known.has(id))
}
