/**
 * One batch as one statement: the parameters of the SQL function `append`, and the meaning of its answer.
 *
 * The whole batch goes as JSON: measured beside arrays with one element a column, it costs the same and can grow. Parameters
 * are sent as text and cast in SQL, because the two drivers differ in how they encode anything else.
 */
import type { Append, NewEvent, Outcome, Receipt } from "@daybook/core/Journal"
import { serialise } from "@daybook/core/MemoryJournal"

/** A batch that has been turned into text, each append with the appends' own ordinal. */
export interface Prepared {
  readonly ordinal: number
  readonly append: Append
  readonly events: ReadonlyArray<string>
  readonly state: string | null
}

/** What `append` says of a stream that it refused. */
export interface Refusal {
  readonly i: number
  readonly v: number
  readonly r: ReadonlyArray<{ readonly k: string; readonly v: number; readonly p: number }> | null
}

/** NUL and lone surrogates are escapes that PostgreSQL's reader of nested JSON refuses. The first test is the quick one. */
const isAwkward = (json: string): boolean =>
  json === "null" || (json.includes("\\u") && /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/i.test(json))

const encodeJson = (value: unknown): string => {
  const json = JSON.stringify(value)
  if (json === undefined) throw new TypeError(`${typeof value} is not a JSON value`)
  return json
}

/** Data as a field of a larger JSON text: as it is, or, where that cannot be, as text. */
const dataField = (json: string): string => (isAwkward(json) ? `,"f":${JSON.stringify(json)}` : `,"d":${json}`)

const textField = (name: string, value: string | null): string =>
  value === null ? "" : `,"${name}":${JSON.stringify(value)}`

const eventJson = (prepared: Prepared, index: number, place: number, isReceipt: boolean): string => {
  const { append } = prepared
  const event = append.events[index] as NewEvent
  const version = append.expectedVersion + index + 1
  return (
    `{"p":${append.partition},"o":${place},"s":${JSON.stringify(append.stream)},"v":${version},"t":${JSON.stringify(event.type)}` +
    `,"z":${event.schemaVersion},"e":"${event.eventId}","a":${event.occurredAtMillis}${isReceipt ? ',"q":true' : ""}` +
    textField("k", event.commandId) +
    textField("c", event.correlationId) +
    textField("u", event.causationId) +
    textField("w", event.actor) +
    textField("y", event.reason) +
    textField("x", event.traceParent) +
    textField("m", event.tenant) +
    dataField(prepared.events[index]!) +
    "}"
  )
}

const groupJson = ({ append, events }: Prepared, index: number): string => {
  const ids = append.receipts.length === 0 ? "" : `,"k":${JSON.stringify(append.receipts.map((r) => r.commandId))}`
  const eventless = events.length === 0 ? ',"x":true' : ""
  return `{"i":${index},"s":${JSON.stringify(append.stream)},"v":${append.expectedVersion}${ids}${eventless}}`
}

const stateJson = (append: Append, state: string): string =>
  `{"s":${JSON.stringify(append.stream)},"n":${append.expectedVersion + append.events.length}` +
  `,"z":${append.state!.schemaVersion}${dataField(state)}}`

/** The index of the event that carries a command's id, -1 when none does. */
const carrierOf = ({ append, events }: Prepared, receipt: Append["receipts"][number]): number => {
  const index = receipt.version - append.expectedVersion - 1
  return index < events.length && append.events[index]?.commandId === receipt.commandId ? index : -1
}

const listOrNull = (items: ReadonlyArray<string>): string | null => (items.length === 0 ? null : `[${items.join(",")}]`)

/** The parameters of one call, and where each append's events begin among those of its partition (from 1). */
export const statementOf = (batch: ReadonlyArray<Prepared>) => {
  const counts = new Map<number, number>()
  const starts: Array<number> = []
  const groups: Array<string> = []
  const events: Array<string> = []
  const states: Array<string> = []
  const receipts: Array<string> = []
  const bare: Array<string> = []
  batch.forEach((prepared, index) => {
    const { append } = prepared
    const carriers = new Set<number>()
    for (const receipt of append.receipts) {
      const carrier = carrierOf(prepared, receipt)
      carriers.add(carrier)
      const command = { s: append.stream, k: receipt.commandId }
      receipts.push(JSON.stringify({ ...command, b: carrier === -1 }))
      if (carrier === -1) bare.push(JSON.stringify({ ...command, v: receipt.version }))
    }
    let place = counts.get(append.partition) ?? 0
    starts.push(place + 1)
    groups.push(groupJson(prepared, index))
    for (let i = 0; i < prepared.events.length; i++) events.push(eventJson(prepared, i, ++place, carriers.has(i)))
    if (prepared.state !== null) states.push(stateJson(append, prepared.state))
    counts.set(append.partition, place)
  })
  const parts = [...counts.keys()].sort((a, b) => a - b)
  const params = [
    `{${parts.join(",")}}`,
    `{${parts.map((part) => counts.get(part)).join(",")}}`,
    `[${groups.join(",")}]`,
    `[${events.join(",")}]`,
    listOrNull(states),
    listOrNull(receipts),
    listOrNull(bare)
  ]
  return { starts, params }
}

/** Turns a batch into text. What cannot be is answered in `outcomes` at once. */
export const prepare = (batch: ReadonlyArray<Append>, outcomes: Array<Outcome>): ReadonlyArray<Prepared> => {
  const prepared: Array<Prepared> = []
  batch.forEach((append, ordinal) => {
    const texts = serialise(append, encodeJson)
    if ("why" in texts) outcomes[ordinal] = { _tag: "Unserialisable", why: texts.why }
    else prepared.push({ ordinal, append, ...texts })
  })
  return prepared
}

/** Why a stream's share of a batch was not stored. */
export const outcomeOfRefusal = (refusal: Refusal): Outcome =>
  refusal.r === null
    ? { _tag: "Conflict", actualVersion: refusal.v }
    : { _tag: "Duplicate", receipts: refusal.r.map((r): Receipt => ({ commandId: r.k, version: r.v, position: r.p })) }
