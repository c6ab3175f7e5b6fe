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

/** A column of a kind of row: its SQL type, and the parameter that some rows make of it, which is null when it has no values, or none but null. */
interface Column<Row> {
  readonly type: string
  readonly paramOf: (rows: ReadonlyArray<Row>) => string | null
}

/** Values that need no quotes. */
const raw = <Row>(type: string, pick: (row: Row) => string | number | boolean): Column<Row> => ({
  type,
  paramOf: (rows) => {
    let values = ""
    for (const row of rows) values = values === "" ? `${pick(row)}` : `${values},${pick(row)}`
    return values === "" ? null : `{${values}}`
  }
})

const text = <Row>(pick: (row: Row) => string | null, type = "text[]"): Column<Row> => ({
  type,
  paramOf: (rows) => {
    let values = ""
    let nulls = 0
    for (const row of rows) {
      const value = pick(row)
      if (value === null && values === "") nulls++
      else if (values === "") values = `${"NULL,".repeat(nulls)}${quoted(value!)}`
      else values = `${values},${value === null ? "NULL" : quoted(value)}`
    }
    return values === "" ? null : `{${values}}`
  }
})

/** JSON texts one after the other. JSON escapes control characters, so that one of them can stand between two texts. */
const json = <Row>(pick: (row: Row) => string): Column<Row> => ({
  type: "text",
  paramOf: (rows) => {
    let values: string | null = null
    for (const row of rows) values = values === null ? pick(row) : `${values}\u001f${pick(row)}`
    return values
  }
})

/** An event of a batch. */
interface EventRow {
  readonly append: Append
  readonly event: NewEvent
  readonly version: number
  /** Among those of its partition, from 1. */
  readonly place: number
  readonly isReceipt: boolean
  readonly data: string
}

/** A command of a batch that is to be remembered. */
interface ReceiptRow {
  readonly append: Append
  readonly receipt: Append["receipts"][number]
}

type StateRow = Prepared & { readonly state: string }

const streamOf = ({ append }: { readonly append: Append }): string => append.stream

/** The rows of a batch. */
class Rows {
  /** Streams that are to be looked at. */
  readonly groups: Array<Prepared> = []
  readonly events: Array<EventRow> = []
  readonly states: Array<StateRow> = []
  readonly receipts: Array<ReceiptRow> = []
  /** Those whose command's id no event carries. */
  readonly bareReceipts: Array<ReceiptRow> = []
}

/** The columns of each kind of row. Their order is that of the parameters of the SQL function. */
const columns: { readonly [Kind in keyof Rows]: ReadonlyArray<Column<Rows[Kind][number]>> } = {
  groups: [
    text(streamOf),
    raw("integer[]", ({ append }) => append.expectedVersion),
    raw("boolean[]", ({ events }) => events.length === 0)
  ],
  events: [
    raw("smallint[]", ({ append }) => append.partition),
    raw("integer[]", ({ place }) => place),
    text(streamOf),
    raw("integer[]", ({ version }) => version),
    text(({ event }) => event.type),
    raw("smallint[]", ({ event }) => event.schemaVersion),
    raw("uuid[]", ({ event }) => event.eventId),
    raw("float8[]", ({ event }) => event.occurredAtMillis),
    text(({ isReceipt }) => (isReceipt ? "t" : null), "boolean[]"),
    text(({ event }) => event.commandId),
    text(({ event }) => event.correlationId),
    text(({ event }) => event.causationId),
    text(({ event }) => event.actor),
    text(({ event }) => event.reason),
    text(({ event }) => event.traceParent),
    text(({ event }) => event.tenant),
    json(({ data }) => data)
  ],
  states: [
    text(streamOf),
    raw("integer[]", ({ append }) => append.expectedVersion + append.events.length),
    raw("smallint[]", ({ append }) => append.state!.schemaVersion),
    json(({ state }) => state)
  ],
  receipts: [text(streamOf), text(({ receipt }) => receipt.commandId)],
  bareReceipts: [
    text(streamOf),
    text(({ receipt }) => receipt.commandId),
    raw("integer[]", ({ receipt }) => receipt.version)
  ]
}

const kinds = ["groups", "events", "states", "receipts", "bareReceipts"] as const

const paramsOf = (rows: Rows): ReadonlyArray<string | null> => {
  const params: Array<string | null> = []
  for (const kind of kinds) {
    const of: ReadonlyArray<any> = rows[kind]
    for (const { paramOf } of columns[kind]) params.push(of.length === 0 ? null : paramOf(of))
  }
  return params
}

const partTypes = ["smallint[]", "integer[]", "xid[]"]

/** The call, whose answer is an `Answer`. */
export const statementText = (schema: string): string => {
  const all = [...partTypes, ...kinds.flatMap((kind) => columns[kind].map(({ type }) => type))]
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
    const { append, events, state } = prepared
    const { partition, receipts, expectedVersion } = append
    const carriers = receipts.map((receipt) => carrierOf(prepared, receipt))
    const before = counts.get(partition) ?? 0
    counts.set(partition, before + events.length)
    for (let i = 0; i < events.length; i++) {
      const [version, place] = [expectedVersion + i + 1, before + i + 1]
      const isReceipt = carriers.includes(i)
      rows.events.push({ append, event: append.events[i]!, version, place, isReceipt, data: events[i]! })
    }
    if (!own.knows(append)) rows.groups.push(prepared)
    if (state !== null) rows.states.push({ ...prepared, state })
    receipts.forEach((receipt, i) => {
      rows.receipts.push({ append, receipt })
      if (carriers[i] === -1) rows.bareReceipts.push({ append, receipt })
    })
    return before + 1
  })
  const parts = [...counts.keys()].sort((a, b) => a - b)
  const marks = parts.map((part) => own.markOf(part))
  const lists = [parts, parts.map((part) => counts.get(part)!), marks.map((mark) => mark ?? "NULL")]
  const [ids, sizes, after] = lists.map(arrayOf)
  const params = [ids!, sizes!, marks.every((mark) => mark === null) ? null : after!, ...paramsOf(rows)]
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
