/**
 * Finds what concerns a person in the services' databases: by the customer's id and by sealed data in events and states, then by the ids
 * of the carts, checkouts and orders that these are of, unless they are somebody else's. Used by `daybook subject export`, and by
 * `erase` to find out whether anything is known of the person at all.
 */
import * as Partition from "@daybook/core/Partition"
import { prefixOf } from "@daybook/core/PersonalToken"
import { archived } from "@daybook/postgres/ArchiveRestore"
import { hasTable } from "@daybook/postgres/Migrations"
import type { RawEvent } from "@daybook/postgres/RawEvents"
import { PrivacyEvents } from "@daybook/services/privacy/Contract"
import * as ArchivePlace from "@daybook/shop/ArchivePlace"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { SqlClient } from "effect/sql/SqlClient"
import * as Progress from "./Progress.ts"
import { aggregates } from "./ServiceAggregates.ts"
import type { Place } from "./SubjectStores.ts"
import { namesAnother, parsed } from "./SubjectView.ts"

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
  readonly service: Place["service"]
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

/** Events, archived ones too, and stored states that name the person: of a cart, a snapshot is what is left after a week. */
const mentions = (place: Place, subject: string) =>
  Effect.gen(function* () {
    const { service, schema, write } = place
    const found = yield* write.unsafe<Omit<Mention, "service">>(
      `SELECT stream, data FROM ${schema}.event WHERE ${names("data")}
       UNION ALL SELECT stream, data FROM ${schema}.state WHERE ${names("data")}
       UNION ALL SELECT stream, data FROM ${schema}.snapshot WHERE ${names("data")}`,
      needles(subject)
    )
    const naming = needles(subject)
    const gone = yield* archivedEvents(place, ({ data }) => naming.some((needle) => data.includes(needle)))
    const all = [...found, ...gone.map(({ stream, data }) => ({ stream, data: JSON.parse(data) as unknown }))]
    return all.map(({ stream, data }): Mention => ({ service, stream, data }))
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

/** Ids of what is the person's. A checkout has its order, its payment and its reservation under its own id. */
interface Ids {
  readonly carts: ReadonlySet<string>
  readonly checkouts: ReadonlySet<string>
}

const kinds = ["carts", "checkouts"] as const

/** The fields that name something that may be the person's too. */
const links: Readonly<Record<string, keyof Ids>> = {
  cartId: "carts",
  checkoutId: "checkouts",
  orderId: "checkouts",
  reservationId: "checkouts"
}

const linked = (value: unknown): ReadonlyArray<readonly [keyof Ids, string]> => {
  if (typeof value !== "object" || value === null) return []
  return Object.entries(value).flatMap(([key, item]) => {
    const kind = Object.hasOwn(links, key) ? links[key] : undefined
    return typeof item === "string" && kind !== undefined ? [[kind, item] as const] : linked(item)
  })
}

/** What a service's aggregates are known by; the subjects have ids of their own. */
const kindOf = (service: Place["service"]): keyof Ids | undefined => {
  if (service === "privacy") return undefined
  return service === "cart" ? "carts" : "checkouts"
}

/** The ids of what names the person, and of what that names. */
const idsOf = (subject: string, found: ReadonlyArray<Mention>): Ids => {
  const own = found.flatMap(({ service, stream, data }) => {
    const kind = kindOf(service)
    return [...(kind === undefined ? [] : [[kind, Partition.idOf(stream)] as const]), ...linked(data)]
  })
  const guest = subject.startsWith("guest:") ? [["checkouts", subject.slice("guest:".length)] as const] : []
  const [carts, checkouts] = kinds.map(
    (kind) => new Set([...guest, ...own].flatMap(([of, id]) => (of === kind ? [id] : [])))
  )
  return { carts: carts!, checkouts: checkouts! }
}

/** The ids by which a service knows what is the person's. */
const idsIn = (service: Place["service"], subject: string, ids: Ids): ReadonlyArray<string> => {
  const kind = kindOf(service)
  return kind === undefined ? [subject] : [...ids[kind]]
}

const rows = (client: SqlClient, text: string, params: ReadonlyArray<string>) =>
  Effect.map(client.unsafe<{ readonly row: Row }>(text, params), (found) => found.map(({ row }) => row))

const asRows = (from: string): string => `SELECT json_strip_nulls(row_to_json(t)) AS row FROM ${from}`

const within = (column: string, parameter: number): string =>
  `${column} IN (SELECT json_array_elements_text($${parameter}::text::json))`

/** What a service's journal has of the aggregates of some ids. */
interface Journaled {
  readonly place: Place
  readonly events: ReadonlyArray<Row>
  readonly states: ReadonlyArray<Row>
  readonly snapshots: ReadonlyArray<Row>
  readonly rejectedCommands: ReadonlyArray<Row>
}

const journaled = (place: Place, ids: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const { service, schema, write } = place
    const streams = aggregates[service].flatMap(({ name }) => ids.map((id) => Partition.streamOf(name, id)))
    const ofStreams = (table: string, order: string) =>
      rows(write, asRows(`${schema}.${table} t WHERE ${within("stream", 1)} ORDER BY ${order}`), [
        JSON.stringify(streams)
      ])
    const hasRejected = yield* Effect.provideService(hasTable(schema, "rejected_command"), SqlClient, write)
    const own = new Set(streams)
    const gone = yield* archivedEvents(place, ({ stream }) => own.has(stream))
    const found: Journaled = {
      place,
      events: [...gone.map(rowOf), ...(yield* ofStreams("event", "stream, version"))].sort(inOrder),
      states: yield* ofStreams("state", "stream"),
      snapshots: yield* ofStreams("snapshot", "stream, version"),
      rejectedCommands: hasRejected ? yield* ofStreams("rejected_command", "number") : []
    }
    return found
  })

const nameOf = (service: Place["service"], stream: unknown): string => `${service} ${stream}`

/**
 * The ids without those of somebody else's carts and orders: what names somebody else and not the person. A checkout that was refused
 * because it mixed two people up leads from one to what is the other's.
 */
const withoutAnothers = (subject: string, ids: Ids, named: ReadonlySet<string>, all: ReadonlyArray<Journaled>): Ids => {
  const left = { carts: new Set(ids.carts), checkouts: new Set(ids.checkouts) }
  for (const { place, events, states, snapshots } of all) {
    const kind = kindOf(place.service)
    for (const { stream, data } of [...events, ...states, ...snapshots]) {
      if (kind === undefined || named.has(nameOf(place.service, stream)) || !namesAnother(data, subject)) continue
      left[kind].delete(Partition.idOf(String(stream)))
    }
  }
  return left
}

/** Columns of read models that say what a row is about. */
const idColumns: Readonly<Record<keyof Ids, ReadonlyArray<string>>> = {
  carts: ["cart_id"],
  checkouts: ["checkout_id", "order_id", "payment_id", "reservation_id", "saga_id"]
}

/** Tables of the platform's own; what they have is told on its own, or is of nobody. */
const platform = [
  ...["event", "receipt", "state", "snapshot", "partition", "rejected_command", "migration", "inbox", "held_message"],
  ...["projection", "projection_offset", "projection_parked", "subject_key", "master_key"]
]

/** Rows that are the person's, and rows of what is the person's that say of nobody whose they are. */
const readModels = ({ service, schema, read }: Place, subject: string, ids: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const kind = kindOf(service)
    if (kind === undefined) return {}
    const columns = yield* read.unsafe<{ readonly table: string; readonly column: string }>(
      `SELECT table_name AS "table", column_name AS "column" FROM information_schema.columns
       WHERE table_schema = $1::text AND data_type = 'text' AND ${within("column_name", 2)} AND NOT ${within("table_name", 3)}
       ORDER BY 1, 2`,
      [schema, JSON.stringify(["customer_id", ...idColumns[kind]]), JSON.stringify(platform)]
    )
    const found: Record<string, ReadonlyArray<Row>> = {}
    for (const [table, all] of Map.groupBy(columns, (one) => one.table)) {
      const names = all.flatMap(({ column }) => (column === "customer_id" ? [] : [within(`t.${column}`, 2)]))
      const byId = names.length === 0 ? "false" : `(${names.join(" OR ")})`
      const hasCustomer = names.length < all.length
      const where = hasCustomer ? `t.customer_id = $1::text OR (t.customer_id IS NULL AND ${byId})` : byId
      // Never null: they are named so that each is given a type, whichever columns a table has.
      const condition = `(${where}) OR $1::text IS NULL OR $2::text IS NULL`
      const of = yield* rows(read, asRows(`${schema}.${table} t WHERE ${condition}`), [subject, JSON.stringify(ids)])
      if (of.length > 0) found[table] = of
    }
    return found
  })

/** Messages that name the person, or are for what is the person's. */
const setAside = ({ schema, read }: Place, subject: string, ids: ReadonlyArray<string>) =>
  rows(
    read,
    asRows(
      `${schema}.held_message t WHERE ${names("body")} OR ${within("key", 3)} OR (topic = $4::text AND key = $5::text)
       ORDER BY number`
    ),
    [...needles(subject), JSON.stringify(ids), PrivacyEvents.topic, subject]
  )

/** The row with what it has as text in a column made readable. */
const readable =
  (column: string, subject: string) =>
  (row: Row): Row => ({
    ...row,
    [column]: parsed(String(row[column]), subject)
  })

/** What a service has that concerns a person: of what names them, and of what is theirs. */
const concerning = (found: Journaled, subject: string, ids: Ids, named: ReadonlySet<string>) =>
  Effect.gen(function* () {
    const { place } = found
    const own = idsIn(place.service, subject, ids)
    const all = new Set(own)
    const isOwn = ({ stream }: Row): boolean =>
      all.has(Partition.idOf(String(stream))) || named.has(nameOf(place.service, stream))
    const concerning: Concerning = {
      events: found.events.filter(isOwn),
      states: found.states.filter(isOwn),
      snapshots: found.snapshots.filter(isOwn),
      rejectedCommands: found.rejectedCommands.filter(isOwn).map(readable("data", subject)),
      readModels: yield* readModels(place, subject, own),
      setAside: (yield* setAside(place, subject, own)).map(readable("body", subject))
    }
    return concerning
  })

/** What all services have that concerns a person. Tokens are as they are, and what of it is somebody else's is in it yet. */
export const search = Effect.fnUntraced(function* (subject: string, places: ReadonlyArray<Place>) {
  const progress = yield* Progress.make(Progress.ofProcess())
  progress.begin("Searching", { total: places.length * 3, unit: "journals and databases" })
  const ticking = <A, E, R>(work: Effect.Effect<A, E, R>) =>
    Effect.tap(work, () =>
      Effect.sync(() => {
        progress.done++
      })
    )
  const found = (yield* Effect.forEach(places, (place) => ticking(mentions(place, subject)))).flat()
  const named = new Set(found.map(({ service, stream }) => nameOf(service, stream)))
  const followed = idsOf(subject, found)
  const all = yield* Effect.forEach(places, (place) =>
    ticking(journaled(place, idsIn(place.service, subject, followed)))
  )
  const ids = withoutAnothers(subject, followed, named, all)
  const services: Record<string, Concerning> = {}
  for (const one of all) services[one.place.service] = yield* ticking(concerning(one, subject, ids, named))
  progress.end()
  return services
}, Effect.scoped)

/** Whether anything was found. */
export const isSomething = (services: Readonly<Record<string, Concerning>>): boolean =>
  Object.values(services).some((found) =>
    Object.values(found).some((of: object) => (Array.isArray(of) ? of : Object.keys(of)).length > 0)
  )
