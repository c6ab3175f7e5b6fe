/**
 * What other services are told of carts: everything from the checkout on, each message complete in itself, and nothing of how a
 * cart is filled.
 */
import { Broker } from "@daybook/core/Broker"
import type { Message } from "@daybook/core/Message"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { CartEvents, type CartEvent as Said } from "../../src/cart/Contract.ts"
import { CartEvents as Events } from "../../src/cart/Events.ts"
import { cartPublication } from "../../src/cart/Publication.ts"
import * as Given from "./Given.ts"
import { type Happening, recorded } from "./ReadModels.ts"

/** What the publication hands to the broker. */
const published = (happenings: ReadonlyArray<Happening>) =>
  Effect.gen(function* () {
    const messages: Array<Message & { readonly topic: string }> = []
    const broker: Broker["Service"] = {
      guarantees: { durable: false, failover: false, maxMessageBytes: 1_000_000 },
      publish: (topic, batch) => Effect.sync(() => void messages.push(...batch.map((one) => ({ ...one, topic })))),
      subscribe: () => Effect.never
    }
    yield* Effect.provideService(cartPublication.handle(recorded(happenings), { replaying: false }), Broker, broker)
    return messages
  })

const of = (event: Happening["event"]): Happening => ({ cart: "guest-7", atMillis: 1_000, event })

const { lines, total, customerId, country } = Given.checkoutBegun()

/** Every event of a cart, and what others hear of it. */
const cases: ReadonlyArray<readonly [event: Happening["event"], said: Said | undefined]> = [
  [Given.cartOpened(), undefined],
  [Given.itemAdded(), undefined],
  [Given.quantityChanged(), undefined],
  [Given.itemRemoved(), undefined],
  [Given.guestCartMerged(), undefined],
  [
    Given.checkoutBegun(),
    { _tag: "CartCheckedOut", cartId: "guest-7", checkoutId: "checkout-1", customerId, country, total, lines }
  ],
  [Given.cartCompleted(), { _tag: "CartCompleted", cartId: "guest-7", checkoutId: "checkout-1" }],
  [
    Given.cartRestored(),
    {
      _tag: "CartRestored",
      cartId: "guest-7",
      checkoutId: "checkout-1",
      reason: "shortage",
      shortages: [{ sku: "71053", requested: 6, available: 2 }]
    }
  ],
  [
    Given.cartAbandoned(),
    { _tag: "CartAbandoned", cartId: "guest-7", reason: "expired", customerId, country, total, lineCount: 1 }
  ]
]

describe("of an event of a cart", () => {
  it.effect.each(cases.map(([event, said]) => ({ event, said, name: event._tag, what: said?._tag ?? "nothing" })))(
    "$name others hear $what",
    ({ event, said }) =>
      Effect.map(published([of(event)]), (messages) => {
        expect(messages.map((message) => CartEvents.decode(message))).toEqual(said === undefined ? [] : [said])
        for (const { topic, key, source } of messages) {
          expect({ topic, key, source }).toEqual({ topic: "cart-events", key: "guest-7", source: "/cart" })
        }
      })
  )

  it("no case is missing above", () => {
    expect(cases.map(([{ _tag }]) => _tag)).toEqual(Events.names)
    expect(cases.flatMap(([, said]) => said?._tag ?? [])).toEqual(CartEvents.names)
  })
})

describe("others can read whatever a cart may hold", () => {
  it.effect.each(["shortage", "payment-declined", "cancelled", "failed"] as const)("restored: %s", (reason) =>
    Effect.map(published([of(Given.cartRestored({ reason, shortages: [] }))]), ([message]) => {
      expect(CartEvents.decode(message!)).toMatchObject({ reason, shortages: [] })
    })
  )

  it.effect("an abandoned cart that was picked up again had no checkout", () =>
    Effect.map(
      published([of(Given.cartRestored({ checkoutId: null, reason: "recovered", shortages: [] }))]),
      ([it]) => {
        expect(CartEvents.decode(it!)).toMatchObject({ _tag: "CartRestored", checkoutId: null, reason: "recovered" })
      }
    )
  )

  it.effect.each(["expired", "discarded", "merged"] as const)("abandoned: %s", (reason) =>
    Effect.map(published([of(Given.cartAbandoned({ reason }))]), ([message]) => {
      expect(CartEvents.decode(message!)).toMatchObject({ reason })
    })
  )

  it.effect("a guest without a country, and a currency that is no longer in use", () =>
    Effect.gen(function* () {
      const old = { amountMinor: 1, currency: "ANG" }
      const event = Given.checkoutBegun({ customerId: null, country: null, total: old, lines: [] })
      const [message] = yield* published([of(event)])
      expect(CartEvents.decode(message!)).toMatchObject({ customerId: null, country: null, total: old, lines: [] })
    })
  )
})

it.effect("of a whole life, others hear what concerns them, in order", () =>
  Effect.gen(function* () {
    const life = [
      ...Given.frozen,
      Given.cartRestored(),
      Given.checkoutBegun({ checkoutId: "2" }),
      Given.cartCompleted()
    ]
    const types = (yield* published(life.map(of))).map(({ type }) => type)
    expect(types).toEqual(["CartCheckedOut", "CartRestored", "CartCheckedOut", "CartCompleted"])
  })
)
