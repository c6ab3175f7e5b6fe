/**
 * What operators rely on: an inbox does not grow for ever, and forgets nothing that could come again.
 */
import { Broker } from "@daybook/core/Broker"
import * as Consumer from "@daybook/core/Consumer"
import * as Contract from "@daybook/core/Contract"
import { Inbox } from "@daybook/core/Inbox"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"

const Silence = Contract.define("silence", { Hush: {} })

it.effect("ids are remembered as long as they may come again, and then forgotten", () =>
  Effect.gen(function* () {
    const inbox = yield* Inbox
    const source = Consumer.on(Silence, { Hush: Consumer.ignored })
    yield* Effect.forkScoped(Consumer.run("listener", [source], { rememberMillis: 24 * 3_600_000 }))
    yield* inbox.record("listener", ["early"])
    yield* TestClock.adjust("12 hours")
    yield* inbox.record("listener", ["late"])
    yield* TestClock.adjust("11 hours")
    const isFresh = (id: string) =>
      Effect.map(inbox.lookUp("listener", { ids: [id], keys: [] }), ({ received }) => !received.has(id))
    assert.isFalse(yield* isFresh("early"))
    yield* TestClock.adjust("2 hours")
    assert.isTrue(yield* isFresh("early"))
    assert.isFalse(yield* isFresh("late"))
  }).pipe(Effect.provide(Layer.merge(Broker.layerMemory(), Inbox.layerMemory)))
)
