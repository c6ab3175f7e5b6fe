/**
 * How events change, and what becomes of those that are stored: each kind of change of a field once, names that are given up, and
 * readers to whom one stored event is one, several or none today. `docs/guides/evolution.md` tells the same.
 */

import * as Aggregate from "@daybook/core/Aggregate"
import { Broker } from "@daybook/core/Broker"
import * as Contract from "@daybook/core/Contract"
import * as Entities from "@daybook/core/Entities"
import * as Event from "@daybook/core/Event"
import { Journal } from "@daybook/core/Journal"
import type { Message } from "@daybook/core/Message"
import * as Partition from "@daybook/core/Partition"
import * as Persistence from "@daybook/core/Persistence"
import * as Projection from "@daybook/core/Projection"
import { ProjectionStore } from "@daybook/core/ProjectionStore"
import * as Projector from "@daybook/core/Projector"
import * as Publication from "@daybook/core/Publication"
import { Snapshots } from "@daybook/core/Snapshot"
import { nothingKnown } from "@daybook/testkit/Metadata"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

const place = {
  partition: 0,
  position: 1,
  stream: "basket-a",
  version: 1,
  eventId: "0198c5a0-0000-7000-8000-000000000000",
  occurredAtMillis: 0,
  recordedAtMillis: 0,
  ...nothingKnown,
  actor: "ada"
}

const stored = (type: string, data: unknown, schemaVersion = 1): Event.Stored => ({
  ...place,
  type,
  schemaVersion,
  data
})

describe("a field that changes", () => {
  const NameAndAmount = { name: Schema.String, amount: Schema.Struct({ minor: Schema.Int, currency: Schema.String }) }

  /** Fields of today, and what version 1 had instead. */
  const cases = {
    "is renamed": [{ quantity: Schema.Int }, ({ qty }) => ({ quantity: qty }), { qty: 6 }, { quantity: 6 }],
    "is split into several": [
      { given: Schema.String, family: Schema.String },
      ({ name }) => ({ given: name.split(" ")[0], family: name.split(" ").slice(1).join(" ") }),
      { name: "Ada King Lovelace" },
      { given: "Ada", family: "King Lovelace" }
    ],
    "takes the place of several": [
      { at: Schema.Struct({ street: Schema.String, town: Schema.String }) },
      ({ street, town }) => ({ at: { street, town } }),
      { street: "12 St James's Square", town: "London" },
      { at: { street: "12 St James's Square", town: "London" } }
    ],
    "is new, with what was so before": [
      { sku: Schema.String, giftWrapped: Schema.Boolean },
      (old) => ({ ...old, giftWrapped: false }),
      { sku: "71053" },
      { sku: "71053", giftWrapped: false }
    ],
    "is of another type": [
      { quantity: Schema.Int },
      ({ quantity }) => ({ quantity: Number(quantity) }),
      { quantity: "6" },
      { quantity: 6 }
    ],
    "is one of a list now": [
      { parcels: Schema.Array(Schema.Struct({ carrier: Schema.String })) },
      ({ carrier }) => ({ parcels: [{ carrier }] }),
      { carrier: "DHL" },
      { parcels: [{ carrier: "DHL" }] }
    ],
    "is not needed any more": [
      { sku: Schema.String },
      ({ colour, ...rest }) => rest,
      { sku: "7", colour: "red" },
      { sku: "7" }
    ]
  } satisfies Record<string, readonly [Schema.Struct.Fields, Event.Upcaster, object, object]>

  it.each(Object.entries(cases))("%s", (_, [fields, upcaster, before, today]) => {
    const events = Event.define({ Changed: Event.versioned(2, fields, { 1: upcaster }) })
    const [event, ...more] = events.decode(stored("Changed", before))
    assert.deepStrictEqual({ ...event }, { _tag: "Changed", ...today })
    assert.deepStrictEqual(more, [])
    assert.deepStrictEqual(events.encode(event!), { type: "Changed", schemaVersion: 2, data: today })
  })

  it("goes through every version in between", () => {
    const events = Event.define({
      Priced: Event.versioned(3, NameAndAmount, {
        1: ({ label, ...rest }) => ({ ...rest, name: label }),
        2: ({ amount, ...rest }) => ({ ...rest, amount: { minor: amount, currency: "GBP" } })
      })
    })
    const today = { _tag: "Priced" as const, name: "Mug", amount: { minor: 750, currency: "GBP" } }
    assert.deepStrictEqual(events.decode(stored("Priced", { label: "Mug", amount: 750 })), [today])
    assert.deepStrictEqual(events.decode(stored("Priced", { name: "Mug", amount: 750 }, 2)), [today])
  })
})

/** Today: what is added is wrapped or not by an event of its own. It was `ItemPutIn`, then `ItemAdded`; `Seen` was of no use. */
const BasketEvents = Event.define(
  {
    ItemAdded: Event.versioned(2, { sku: Schema.String, count: Schema.Int }, { 1: ({ sku }) => ({ sku, count: 1 }) }),
    Wrapped: { sku: Schema.String }
  },
  {
    former: {
      ItemPutIn: Event.former(2, ({ sku }) => [{ type: "ItemAdded", schemaVersion: 1, data: { sku } }], {
        1: ({ article }) => ({ sku: article })
      }),
      ItemAddedAsGift: Event.former(1, ({ sku, count }) => [
        { type: "ItemAdded", schemaVersion: 2, data: { sku, count } },
        { type: "Wrapped", schemaVersion: 1, data: { sku } }
      ]),
      GiftPutIn: Event.former(1, ({ sku }) => [
        { type: "ItemAddedAsGift", schemaVersion: 1, data: { sku, count: 1 } },
        { type: "ItemPutIn", schemaVersion: 1, data: { article: "ribbon" } }
      ]),
      Seen: Event.former(1, () => [])
    }
  }
)

const added = (sku: string, count = 1) => ({ _tag: "ItemAdded", sku, count }) as const
const wrapped = (sku: string) => ({ _tag: "Wrapped", sku }) as const

describe("a name that is not used any more", () => {
  it.each([
    ["renamed", stored("ItemPutIn", { sku: "mug" }, 2), [added("mug")]],
    ["renamed, at an earlier version", stored("ItemPutIn", { article: "mug" }), [added("mug")]],
    ["split", stored("ItemAddedAsGift", { sku: "mug", count: 2 }), [added("mug", 2), wrapped("mug")]],
    ["retired", stored("Seen", { by: "ada" }), []],
    ["of former names in turn", stored("GiftPutIn", { sku: "mug" }), [added("mug"), wrapped("mug"), added("ribbon")]],
    ["still in use", stored("ItemAdded", { sku: "mug" }), [added("mug")]]
  ])("is read: %s", (_, before, today) => {
    assert.deepStrictEqual(BasketEvents.decode(before), today as never)
  })

  it("is known with its last version, and neither written nor among today's names", () => {
    assert.deepStrictEqual(
      [...BasketEvents.former],
      [
        ["ItemPutIn", 2],
        ["ItemAddedAsGift", 1],
        ["GiftPutIn", 1],
        ["Seen", 1]
      ]
    )
    assert.deepStrictEqual(BasketEvents.names, ["ItemAdded", "Wrapped"])
    assert.isUndefined(BasketEvents.schemaVersion("Seen"))
    assert.throws(() => BasketEvents.encode({ _tag: "Seen" } as never), "Event Seen is not declared")
  })

  it("gives each of today's events an id of its own, at the same place, with the same metadata", () => {
    const records = Event.record(BasketEvents, stored("GiftPutIn", { sku: "mug" }))
    const { eventId, ...rest } = place
    assert.deepStrictEqual(records, [
      { ...rest, eventId, event: added("mug") },
      { ...rest, eventId: `${eventId}.2`, event: wrapped("mug") },
      { ...rest, eventId: `${eventId}.3`, event: added("ribbon") }
    ])
  })

  it.each([
    [
      "of a later version than it ever had",
      stored("ItemPutIn", {}, 3),
      "ItemPutIn (schema version 3)",
      "versions up to 2"
    ],
    ["that was never one", stored("Smelt", {}), "Smelt (schema version 1)", "no event of that name"],
    ["whose data is none", stored("Seen", null, 0), "Seen", "schema versions start at 1"],
    [
      "whose data does not fit today's",
      stored("ItemAddedAsGift", { sku: 7, count: 1 }),
      "version 1 of stream basket-a, partition 0 position 1",
      "today's ItemAdded (schema version 2): "
    ],
    ["whose data its upcaster does not understand", stored("ItemPutIn", null), "ItemPutIn", "Cannot destructure"]
  ])("stops its reader: %s", (_, before, where, why) => {
    try {
      BasketEvents.decode(before)
    } catch (error) {
      assert.instanceOf(error, Event.UndecodableEvent)
      assert.include(error.message, where)
      assert.include(error.message, why)
      return
    }
    assert.fail("it was read")
  })

  it.each<[string, () => unknown, string]>([
    [
      "is still declared",
      () => Event.define({ Seen: {} }, { former: { Seen: Event.former(1, () => []) } }),
      "Event Seen is declared and a former name; give the new event another name"
    ],
    [
      "lacks an upcaster",
      () => Event.define({}, { former: { Seen: Event.former(2, () => [], {} as never) } }),
      "Former event Seen: add an upcaster from schema version 1"
    ]
  ])("is refused at start-up where it %s", (_, define, why) => {
    assert.throws(define, why)
  })

  it("that leads back to itself is told, and does not go on for ever", () => {
    const to = (type: string) => Event.former(1, () => [{ type, schemaVersion: 1, data: {} }])
    const events = Event.define({}, { former: { A: to("B"), B: to("A") } })
    assert.throws(() => events.decode(stored("A", {})), "the former names A, B lead back to A")
  })

  it("does not compile without its upcasters", () => {
    // @ts-expect-error version 2 needs one from version 1
    assert.strictEqual(Event.former(2, () => []).version, 2)
    // @ts-expect-error version 1 has nothing before it
    assert.strictEqual(Event.former(1, () => [], { 1: (data) => data }).version, 1)
  })
})

const Basket = Aggregate.make({
  name: "basket",
  initial: { items: 0, wrapped: 0 },
  state: { version: 1, schema: Schema.Struct({ items: Schema.Int, wrapped: Schema.Int }) },
  events: BasketEvents,
  commands: Schema.TaggedUnion({ Add: { sku: Schema.String } }),
  evolve: {
    ItemAdded: (state, { count }) => ({ ...state, items: state.items + count }),
    Wrapped: (state) => ({ ...state, wrapped: state.wrapped + 1 })
  },
  decide: { Add: ({ sku }) => [added(sku)] }
})

/** What was stored by releases of before: four events, at versions 1 to 4. */
const history: ReadonlyArray<readonly [type: string, schemaVersion: number, data: unknown]> = [
  ["ItemPutIn", 1, { article: "mug" }],
  ["Seen", 1, {}],
  ["GiftPutIn", 1, { sku: "bag" }],
  ["Seen", 1, {}]
]

const idOf = (version: number): string => `0198c5a0-0000-7000-8000-00000000000${version}`

const writeHistory = Effect.gen(function* () {
  const journal = yield* Journal
  const { partition, position, stream, version, recordedAtMillis, ...metadata } = place
  yield* journal.append([
    {
      stream,
      partition: Partition.ofId("a", journal.partitions),
      expectedVersion: 0,
      events: history.map(([type, schemaVersion, data], i) => ({
        ...metadata,
        eventId: idOf(i + 1),
        type,
        schemaVersion,
        data
      })),
      receipts: [],
      state: null,
      keepEvents: true
    }
  ])
})

const stores = Layer.mergeAll(Journal.layerMemory(), Snapshots.layerMemory, ProjectionStore.layerMemory)

describe("readers of what was stored under former names", () => {
  it.effect("recover an aggregate, and go on at the version after the last that is stored", () =>
    Effect.gen(function* () {
      yield* writeHistory
      const baskets = yield* Entities.make(Basket, { persistence: Persistence.events() })
      assert.deepStrictEqual(yield* baskets.read("a"), { version: 4, state: { items: 3, wrapped: 1 } })
      assert.strictEqual((yield* baskets.execute("a", { _tag: "Add", sku: "cup" })).version, 5)
      const journal = yield* Journal
      const types = (yield* journal.readStream("basket-a")).map(({ type, version }) => `${version} ${type}`)
      assert.deepStrictEqual(types, ["1 ItemPutIn", "2 Seen", "3 GiftPutIn", "4 Seen", "5 ItemAdded"])
    }).pipe(Effect.scoped, Effect.provide(stores))
  )

  it.effect("apply them to read models, in order, and reach the end of the journal", () =>
    Effect.gen(function* () {
      yield* writeHistory
      const seen: Array<string> = []
      const projection = Projection.make({
        name: "basket-view",
        sources: [Basket],
        handle: (batch) =>
          Effect.sync(() => {
            for (const { version, eventId, event } of batch)
              seen.push(`${version} ${eventId.slice(35)} ${event._tag} ${event.sku}`)
          })
      })
      const projector = yield* Projector.make([projection])
      const partition = Partition.ofId("a", 8)
      assert.isTrue(yield* projector.awaitPosition("basket-view", { partition, position: 4 }, "1 second"))
      assert.deepStrictEqual(seen, [
        "1 1 ItemAdded mug",
        "3 3 ItemAdded bag",
        "3 3.2 Wrapped bag",
        "3 3.3 ItemAdded ribbon"
      ])
      assert.strictEqual((yield* projector.status)[0]!.lag, 0)
    }).pipe(Effect.scoped, Effect.provide(stores))
  )

  it.effect("publish them, each message under an id of its own, the first under the one that it always had", () => {
    const published: Array<Message> = []
    const broker = Layer.succeed(Broker, {
      guarantees: { durable: false, failover: false, maxMessageBytes: 1_000_000 },
      publish: (_, messages) => Effect.sync(() => void published.push(...messages)),
      subscribe: () => Effect.never
    })
    const contract = Contract.define("basket-events", {
      ItemCame: { sku: Schema.String },
      ItemWrapped: { sku: Schema.String }
    })
    const publication = Publication.make({
      name: "basket-publication",
      source: "/baskets",
      aggregate: Basket,
      contract
    })({
      ItemAdded: ({ sku }) => [{ _tag: "ItemCame", sku }],
      Wrapped: ({ sku }) => [
        { _tag: "ItemWrapped", sku },
        { _tag: "ItemCame", sku: "paper" }
      ]
    })
    return Effect.gen(function* () {
      yield* writeHistory
      const projector = yield* Projector.make([publication])
      const partition = Partition.ofId("a", 8)
      assert.isTrue(yield* projector.awaitPosition("basket-publication", { partition, position: 4 }, "1 second"))
      assert.deepStrictEqual(
        published.map(({ id, data }) => [id.slice(35), (data as { readonly sku: string }).sku]),
        [
          ["1", "mug"],
          ["3", "bag"],
          ["3.2-1", "bag"],
          ["3.2-2", "paper"],
          ["3.3", "ribbon"]
        ]
      )
    }).pipe(Effect.scoped, Effect.provide(Layer.merge(stores, broker)))
  })

  it.effect("stop where not even that helps, at the event's place", () =>
    Effect.gen(function* () {
      yield* writeHistory
      const former = { ItemPutIn: Event.former(1, () => []) }
      const events = Event.define({ ItemAdded: { sku: Schema.String }, Wrapped: { sku: Schema.String } }, { former })
      const older = Aggregate.make({ ...Basket, events: events as never })
      const baskets = yield* Entities.make(older, { persistence: Persistence.events() })
      const error = yield* Effect.flip(baskets.read("a"))
      assert.deepInclude(error, {
        _tag: "UndecodableEvent",
        stream: "basket-a",
        version: 2,
        position: 2,
        eventType: "Seen",
        schemaVersion: 1
      })
    }).pipe(Effect.scoped, Effect.provide(stores))
  )
})
