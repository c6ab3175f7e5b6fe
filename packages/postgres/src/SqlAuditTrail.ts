/**
 * The audit trail of one service on SQL: its events and its rejected commands, read in order from wherever a reader has got to.
 *
 * No index is kept for it, since every command would pay for that. A stream is found by the journal's own index; everything else is
 * read partition by partition in the order of positions, which is that of recording, and so from the position at which a time
 * begins. What is read in one statement has a bound.
 */
import { type Entry, type Filter, ofEvent, ofRejected } from "@daybook/core/AuditTrail"
import type { Stored } from "@daybook/core/Event"
import type { RejectedCommand } from "@daybook/core/RejectedCommands"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { instantOf } from "./Instants.ts"
import { checkSchemaName, hasTable } from "./Migrations.ts"
import { columns as eventColumns } from "./SqlJournal.ts"
import { columns as rejectedColumns } from "./SqlRejectedCommands.ts"

/** Oldest first, or newest first. */
export type Order = "ascending" | "descending"

/** An entry, and the place after which its source goes on. */
export interface Placed {
  readonly place: number
  readonly entry: Entry
}

/** What a source answers: entries that fit, and how far it has looked. */
export interface Look {
  readonly found: ReadonlyArray<Placed>
  /** Where to go on; `undefined` when there is nothing more. */
  readonly next: number | undefined
  /** Places looked at, whether they fit or not. */
  readonly looked: number
}

/** A part of the trail that is in order of time. */
export interface Source {
  /** How many places it has, at most. */
  readonly size: number
  /** Looks for entries after a place, or from the beginning; at most `limit`, and only so far as one statement may. */
  readonly look: (after: number | undefined, limit: number) => Effect.Effect<Look, SqlError>
}

/** The trail of one service. */
export interface AuditTrail {
  /** The sources of what fits, each in order. The same for the same filter and journal, so that a place in them can be kept. */
  readonly sources: (filter: Filter, order: Order) => Effect.Effect<ReadonlyArray<Source>, SqlError>
  /** What belongs to conversations, in no order; at most `limit`. A scan of the journal. */
  readonly conversations: (names: ReadonlyArray<string>, limit: number) => Effect.Effect<ReadonlyArray<Entry>, SqlError>
  /** The events of these ids. A scan of the journal. */
  readonly events: (ids: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<Entry>, SqlError>
  /** The first event of each of these streams that there is. */
  readonly beginnings: (streams: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<Entry>, SqlError>
}

/** Positions that one statement looks at. */
const window = 50_000

/** Recorded times follow the database's clock, which may be put back by so much without anything being missed. */
const clockMarginMillis = 3_600_000

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** Conditions of a WHERE, and the values in them. */
class Conditions {
  readonly params: Array<string> = []
  readonly #all: Array<string> = []

  /** A condition on a value, which it gets as an expression of type text. */
  add(value: string | undefined, condition: (param: string) => string): this {
    if (value === undefined) return this
    this.params.push(value)
    this.#all.push(condition(`$${this.params.length}::text`))
    return this
  }

  get text(): string {
    return this.#all.length === 0 ? "true" : this.#all.map((one) => `(${one})`).join(" AND ")
  }
}

/** In one of these conversations; see `conversationOf`. */
const inConversations = (names: ReadonlyArray<string>, id: string) => (param: string) => {
  const any = `(SELECT json_array_elements_text(${param}::json))`
  const itself = names.some((name) => uuid.test(name))
    ? `OR (command_id IS NULL AND ${id} IN (SELECT n::uuid FROM json_array_elements_text(${param}::json) n WHERE n ~* '${uuid.source}'))`
    : ""
  return `correlation_id IN ${any} OR (correlation_id IS NULL AND (command_id IN ${any} ${itself}))`
}

/** What events and rejected commands are held to alike. */
const conditionsOf = (filter: Filter, id: string): Conditions => {
  const { stream, aggregate, actor, correlation, fromMillis, toMillis, by = "recorded" } = filter
  const at = `${by}_at`
  const names = correlation === undefined ? [] : [correlation]
  return new Conditions()
    .add(stream, (param) => `stream = ${param}`)
    .add(aggregate === undefined ? undefined : `${aggregate}-`, (param) => `starts_with(stream, ${param})`)
    .add(actor, (param) => `actor = ${param}`)
    .add(correlation === undefined ? undefined : JSON.stringify(names), inConversations(names, id))
    .add(fromMillis?.toString(), (param) => `${at} >= ${instantOf(`${param}::float8`)}`)
    .add(toMillis?.toString(), (param) => `${at} < ${instantOf(`${param}::float8`)}`)
}

const eventConditions = (filter: Filter): Conditions =>
  conditionsOf(filter, "event_id").add(filter.type, (param) => `type = ${param}`)

class SqlTrail implements AuditTrail {
  readonly #sql: SqlClient
  readonly #service: string
  readonly #schema: string
  readonly #hasRejected: boolean

  constructor(sql: SqlClient, service: string, schema: string, hasRejected: boolean) {
    this.#sql = sql
    this.#service = service
    this.#schema = schema
    this.#hasRejected = hasRejected
  }

  readonly sources: AuditTrail["sources"] = (filter, order) =>
    Effect.gen({ self: this }, function* () {
      const rejected = this.#hasRejected && filter.outcome !== "accepted" ? [yield* this.#rejected(filter, order)] : []
      if (filter.outcome === "rejected") return rejected
      if (filter.stream !== undefined) return [this.#stream(filter, order), ...rejected]
      const heads = yield* this.#sql.unsafe<{ readonly id: number; readonly head: number }>(
        `SELECT id, head::float8 AS head FROM ${this.#schema}.partition ORDER BY id`
      )
      const partitions = yield* Effect.forEach(heads, ({ id, head }) => this.#partition(id, head, filter, order))
      return [...partitions, ...rejected]
    })

  #eventsOf(rows: ReadonlyArray<Stored>): ReadonlyArray<Entry> {
    return rows.map((row) => ofEvent(this.#service, row))
  }

  /** The events of one stream, by the journal's index. */
  #stream(filter: Filter, order: Order): Source {
    const { params, text } = eventConditions(filter)
    const rows = (after: number | undefined, limit: number) =>
      this.#sql.unsafe<Stored>(
        `SELECT ${eventColumns} FROM ${this.#schema}.event WHERE ${text} ${beyond("version", after, order)} LIMIT ${limit}`,
        params
      )
    return {
      size: 0,
      look: (after, limit) =>
        Effect.map(rows(after, limit), (found) => ({
          found: this.#eventsOf(found).map((entry) => ({ place: entry.version!, entry })),
          next: found.length < limit ? undefined : found.at(-1)!.version,
          looked: 0
        }))
    }
  }

  #rejected(filter: Filter, order: Order): Effect.Effect<Source, SqlError> {
    const { params, text } = conditionsOf(filter, "rejection_id").add(
      filter.type,
      (param) => `command = ${param} OR rejection = ${param}`
    )
    const table = `${this.#schema}.rejected_command`
    const rows = (after: number | undefined, limit: number) =>
      this.#sql.unsafe<RejectedCommand & { readonly place: number }>(
        `SELECT ${rejectedColumns}, number::float8 AS place FROM ${table}
         WHERE ${text} ${beyond("number", after, order)} LIMIT ${limit}`,
        params
      )
    const look: Source["look"] = (after, limit) =>
      Effect.map(rows(after, limit), (found) => ({
        found: found.map(({ place, ...row }) => ({ place, entry: ofRejected(this.#service, row) })),
        next: found.length < limit ? undefined : found.at(-1)!.place,
        looked: 0
      }))
    return Effect.succeed({ size: 0, look })
  }

  /** The events of one partition, window by window. */
  #partition(partition: number, head: number, filter: Filter, order: Order): Effect.Effect<Source, SqlError> {
    return Effect.gen({ self: this }, function* () {
      const isRecorded = (filter.by ?? "recorded") === "recorded"
      const bound = (millis: number | undefined, marginMillis: number) =>
        isRecorded && millis !== undefined
          ? this.#lastBefore(partition, head, millis + marginMillis)
          : Effect.succeed(undefined)
      const first = (yield* bound(filter.fromMillis, -clockMarginMillis)) ?? 0
      const last = (yield* bound(filter.toMillis, clockMarginMillis)) ?? head
      const { params, text } = eventConditions(filter)
      const rows = (from: number, to: number, limit: number) =>
        this.#sql.unsafe<Stored>(
          `SELECT ${eventColumns} FROM ${this.#schema}.event e
           WHERE partition = ${partition} AND position > ${from} AND position <= ${to} AND ${text}
           ORDER BY e.position ${order === "ascending" ? "ASC" : "DESC"} LIMIT ${limit}`,
          params
        )
      const look: Source["look"] = (after, limit) => {
        const from = order === "ascending" ? (after ?? first) : Math.max(first, (after ?? last + 1) - 1 - window)
        const to = order === "ascending" ? Math.min(last, from + window) : (after ?? last + 1) - 1
        return Effect.map(rows(from, to, limit), (found) => {
          const at = found.length < limit ? (order === "ascending" ? to : from + 1) : found.at(-1)!.position
          return {
            found: this.#eventsOf(found).map((entry) => ({ place: entry.position!, entry })),
            next: order === "ascending" ? (at < last ? at : undefined) : at > first + 1 ? at : undefined,
            looked: Math.max(0, order === "ascending" ? at - from : to - at + 1)
          }
        })
      }
      return { size: Math.max(0, last - first), look }
    })
  }

  /** The last position before a time was reached, found by halving: positions are in the order of recording. */
  #lastBefore(partition: number, head: number, millis: number): Effect.Effect<number, SqlError> {
    return Effect.gen({ self: this }, function* () {
      let low = 0
      let high = head
      while (low < high) {
        const middle = Math.floor((low + high) / 2)
        // Positions may be missing, where they have been archived.
        const [next] = yield* this.#sql.unsafe<{ readonly position: number; readonly isBefore: boolean }>(
          `SELECT position::float8 AS position, recorded_at < ${instantOf("$1::text::float8")} AS "isBefore"
           FROM ${this.#schema}.event e WHERE partition = ${partition} AND position > ${middle} AND position <= ${high}
           ORDER BY e.position LIMIT 1`,
          [String(millis)]
        )
        if (next?.isBefore === true) low = next.position
        else high = middle
      }
      return low
    })
  }

  readonly conversations: AuditTrail["conversations"] = (names, limit) =>
    Effect.gen({ self: this }, function* () {
      const where = (id: string) => new Conditions().add(JSON.stringify(names), inConversations(names, id))
      const ofEvents = where("event_id")
      const events = yield* this.#sql.unsafe<Stored>(
        `SELECT ${eventColumns} FROM ${this.#schema}.event WHERE ${ofEvents.text} LIMIT ${limit}`,
        ofEvents.params
      )
      if (!this.#hasRejected) return this.#eventsOf(events)
      const ofRejections = where("rejection_id")
      const rejected = yield* this.#sql.unsafe<RejectedCommand>(
        `SELECT ${rejectedColumns} FROM ${this.#schema}.rejected_command WHERE ${ofRejections.text} LIMIT ${limit}`,
        ofRejections.params
      )
      return [...this.#eventsOf(events), ...rejected.map((row) => ofRejected(this.#service, row))]
    })

  readonly events: AuditTrail["events"] = (ids) => {
    const wanted = ids.filter((id) => uuid.test(id))
    if (wanted.length === 0) return Effect.succeed([])
    return Effect.map(
      this.#sql.unsafe<Stored>(
        `SELECT ${eventColumns} FROM ${this.#schema}.event
         WHERE event_id IN (SELECT n::uuid FROM json_array_elements_text($1::text::json) n)`,
        [JSON.stringify(wanted)]
      ),
      (rows) => this.#eventsOf(rows)
    )
  }

  readonly beginnings: AuditTrail["beginnings"] = (streams) =>
    streams.length === 0
      ? Effect.succeed([])
      : Effect.map(
          this.#sql.unsafe<Stored>(
            `SELECT ${eventColumns} FROM ${this.#schema}.event
             WHERE version = 1 AND stream IN (SELECT json_array_elements_text($1::text::json))`,
            [JSON.stringify(streams)]
          ),
          (rows) => this.#eventsOf(rows)
        )
}

/** The end of a statement that goes on after a place, in that order. */
const beyond = (column: string, after: number | undefined, order: Order): string =>
  order === "ascending"
    ? `${after === undefined ? "" : `AND ${column} > ${after}`} ORDER BY ${column} ASC`
    : `${after === undefined ? "" : `AND ${column} < ${after}`} ORDER BY ${column} DESC`

/** The trail of a service in the database in context; `undefined` where the service has no journal there. */
export const open = (service: string, schemaName: string): Effect.Effect<AuditTrail | undefined, SqlError, SqlClient> =>
  Effect.gen(function* () {
    const schema = checkSchemaName(schemaName)
    if (!(yield* hasTable(schema, "event"))) return undefined
    return new SqlTrail(yield* SqlClient, service, schema, yield* hasTable(schema, "rejected_command"))
  })
