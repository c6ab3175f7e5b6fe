/**
 * Finds what concerns a person in a service's database: by the customer's id and by sealed data in events and states, then by the ids
 * of the carts, checkouts and orders that these are of. Used by `daybook subject export`.
 */
import * as Partition from "@daybook/core/Partition"
import { prefixOf } from "@daybook/core/PersonalToken"
import { archived } from "@daybook/postgres/ArchiveRestore"
import { hasTable } from "@daybook/postgres/Migrations"
import type { RawEvent } from "@daybook/postgres/RawEvents"
import * as ArchivePlace from "@daybook/shop/ArchivePlace"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { SqlClient } from "effect/sql/SqlClient"
import { aggregates } from "./ServiceAggregates.ts"
import type { Place } from "./SubjectStores.ts"

type Row = Readonly<Record<string, unknown>>

/** What a service has that concerns a person. Rows are as they are in the tables; columns without a value are left out. */
export interface Concerning {
  readonly events: ReadonlyArray<Row>
  readonly states: ReadonlyArray<Row>
  readonly snapshots: ReadonlyArray<Row>
  readonly rejectedCommands: ReadonlyArray<Row>
  readonly readModels: Readonly<Record<string, ReadonlyArray<Row>>>
  readonly setAside: ReadonlyArray<Row>
}

/** Something that names the person: the aggregate that it is of, and what it says. */
interface Mention {
  readonly stream: string
  readonly data: unknown
}

/** The texts by which events and messages name a person: as whose they are, and as whose sealed data they hold. */
const needles = (subject: string): readonly [string, string] => [
  `"customerId":${JSON.stringify(subject)}`,
  prefixOf(subject)
]

const names = (column: string): string =>
  `(strpos(${column}::text, $1::text) > 0 OR strpos(${column}::text, $2::text) > 0)`

/** The archived events that are looked for. Every file is read for it. */
const archivedEvents = ({ schema, write }: Place, wanted: (event: RawEvent) => boolean) =>
  Stream.runFold(
    archived(schema),
    () => [] as Array<RawEvent>,
    (found, events) => [...found, ...events.filter(wanted)]
  ).pipe(Effect.provideService(SqlClient, write), Effect.provide(ArchivePlace.layer))

/** Events, archived ones too, and stored states that name the person. */
export const mentions = (place: Place, subject: string) =>
  Effect.gen(function* () {
    const { schema, write } = place
    const found = yield* write.unsafe<Mention>(
      `SELECT stream, data FROM ${schema}.event WHERE ${names("data")}
       UNION ALL SELECT stream, data FROM ${schema}.state WHERE ${names("data")}`,
      needles(subject)
    )
    const naming = needles(subject)
    const gone = yield* archivedEvents(place, ({ data }) => naming.some((needle) => data.includes(needle)))
    return [...found, ...gone.map(({ stream, data }): Mention => ({ stream, data: JSON.parse(data) }))]
  })

const isoOf = (micros: string): string => new Date(Number(micros) / 1_000).toISOString()

/** By stream and version. */
const inOrder = (a: Row, b: Row): number => {
  const [one, other] = [String(a.stream), String(b.stream)]
  return one === other ? Number(a.version) - Number(b.version) : one < other ? -1 : 1
}

/** An archived event as the table would have it. */
const rowOf = (event: RawEvent): Row => {
  const row = {
    position: event.position,
    occurred_at: isoOf(event.occurredAtMicros),
    recorded_at: isoOf(event.recordedAtMicros),
    event_id: event.eventId,
    version: event.version,
    partition: event.partition,
    schema_version: event.schemaVersion,
    is_receipt: event.isReceipt,
    stream: event.stream,
    type: event.type,
    command_id: event.commandId,
    correlation_id: event.correlationId,
    causation_id: event.causationId,
    actor: event.actor,
    reason: event.reason,
    trace_parent: event.traceParent,
    tenant: event.tenant,
    data: JSON.parse(event.data)
  }
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null))
}

/** The fields that name something that is the person's too. */
const links = new Set(["cartId", "checkoutId", "orderId", "reservationId"])

const linked = (value: unknown): ReadonlyArray<string> => {
  if (typeof value !== "object" || value === null) return []
  return Object.entries(value).flatMap(([key, item]) =>
    typeof item === "string" && links.has(key) ? [item] : linked(item)
  )
}

/** The ids of everything that is the person's. A guest's checkout has its order, its payment and its reservation under one id. */
export const idsOf = (subject: string, found: ReadonlyArray<Mention>): ReadonlyArray<string> => {
  const own = found.flatMap(({ stream, data }) => [Partition.idOf(stream), ...linked(data)])
  const guest = subject.startsWith("guest:") ? [subject.slice("guest:".length)] : []
  return [...new Set([subject, ...guest, ...own])]
}

/** Columns of read models that say what a row is about. */
const idColumns = ["cart_id", "checkout_id", "order_id", "payment_id", "reservation_id", "saga_id"]

/** Tables of the platform's own; what they have is told on its own, or is of nobody. */
const platform = [
  ...["event", "receipt", "state", "snapshot", "partition", "rejected_command", "migration", "inbox", "held_message"],
  ...["projection", "projection_offset", "projection_parked", "subject_key", "master_key"]
]

const rows = (client: SqlClient, text: string, params: ReadonlyArray<string>) =>
  Effect.map(client.unsafe<{ readonly row: Row }>(text, params), (found) => found.map(({ row }) => row))

const asRows = (from: string): string => `SELECT json_strip_nulls(row_to_json(t)) AS row FROM ${from}`

const readModels = ({ schema, read }: Place, subject: string, ids: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const columns = yield* read.unsafe<{ readonly table: string; readonly column: string }>(
      `SELECT table_name AS "table", column_name AS "column" FROM information_schema.columns
       WHERE table_schema = $1::text AND data_type = 'text'
         AND column_name IN (SELECT json_array_elements_text($2::text::json))
         AND table_name NOT IN (SELECT json_array_elements_text($3::text::json)) ORDER BY 1, 2`,
      [schema, JSON.stringify(["customer_id", ...idColumns]), JSON.stringify(platform)]
    )
    const found: Record<string, ReadonlyArray<Row>> = {}
    for (const [table, all] of Map.groupBy(columns, (one) => one.table)) {
      const conditions = all.map(({ column }) =>
        column === "customer_id"
          ? `t.${column} = $1::text`
          : `t.${column} IN (SELECT json_array_elements_text($2::text::json))`
      )
      // Never null: they are named so that each is given a type, whichever columns a table has.
      const where = `${conditions.join(" OR ")} OR $1::text IS NULL OR $2::text IS NULL`
      const of = yield* rows(read, asRows(`${schema}.${table} t WHERE ${where}`), [subject, JSON.stringify(ids)])
      if (of.length > 0) found[table] = of
    }
    return found
  })

/** What a service has that concerns a person, by the ids of what is theirs. */
export const concerning = (place: Place, subject: string, ids: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const { service, schema, write, read } = place
    const streams = aggregates[service].flatMap(({ name }) => ids.map((id) => Partition.streamOf(name, id)))
    const ofStreams = (table: string, order: string) =>
      rows(
        write,
        asRows(
          `${schema}.${table} t WHERE stream IN (SELECT json_array_elements_text($1::text::json)) ORDER BY ${order}`
        ),
        [JSON.stringify(streams)]
      )
    const hasRejected = yield* Effect.provideService(hasTable(schema, "rejected_command"), SqlClient, write)
    const own = new Set(streams)
    const gone = yield* archivedEvents(place, ({ stream }) => own.has(stream))
    const concerning: Concerning = {
      events: [...gone.map(rowOf), ...(yield* ofStreams("event", "stream, version"))].sort(inOrder),
      states: yield* ofStreams("state", "stream"),
      snapshots: yield* ofStreams("snapshot", "stream, version"),
      rejectedCommands: hasRejected ? yield* ofStreams("rejected_command", "number") : [],
      readModels: yield* readModels(place, subject, ids),
      setAside: yield* rows(
        read,
        asRows(
          `${schema}.held_message t WHERE ${names("body")}
           OR key IN (SELECT json_array_elements_text($3::text::json)) ORDER BY number`
        ),
        [...needles(subject), JSON.stringify(ids)]
      )
    }
    return concerning
  })
