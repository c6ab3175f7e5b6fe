/**
 * One batch as one statement: the parameters of the SQL function `append_after`, and the meaning of its answer.
 *
 * Each column of the batch is one parameter, an array in PostgreSQL's own notation. Parameters are sent as text and cast in
 * SQL, because the two drivers differ in how they encode anything else.
 */
import type { Append, NewEvent, Outcome, Receipt } from "@daybook/core/Journal"
import { serialise } from "@daybook/core/MemoryJournal"
import { storedMillisOf } from "./Instants.ts"
import type { OwnWrites } from "./OwnWrites.ts"
import { arrayOf, quoted } from "./RowSet.ts"

/** A batch that has been turned into text, each append with the appends' own ordinal. */
export interface Prepared {
  readonly ordinal: number
  readonly append: Append
  readonly events: ReadonlyArray<string>
  readonly state: string | null
}

/** What `append_after` answers. */
export interface Answer {
  /** The head of each partition before the batch, as the text of an array. */
  readonly bases: string
  /** The transaction that has written the rows of the batch's partitions. */
  readonly mark: string
  /** True when nothing is stored because others have written to one of the partitions. */
  readonly moved: boolean
  /** When there are any, nothing is stored. */
  readonly refused: ReadonlyArray<Refusal> | null
  /** When the batch's events were recorded; null when it has none. */
  readonly recordedAtMillis: number | null
}

/** What `append_after` says of a stream that it refused. */
export interface Refusal {
  readonly i: number
  readonly v: number
  readonly r: ReadonlyArray<{ readonly k: string; readonly v: number; readonly p: number }> | null
}

const encodeJson = (value: unknown): string => {
  const json = JSON.stringify(value)
  if (json === undefined) throw new TypeError(`${typeof value} is not a JSON value`)
  return json
}

/** The values of one column, which make the text of an array. */
class Column {
  #text = ""
  #nulls = 0

  /** A value that needs no quotes. */
  addRaw(value: string | number | boolean): void {
    this.#text = this.#text === "" ? `${"NULL,".repeat(this.#nulls)}${value}` : `${this.#text},${value}`
  }

  add(text: string | null): void {
    if (text !== null) this.addRaw(quoted(text))
    else if (this.#text === "") this.#nulls++
    else this.addRaw("NULL")
  }

  /** The array; null when it has no values, or none but null. */
  get param(): string | null {
    return this.#text === "" ? null : `{${this.#text}}`
  }
}

/** JSON texts one after the other. JSON escapes control characters, so that one of them can stand between two texts. */
class Documents {
  #text: string | null = null

  add(json: string): void {
    this.#text = this.#text === null ? json : `${this.#text}\u001f${json}`
  }

  get param(): string | null {
    return this.#text
  }
}

/** The columns of each kind of row, by type. Their order is that of the parameters of the SQL function. */
const types = {
  group: { stream: "text[]", version: "integer[]", eventless: "boolean[]" },
  event: {
    partition: "smallint[]",
    place: "integer[]",
    stream: "text[]",
    version: "integer[]",
    type: "text[]",
    schemaVersion: "smallint[]",
    eventId: "uuid[]",
    occurredAtMillis: "float8[]",
    isReceipt: "boolean[]",
    commandId: "text[]",
    correlationId: "text[]",
    causationId: "text[]",
    actor: "text[]",
    reason: "text[]",
    traceParent: "text[]",
    tenant: "text[]",
    data: "text"
  },
  state: { stream: "text[]", version: "integer[]", schemaVersion: "smallint[]", data: "text" },
  receipt: { stream: "text[]", commandId: "text[]" },
  bareReceipt: { stream: "text[]", commandId: "text[]", version: "integer[]" }
} as const

type Columns<Types> = { readonly [Name in keyof Types]: Name extends "data" ? Documents : Column }

const columnsOf = <Types extends object>(given: Types): Columns<Types> =>
  Object.fromEntries(
    Object.entries(given).map(([name]) => [name, name === "data" ? new Documents() : new Column()])
  ) as never

/** The rows of a batch. */
class Rows {
  readonly group = columnsOf(types.group)
  readonly event = columnsOf(types.event)
  readonly state = columnsOf(types.state)
  readonly receipt = columnsOf(types.receipt)
  readonly bareReceipt = columnsOf(types.bareReceipt)

  addEvent(append: Append, index: number, place: number, isReceipt: boolean, data: string): void {
    const row = this.event
    const event = append.events[index] as NewEvent
    row.partition.addRaw(append.partition)
    row.place.addRaw(place)
    row.stream.add(append.stream)
    row.version.addRaw(append.expectedVersion + index + 1)
    row.type.add(event.type)
    row.schemaVersion.addRaw(event.schemaVersion)
    row.eventId.addRaw(event.eventId)
    row.occurredAtMillis.addRaw(event.occurredAtMillis)
    row.isReceipt.add(isReceipt ? "t" : null)
    row.commandId.add(event.commandId)
    row.correlationId.add(event.correlationId)
    row.causationId.add(event.causationId)
    row.actor.add(event.actor)
    row.reason.add(event.reason)
    row.traceParent.add(event.traceParent)
    row.tenant.add(event.tenant)
    row.data.add(data)
  }

  /** A stream that is to be looked at. */
  addGroup({ append, events }: Prepared): void {
    this.group.stream.add(append.stream)
    this.group.version.addRaw(append.expectedVersion)
    this.group.eventless.addRaw(events.length === 0)
  }

  /** The parts of an append besides its events. */
  addRest({ append, state }: Prepared, carriers: ReadonlyArray<number>): void {
    if (state !== null) {
      this.state.stream.add(append.stream)
      this.state.version.addRaw(append.expectedVersion + append.events.length)
      this.state.schemaVersion.addRaw(append.state!.schemaVersion)
      this.state.data.add(state)
    }
    append.receipts.forEach(({ commandId, version }, i) => {
      this.receipt.stream.add(append.stream)
      this.receipt.commandId.add(commandId)
      if (carriers[i] !== -1) return
      this.bareReceipt.stream.add(append.stream)
      this.bareReceipt.commandId.add(commandId)
      this.bareReceipt.version.addRaw(version)
    })
  }

  get params(): ReadonlyArray<string | null> {
    const kinds = [this.group, this.event, this.state, this.receipt, this.bareReceipt]
    return kinds.flatMap((kind) => Object.values<Column | Documents>(kind).map(({ param }) => param))
  }
}

const partTypes = ["smallint[]", "integer[]", "xid[]"]

/** The call, whose answer is an `Answer`. */
export const statementText = (schema: string): string => {
  const all = [...partTypes, ...Object.values(types).flatMap((kind) => Object.values<string>(kind))]
  const params = all.map((type, index) => `$${index + 1}::text::${type}`)
  return `SELECT bases::text AS bases, mark::text AS mark, moved, refused, ${storedMillisOf("recorded_at")} AS "recordedAtMillis"
    FROM ${schema}.append_after(${params.join(", ")})`
}

/** The index of the event that carries a command's id, -1 when none does. */
const carrierOf = ({ append, events }: Prepared, receipt: Append["receipts"][number]): number => {
  const index = receipt.version - append.expectedVersion - 1
  return index < events.length && append.events[index]?.commandId === receipt.commandId ? index : -1
}

/**
 * The parameters of one call, and where each append's events begin among those of its partition (from 1). Streams that `own` knows
 * are not looked at, for as long as their partitions bear its marks.
 */
export const statementOf = (batch: ReadonlyArray<Prepared>, own: OwnWrites) => {
  const counts = new Map<number, number>()
  const rows = new Rows()
  const starts = batch.map((prepared) => {
    const { append, events } = prepared
    const carriers = append.receipts.map((receipt) => carrierOf(prepared, receipt))
    const before = counts.get(append.partition) ?? 0
    counts.set(append.partition, before + events.length)
    for (let i = 0; i < events.length; i++) {
      rows.addEvent(append, i, before + i + 1, carriers.includes(i), events[i]!)
    }
    if (!own.knows(append)) rows.addGroup(prepared)
    rows.addRest(prepared, carriers)
    return before + 1
  })
  const parts = [...counts.keys()].sort((a, b) => a - b)
  const marks = parts.map((part) => own.markOf(part))
  const lists = [parts, parts.map((part) => counts.get(part)!), marks.map((mark) => mark ?? "NULL")]
  const [ids, sizes, after] = lists.map(arrayOf)
  const params = [ids!, sizes!, marks.every((mark) => mark === null) ? null : after!, ...rows.params]
  return { starts, params, parts, marks }
}

const byStream = ({ append: { stream: a } }: Prepared, { append: { stream: b } }: Prepared): number =>
  a < b ? -1 : a > b ? 1 : 0

/**
 * Turns a batch into text. What cannot be is answered in `outcomes` at once. Where streams come with several events each, as in an import,
 * they go by name, as in their index: its pages were a tenth to a quarter emptier in any other order.
 */
export const prepare = (batch: ReadonlyArray<Append>, outcomes: Array<Outcome>): ReadonlyArray<Prepared> => {
  const prepared: Array<Prepared> = []
  batch.forEach((append, ordinal) => {
    const texts = serialise(append, encodeJson)
    if ("why" in texts) outcomes[ordinal] = { _tag: "Unserialisable", why: texts.why }
    else prepared.push({ ordinal, append, ...texts })
  })
  return prepared.some(({ events }) => events.length > 1) ? prepared.sort(byStream) : prepared
}

/** Why a stream's share of a batch was not stored. */
export const outcomeOfRefusal = (refusal: Refusal): Outcome =>
  refusal.r === null
    ? { _tag: "Conflict", actualVersion: refusal.v }
    : { _tag: "Duplicate", receipts: refusal.r.map((r): Receipt => ({ commandId: r.k, version: r.v, position: r.p })) }
