/**
 * Processes wake each other: an append through one connection moves the signal of a journal on another, well before it would
 * poll.
 */

import { Journal } from "@daybook/core/Journal"
import * as Subscription from "@daybook/core/Subscription"
import { nothingKnown } from "@daybook/testkit/Metadata"
import { assert, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
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
