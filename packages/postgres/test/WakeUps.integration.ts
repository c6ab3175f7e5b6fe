/**
 * Processes wake each other: an append through one connection moves the signal of a journal on another, well before it would
 * poll. A process that is alone tells nobody.
 */

import { Journal } from "@daybook/core/Journal"
import * as Subscription from "@daybook/core/Subscription"
import { nothingKnown } from "@daybook/testkit/Metadata"
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { freshSchema, serverUrl, stores } from "./Stores.ts"

const event = (version: number) => ({
  stream: "thing-1",
  partition: 0,
  expectedVersion: version,
  events: [
    {
      eventId: `01890a5d-ac96-774b-bcce-b3020${version}9a8057`,
      type: "Happened",
      schemaVersion: 1,
      data: { version },
      occurredAtMillis: 0,
      ...nothingKnown
    }
  ],
  receipts: [],
  state: null,
  keepEvents: true
})

it.live("an append in one process wakes a subscriber in another, which polls only once an hour", () =>
  Effect.gen(function* () {
    const schema = freshSchema()
    const connect = Effect.map(Layer.build(Layer.fresh(stores({ url: serverUrl() }, schema))), Context.get(Journal))
    const [writer, reader] = [yield* connect, yield* connect]
    const subscriber = Subscription.partition({ partition: 0, poll: "1 hour" }).pipe(
      Stream.map((stored) => stored.version),
      Stream.take(3),
      Stream.runCollect,
      Effect.provideService(Journal, reader)
    )
    const reading = yield* Effect.forkChild(subscriber)
    for (const version of [0, 1, 2]) yield* writer.append([event(version)])
    assert.deepStrictEqual([...(yield* Fiber.join(reading))], [1, 2, 3])
  }).pipe(Effect.scoped)
)

/** A database in which nobody else is, dropped with the scope. */
const emptyDatabase = Effect.gen(function* () {
  const name = freshSchema()
  const administer = (text: string) =>
    Effect.flatMap(PgClient.PgClient, (sql) => sql.unsafe(text)).pipe(
      Effect.provide(PgClient.layer({ url: serverUrl(), maxConnections: 1 })),
      Effect.orDie
    )
  yield* Effect.acquireRelease(administer(`CREATE DATABASE ${name}`), () =>
    administer(`DROP DATABASE ${name} WITH (FORCE)`)
  )
  const url = new URL(Redacted.value(serverUrl()))
  url.pathname = `/${name}`
  return Redacted.make(url.href)
})

/** What is said from now on: the words after who says it, which are names with news. */
const overhear = (url: Redacted.Redacted) =>
  Effect.gen(function* () {
    const client = Context.get(yield* Layer.build(PgClient.layer({ url, maxConnections: 1 })), PgClient.PgClient)
    const said = yield* client.listen("daybook")
    return Effect.map(Queue.take(said), ({ payload }) => payload.split(" ").slice(1))
  })

it.live(
  "a process tells of its appends while another one is there, and says once a second that it is there itself",
  () =>
    Effect.gen(function* () {
      const url = yield* emptyDatabase
      const schema = freshSchema()
      const connect = Effect.map(Layer.build(Layer.fresh(stores({ url }, schema))), Context.get(Journal))
      const hear = yield* overhear(url)
      const writer = yield* connect
      assert.deepStrictEqual(yield* hear, [])
      for (const version of [0, 1, 2]) yield* writer.append([event(version)])
      // Whatever it had told of these, it would have told well before.
      assert.deepStrictEqual(yield* hear, [])
      // Who is new is told of all that there is, and from then on of what comes.
      yield* connect
      for (const version of [3, 4]) {
        let names: ReadonlyArray<string> = []
        while (names.length === 0) names = yield* hear
        assert.deepStrictEqual(names, [`daybook_${schema}`])
        yield* writer.append([event(version)])
      }
    }).pipe(Effect.scoped)
)
