/**
 * What other services rely on when they hear of an erasure: the key is destroyed by then, whatever fails on the way.
 */
import { Broker } from "@daybook/core/Broker"
import { BrokerUnavailable } from "@daybook/core/BrokerProblems"
import type { Recorded } from "@daybook/core/Event"
import type { Message } from "@daybook/core/Message"
import { SubjectKeys, SubjectKeysUnavailable } from "@daybook/core/SubjectKeys"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { PrivacyEvents } from "../../src/privacy/Contract.ts"
import type { SubjectEvent } from "../../src/privacy/Events.ts"
import { privacyPublication } from "../../src/privacy/Publication.ts"
import { metadata } from "../Golden.ts"
import { erased, held, released } from "./Given.ts"

const recorded = (subject: string, event: SubjectEvent): Recorded<SubjectEvent> => ({
  ...metadata,
  stream: `subject-${subject}`,
  eventId: `event-of-${subject}`,
  event
})

/** A broker that notes what it is given, and what was known of the subjects' keys then. */
const noting = (keys: SubjectKeys["Service"], isDown = false) => {
  const heard: Array<{ readonly message: Message; readonly key: string }> = []
  const broker: Broker["Service"] = {
    guarantees: { durable: false, failover: false, maxMessageBytes: 1_000_000 },
    publish: (_, batch) =>
      isDown
        ? Effect.fail(new BrokerUnavailable({ retryAfterSeconds: 1, detail: "down" }))
        : Effect.forEach(batch, (message) =>
            Effect.map(Effect.orDie(keys.status(message.key)), (key) => heard.push({ message, key }))
          ),
    subscribe: () => Effect.never
  }
  return { heard, broker }
}

const handle = (batch: ReadonlyArray<Recorded<SubjectEvent>>, broker: Broker["Service"]) =>
  Effect.provideService(privacyPublication.handle(batch, { replaying: false }), Broker, broker)

describe("an erasure", () => {
  it.effect("is told when the key is destroyed, and holds are not told at all", () =>
    Effect.gen(function* () {
      const keys = yield* SubjectKeys
      yield* keys.seal("17850", '"x"')
      const { heard, broker } = noting(keys)
      yield* handle([recorded("17850", held()), recorded("17850", released()), recorded("17850", erased)], broker)
      expect(heard.map(({ key, message }) => [key, PrivacyEvents.decode(message)])).toEqual([
        ["erased", { _tag: "SubjectErased", subjectId: "17850" }]
      ])
    }).pipe(Effect.provide(SubjectKeys.layerMemory))
  )

  it.effect("of somebody with an odd id is told by that id", () =>
    Effect.gen(function* () {
      const { heard, broker } = noting(yield* SubjectKeys)
      yield* handle([recorded("guest:a-b é", erased)], broker)
      expect(heard.map(({ message }) => PrivacyEvents.decode(message).subjectId)).toEqual(["guest:a-b é"])
    }).pipe(Effect.provide(SubjectKeys.layerMemory))
  )

  it.effect("destroys the key also when nobody can be told yet, and does both again later", () =>
    Effect.gen(function* () {
      const keys = yield* SubjectKeys
      yield* keys.seal("1", '"x"')
      const batch = [recorded("1", erased)]
      expect(yield* Effect.flip(handle(batch, noting(keys, true).broker))).toMatchObject({ _tag: "BrokerUnavailable" })
      expect(yield* keys.status("1")).toBe("erased")
      const { heard, broker } = noting(keys)
      yield* handle(batch, broker)
      expect(heard).toHaveLength(1)
    }).pipe(Effect.provide(SubjectKeys.layerMemory))
  )

  it.effect("is told nobody while the key cannot be destroyed", () =>
    Effect.gen(function* () {
      const keys = yield* SubjectKeys
      const { heard, broker } = noting(keys)
      const down = new SubjectKeysUnavailable({ retryAfterSeconds: 1, detail: "down" })
      const failing = { ...keys, destroy: () => Effect.fail(down) }
      const handled = Effect.provideService(handle([recorded("1", erased)], broker), SubjectKeys, failing)
      expect(yield* Effect.flip(handled)).toBe(down)
      expect(heard).toEqual([])
    }).pipe(Effect.provide(SubjectKeys.layerMemory))
  )
})
