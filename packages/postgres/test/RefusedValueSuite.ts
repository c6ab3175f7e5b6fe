/**
 * What operators rely on when a handler writes what the database refuses: it is the event's or the message's failure, dealt with by
 * policy, and holds up nobody else. Run on PGlite and on a server.
 */
import { Broker } from "@daybook/core/Broker"
import * as Consumer from "@daybook/core/Consumer"
import * as Contract from "@daybook/core/Contract"
import * as Event from "@daybook/core/Event"
import { Inbox } from "@daybook/core/Inbox"
import { type Append, Journal } from "@daybook/core/Journal"
import * as Partition from "@daybook/core/Partition"
import * as Projection from "@daybook/core/Projection"
import { ProjectionStore } from "@daybook/core/ProjectionStore"
import * as Projector from "@daybook/core/Projector"
import type * as Database from "@daybook/postgres/Database"
import * as SqlInbox from "@daybook/postgres/SqlInbox"
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { SqlClient } from "effect/sql/SqlClient"
import { freshSchema, stores } from "./Stores.ts"

const Events = Event.define({ Said: { word: Schema.String } })
const Words = Contract.define("words", { Spoken: { word: Schema.String } })

const none = { actor: null, reason: null, correlationId: null, causationId: null, traceParent: null, tenant: null }

const said = (id: string, word: string, place: number): Append => ({
  stream: `word-${id}`,
  partition: Partition.ofId(id, 8),
  expectedVersion: 0,
  events: [
    {
      ...none,
      ...Events.encode({ _tag: "Said", word }),
      eventId: `01890a5d-ac96-774b-bcce-b3020000000${place}`,
      commandId: null,
      occurredAtMillis: 0
    }
  ],
  receipts: [],
  state: null,
  keepEvents: true
})

const spoken = (key: string, word: string) => ({
  ...none,
  id: `message-${key}`,
  source: "/words",
  ...Words.encode({ _tag: "Spoken", word }),
  key,
  occurredAtMillis: 0,
  commandId: null,
  replyTo: null
})

/** The handlers write here, where a word may be once, and short. */
const createTable = (schema: string) =>
  Effect.flatMap(SqlClient, (sql) => sql.unsafe(`CREATE TABLE ${schema}.word (word varchar(10) PRIMARY KEY)`))

const write = (schema: string, word: string) =>
  Effect.flatMap(SqlClient, (sql) => sql.unsafe(`INSERT INTO ${schema}.word VALUES ($1::text)`, [word]))

const written = (schema: string) =>
  Effect.flatMap(SqlClient, (sql) =>
    Effect.map(sql.unsafe<{ readonly word: string }>(`SELECT word FROM ${schema}.word ORDER BY word`), (rows) =>
      rows.map(({ word }) => word)
    )
  )

const words = (schema: string) =>
  Projection.make({
    name: "words",
    sources: [{ name: "word", events: Events }],
    tables: ["word"],
    handle: (batch) => Effect.forEach(batch, ({ event }) => write(schema, event.word), { discard: true })
  })

/** Looks again until there is what is looked for. */
const until = <A, E, R>(look: Effect.Effect<Option.Option<A>, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(look, (found) =>
    Option.isSome(found) ? Effect.succeed(found.value) : Effect.andThen(Effect.sleep(20), until(look))
  )

const some = <A>(all: ReadonlyArray<A>, count: number) => (all.length >= count ? Option.some(all) : Option.none())

/** The suite on a database. */
export const refusedValueSuite = (database: string, location: Database.Location) => {
  const schema = freshSchema()
  const all = Layer.mergeAll(Broker.layerMemory(), SqlInbox.layer(schema)).pipe(
    Layer.provideMerge(stores(location, schema))
  )
  layer(all, { excludeTestServices: true, timeout: "60 seconds" })(`a refused value on ${database}`, (it) => {
    it.effect("sets the stream aside that it belongs to, with the reason, and lets the others go on", () =>
      Effect.gen(function* () {
        yield* createTable(schema)
        const journal = yield* Journal
        const appends = [said("a", "one", 1), said("b", "one", 2), said("c", "far too long", 3), said("d", "two", 4)]
        yield* journal.append(appends)
        yield* Projector.make([words(schema)], { attempts: 2 })
        const store = yield* ProjectionStore
        const parked = yield* until(Effect.map(store.parked("words"), (found) => some(found, 2)))
        const reasons = parked.map(({ reason }) => reason).sort()
        expect(reasons).toEqual([
          expect.stringMatching(/^The database refuses what was to be written: duplicate key/),
          expect.stringMatching(/^The database refuses what was to be written: value too long/)
        ])
        expect(yield* until(Effect.map(written(schema), (found) => some(found, 2)))).toEqual(["one", "two"])
      })
    )

    it.effect("makes the message that it belongs to a dead letter, and lets other keys go on", () =>
      Effect.gen(function* () {
        const broker = yield* Broker
        const source = Consumer.on(Words, { Spoken: ({ word }) => Effect.asVoid(write(schema, word)) })
        yield* Layer.build(Consumer.layer("listener", [source], { attempts: 2, firstBackoffMillis: 5, pollMillis: 5 }))
        yield* broker.publish(Words.topic, [spoken("a", "three"), spoken("b", "three"), spoken("c", "four")])
        const inbox = yield* Inbox
        const dead = yield* until(Effect.map(inbox.list({ state: "dead", limit: 10 }), (found) => some(found, 1)))
        expect(dead.map(({ error }) => error)).toEqual([expect.stringContaining("duplicate key")])
        const found = yield* until(
          Effect.map(written(schema), (now) => (now.includes("four") ? Option.some(now) : Option.none()))
        )
        expect(found).toEqual(["four", "one", "three", "two"])
      })
    )
  })
}
