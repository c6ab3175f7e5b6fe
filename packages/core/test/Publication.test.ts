/**
 * What others rely on: they are told everything that a service publishes, in order, and nothing that is its own business.
 */

import * as Aggregate from "@daybook/core/Aggregate"
import { Broker } from "@daybook/core/Broker"
import { BrokerUnavailable, MessageTooLarge } from "@daybook/core/BrokerProblems"
import * as Contract from "@daybook/core/Contract"
import * as Entities from "@daybook/core/Entities"
import * as Event from "@daybook/core/Event"
import { Journal } from "@daybook/core/Journal"
import type { Message } from "@daybook/core/Message"
import * as Partition from "@daybook/core/Partition"
import * as Persistence from "@daybook/core/Persistence"
import { ProjectionStore } from "@daybook/core/ProjectionStore"
import * as Projector from "@daybook/core/Projector"
import * as Publication from "@daybook/core/Publication"
import { Snapshots } from "@daybook/core/Snapshot"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"

const Parcel = Aggregate.make({
  name: "parcel",
  state: { version: 1, schema: Schema.Struct({ packed: Schema.Int }) },
  events: Event.define({ Packed: { sku: Schema.String }, Weighed: {}, Sent: { skus: Schema.Array(Schema.String) } }),
  commands: Schema.TaggedUnion({
    Pack: { sku: Schema.String },
    Weigh: {},
    Send: { skus: Schema.Array(Schema.String) }
  }),
  initial: { packed: 0 },
  evolve: { Packed: ({ packed }) => ({ packed: packed + 1 }), Weighed: (state) => state, Sent: (state) => state },
  decide: {
    Pack: ({ sku }) => [{ _tag: "Packed", sku }],
    Weigh: (_) => [{ _tag: "Weighed" }],
    Send: ({ skus }) => [{ _tag: "Sent", skus }]
  }
})

const ParcelContract = Contract.define("parcel-events", {
  ParcelPacked: { parcelId: Schema.String, sku: Schema.String },
  ItemSent: { sku: Schema.String }
})

const publication = Publication.make({
  name: "parcel-publication",
  source: "/parcels",
  aggregate: Parcel,
  contract: ParcelContract
})({
  Packed: ({ sku }, { stream }) => [{ _tag: "ParcelPacked", parcelId: stream, sku }],
  Weighed: Publication.notPublished,
  Sent: ({ skus }) => skus.map((sku) => ({ _tag: "ItemSent", sku }))
})

const tooLarge = (topic: string, { id, data }: Message, maxBytes: number): MessageTooLarge =>
  new MessageTooLarge({
    id,
    topic,
    bytes: JSON.stringify(data).length,
    maxBytes,
    detail: `Message ${id} is larger than ${maxBytes} bytes`
  })

/** A broker that remembers, fails while `broken`, and takes no data of more than `maxBytes`. */
const recordingBroker = () => {
  const published: Array<Message> = []
  const state = { broken: false, maxBytes: 1_000_000, published }
  const broker: Broker["Service"] = {
    guarantees: { durable: false, failover: false, maxMessageBytes: 1_000_000 },
    publish: (topic, messages) =>
      Effect.suspend((): Effect.Effect<void, BrokerUnavailable | MessageTooLarge> => {
        if (state.broken) return Effect.fail(new BrokerUnavailable({ retryAfterSeconds: 1 }))
        const large = messages.find(({ data }) => JSON.stringify(data).length > state.maxBytes)
        if (large !== undefined) return Effect.fail(tooLarge(topic, large, state.maxBytes))
        published.push(...messages)
        return Effect.void
      }),
    subscribe: () => Effect.never
  }
  return { state, layer: Layer.succeed(Broker, broker) }
}

const stores = Layer.mergeAll(Journal.layerMemory(), Snapshots.layerMemory, ProjectionStore.layerMemory)

const started = Effect.gen(function* () {
  const parcels = yield* Entities.make(Parcel, { persistence: Persistence.events() })
  const projector = yield* Projector.make([publication])
  return { parcels, projector }
})

describe("publication", () => {
  it.effect("says what the mapping says: one message, several, or none", () => {
    const { state, layer } = recordingBroker()
    return Effect.gen(function* () {
      const { parcels, projector } = yield* started
      yield* parcels.execute(
        "1",
        { _tag: "Pack", sku: "mug" },
        { commandId: "c-1", actor: "me", correlationId: "talk" }
      )
      yield* parcels.execute("1", { _tag: "Weigh" })
      const last = yield* parcels.execute("1", { _tag: "Send", skus: ["mug", "bag"] })
      assert.isTrue(yield* projector.awaitPosition("parcel-publication", last, "1 second"))
      const [packed, first, second] = state.published
      assert.strictEqual(state.published.length, 3)
      assert.deepStrictEqual(ParcelContract.decode(packed!), { _tag: "ParcelPacked", parcelId: "parcel-1", sku: "mug" })
      assert.deepInclude(packed, { source: "/parcels", key: "1", actor: "me", correlationId: "talk", schemaVersion: 1 })
      assert.deepStrictEqual(
        [first, second].map((message) => ParcelContract.decode(message!)),
        [
          { _tag: "ItemSent", sku: "mug" },
          { _tag: "ItemSent", sku: "bag" }
        ]
      )
      assert.strictEqual(new Set(state.published.map(({ id }) => id)).size, 3)
    }).pipe(Effect.scoped, Effect.provide(Layer.merge(stores, layer)))
  })

  it.effect("waits for a broker that is away, however long, and then goes on in order", () => {
    const { state, layer } = recordingBroker()
    return Effect.gen(function* () {
      const { parcels, projector } = yield* started
      state.broken = true
      const skus = Array.from({ length: 10 }, (_, i) => `sku-${i}`)
      for (const sku of skus) yield* parcels.execute("1", { _tag: "Pack", sku })
      yield* TestClock.adjust("10 minutes")
      assert.deepStrictEqual(state.published, [])
      const [status] = yield* projector.status
      assert.isTrue(status!.lag === 10 && status!.parked.length === 0)
      assert.isTrue(status!.offsets.every((offset) => offset.stoppedBecause === null))
      state.broken = false
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(
        state.published.map(({ data }) => (data as { readonly sku: string }).sku),
        skus
      )
    }).pipe(Effect.scoped, Effect.provide(Layer.merge(stores, layer)))
  })

  it.effect("stops where a message is too large for the broker, says so, and goes on in order once it is not", () => {
    const { state, layer } = recordingBroker()
    return Effect.gen(function* () {
      const { parcels, projector } = yield* started
      state.maxBytes = 100
      const [large, small] = ["l".repeat(200), "s"]
      const { partition } = yield* parcels.execute("1", { _tag: "Pack", sku: large })
      yield* parcels.execute("1", { _tag: "Pack", sku: small })
      // Another partition is none the worse for it.
      const other = ["2", "3", "4", "5"].find((id) => Partition.ofId(id, 8) !== partition)!
      yield* parcels.execute(other, { _tag: "Pack", sku: small })
      yield* TestClock.adjust("10 minutes")
      assert.deepStrictEqual(
        state.published.map(({ key }) => key),
        [other]
      )
      const [status] = yield* projector.status
      const stopped = status!.offsets.filter(({ stoppedBecause }) => stoppedBecause !== null)
      assert.deepStrictEqual(
        stopped.map((offset) => offset.partition),
        [partition]
      )
      assert.match(stopped[0]!.stoppedBecause!, /larger than 100 bytes/)
      state.maxBytes = 1_000
      yield* projector.resume("parcel-publication")
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(
        state.published.slice(1).map(({ data }) => (data as { readonly sku: string }).sku),
        [large, small]
      )
    }).pipe(Effect.scoped, Effect.provide(Layer.merge(stores, layer)))
  })

  it.effect("says the same again under the same id, after losing its place", () => {
    const { state, layer } = recordingBroker()
    return Effect.gen(function* () {
      yield* Effect.scoped(
        Effect.tap(started, ({ parcels, projector }) =>
          Effect.flatMap(parcels.execute("1", { _tag: "Send", skus: ["mug", "bag"] }), (place) =>
            projector.awaitPosition("parcel-publication", place, "1 second")
          )
        )
      )
      yield* Effect.flatMap(ProjectionStore, (store) => store.reset("parcel-publication"))
      yield* Effect.scoped(
        Effect.flatMap(started, ({ projector }) =>
          projector.awaitUntil(
            "parcel-publication",
            Effect.sync(() => (state.published.length === 4 ? Option.some(true) : Option.none())),
            "1 second"
          )
        )
      )
      const ids = state.published.map(({ id }) => id)
      assert.deepStrictEqual(ids.slice(2), ids.slice(0, 2))
    }).pipe(Effect.provide(Layer.merge(stores, layer)))
  })
})
