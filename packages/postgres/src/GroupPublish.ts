/**
 * Publishing to the broker's log, for many at once: whatever is published while a statement is under way, to whichever topics, is
 * the next statement. Used by `SqlBroker`.
 *
 * A participant answers each command by a message of its own, and a hundred of them at once; a transaction for each was a fifth of
 * what a checkout cost the server.
 */
import { runInBackground } from "@daybook/core/Background"
import type { NewLogEntry } from "@daybook/core/MessageLog"
import * as Partition from "@daybook/core/Partition"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { orNoAnswer } from "./AnswerLimit.ts"
import { isInTransaction } from "./InTransaction.ts"
import { arrayOf, quoted } from "./RowSet.ts"
import { isRefusedValue } from "./SqlFailure.ts"

/** What one publisher publishes. */
interface Publishing {
  readonly topic: string
  readonly entries: ReadonlyArray<NewLogEntry>
}

interface Waiting extends Publishing {
  readonly resume: (exit: Exit.Exit<void, SqlError>) => void
  /** To go without others, because together the database refused them. */
  readonly alone: boolean
}

/** Messages of one statement, but for a publisher who has more. Some hundred kilobytes. */
const maxMessages = 500

/** Messages of one topic and partition, in their order. */
interface Group {
  readonly topic: string
  readonly partition: number
  readonly entries: Array<NewLogEntry>
}

/** The newest position of a partition after a statement. */
interface Grown {
  readonly topic: string
  readonly partition: number
  readonly head: number
}

/** Told of entries that are stored for good, and of the position before them. */
type OnStored = (topic: string, partition: number, base: number, entries: ReadonlyArray<NewLogEntry>) => void

const nameOf = ({ topic, partition }: { readonly topic: string; readonly partition: number }): string =>
  `${partition} ${topic}`

const groupsOf = (publishings: ReadonlyArray<Publishing>, partitions: number): ReadonlyMap<string, Group> => {
  const groups = new Map<string, Group>()
  for (const { topic, entries } of publishings) {
    for (const entry of entries) {
      const place = { topic, partition: Partition.ofId(entry.key, partitions) }
      const group = groups.get(nameOf(place)) ?? { ...place, entries: [] }
      group.entries.push(entry)
      groups.set(nameOf(place), group)
    }
  }
  return groups
}

/** Bodies are CloudEvents, JSON without control characters, one of which can stand between two of them. */
const separator = "\u001f"

/** The parameters of `statement`. */
const paramsOf = (groups: ReadonlyArray<Group>): ReadonlyArray<string> => {
  const topics = groups.map(({ topic }) => quoted(topic))
  return [
    arrayOf(topics),
    arrayOf(groups.map(({ partition }) => partition)),
    arrayOf(groups.map(({ entries }) => entries.length)),
    arrayOf(groups.flatMap(({ entries }, i) => entries.map(() => topics[i]!))),
    arrayOf(groups.flatMap(({ partition, entries }) => entries.map(() => partition))),
    arrayOf(groups.flatMap(({ entries }) => entries.map((_, i) => i + 1))),
    arrayOf(groups.flatMap(({ entries }) => entries.map(({ id }) => quoted(id)))),
    groups.flatMap(({ entries }) => entries.map(({ text }) => text)).join(separator)
  ]
}

/**
 * $1–$3: topics and partitions, and how many messages go to each; they are locked in one order, so that two publishers cannot wait
 * for each other. $4–$8: of each message its topic, partition and place among those of the two, its id, and its body.
 */
const statement = (schema: string): string =>
  `WITH grown AS (
     INSERT INTO ${schema}.topic AS t (name, partition, head)
     SELECT g.topic, g.partition, g.count
     FROM unnest($1::text::text[], $2::text::smallint[], $3::text::bigint[]) AS g (topic, partition, count)
     ORDER BY g.topic COLLATE "C", g.partition
     ON CONFLICT (name, partition) DO UPDATE SET head = t.head + excluded.head
     RETURNING t.name, t.partition, t.head
   ), stored AS (
   INSERT INTO ${schema}.message (topic, partition, position, id, body)
   SELECT m.topic, m.partition, grown.head - g.count + m.place, m.id, m.body
   FROM unnest($4::text::text[], $5::text::smallint[], $6::text::bigint[], $7::text::text[],
               string_to_array($8::text, E'\\x1f')) AS m (topic, partition, place, id, body)
   JOIN unnest($1::text::text[], $2::text::smallint[], $3::text::bigint[]) AS g (topic, partition, count)
     ON g.topic = m.topic AND g.partition = m.partition
   JOIN grown ON grown.name = m.topic AND grown.partition = m.partition)
   SELECT name AS topic, partition, head::float8 AS head FROM grown`

/** Publishes to the log in a schema. */
export class GroupPublish {
  readonly #sql: SqlClient
  readonly #text: string
  readonly #partitions: number
  readonly #limitMillis: number
  readonly #onStored: OnStored
  #queue: Array<Waiting> = []
  #busy = false

  constructor(
    sql: SqlClient,
    options: { schema: string; partitions: number; limitMillis: number; onStored: OnStored }
  ) {
    this.#sql = sql
    this.#text = statement(options.schema)
    this.#partitions = options.partitions
    this.#limitMillis = options.limitMillis
    this.#onStored = options.onStored
  }

  /** Publishes entries, in the transaction of whoever does so, if there is one; otherwise together with others. */
  readonly publish = (topic: string, entries: ReadonlyArray<NewLogEntry>): Effect.Effect<void, SqlError> =>
    Effect.flatMap(isInTransaction(this.#sql), (inTransaction) =>
      inTransaction
        ? this.#run([{ topic, entries }])
        : Effect.callback<void, SqlError>((resume) => this.#enqueue([{ topic, entries, resume, alone: false }]))
    )

  #run(publishings: ReadonlyArray<Publishing>): Effect.Effect<void, SqlError> {
    const groups = groupsOf(publishings, this.#partitions)
    return Effect.flatMap(this.#sql.unsafe<Grown>(this.#text, paramsOf([...groups.values()])), (grown) =>
      // At once, or when the transaction that this is part of has committed.
      this.#sql.afterCommit(Effect.sync(() => this.#tell(groups, grown)))
    )
  }

  #tell(groups: ReadonlyMap<string, Group>, grown: ReadonlyArray<Grown>): void {
    for (const place of grown) {
      const { entries } = groups.get(nameOf(place))!
      this.#onStored(place.topic, place.partition, place.head - entries.length, entries)
    }
  }

  #enqueue(waiting: ReadonlyArray<Waiting>): void {
    this.#queue.push(...waiting)
    if (this.#busy) return
    this.#busy = true
    // A microtask later, so that what is published in the same turn goes together.
    queueMicrotask(() => this.#flush())
  }

  #flush(): void {
    const batch = this.#take()
    if (batch.length === 0) {
      this.#busy = false
      return
    }
    runInBackground(orNoAnswer(this.#run(batch), this.#limitMillis)).addObserver((exit) => {
      const refused = Exit.isFailure(exit) && batch.length > 1 && exit.cause.reasons.some(isRefusal)
      // One message that cannot be stored must not fail its neighbours.
      if (refused) this.#queue.unshift(...batch.map((one) => ({ ...one, alone: true })))
      this.#flush()
      if (!refused) for (const { resume } of batch) resume(exit)
    })
  }

  #take(): ReadonlyArray<Waiting> {
    let count = 0
    let messages = 0
    while (count < this.#queue.length && messages < maxMessages) {
      if (count > 0 && (this.#queue[count]!.alone || this.#queue[0]!.alone)) break
      messages += this.#queue[count++]!.entries.length
    }
    return this.#queue.splice(0, count)
  }
}

const isRefusal = (reason: { readonly _tag: string }): boolean =>
  reason._tag === "Fail" && isRefusedValue((reason as { readonly error?: unknown }).error)
