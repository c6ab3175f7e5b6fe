/**
 * The cart's queries: pages of any size put together are the whole list, also where many carts share a moment.
 */
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as fc from "fast-check"
import { CartQueries, type CartSummary } from "../../src/cart/Queries.ts"
import { UnknownCursor } from "../../src/Http.ts"
import type { Page } from "../../src/Serving.ts"
import { cartAbandoned, cartOpened, checkoutBegun, gbp, itemAdded } from "./Given.ts"
import { empty, type Happening, project, readModels, recorded, schema } from "./ReadModels.ts"

const queries = CartQueries.layer(schema).pipe(Layer.provideMerge(readModels))

const read = Effect.flatMap(CartQueries, Effect.succeed)

/** Starts anew with these events. */
const given = (happenings: ReadonlyArray<Happening>, times: { readonly recordedAtMillis?: number } = {}) =>
  Effect.andThen(empty, project([recorded(happenings).map((one) => ({ ...one, ...times }))]))

/** A list put together from its pages. */
const whole = <E, R>(limit: number, page: (page: Page) => Effect.Effect<ReadonlyArray<CartSummary>, E, R>) =>
  Effect.gen(function* () {
    const found: Array<string> = []
    while (true) {
      const slice = yield* page({ limit, after: found.at(-1) })
      found.push(...slice.map(({ id }) => id))
      if (slice.length < limit) return found
    }
  })

const byTimeThenId = (a: Happening, b: Happening): number => a.atMillis - b.atMillis || (a.cart < b.cart ? -1 : 1)

layer(queries, { timeout: "60 seconds" })("the queries of carts", (it) => {
  it.effect("put together from pages of any size, lists are whole and in order", () =>
    Effect.gen(function* () {
      const run = Effect.runPromiseWith(yield* Effect.context<Layer.Success<typeof queries>>())
      // Few moments for many carts, so that the id has to decide; in different hours, of which one index knows.
      const moment = fc.constantFrom(1, 2, 3_599_999, 3_600_000, 7_200_001)
      const moments = fc.array(moment, { minLength: 1, maxLength: 12 })
      const check = async (times: ReadonlyArray<number>, limit: number) => {
        const opened = times.map((atMillis, i) => ({ cart: `cart ${i}`, atMillis, event: cartOpened() }))
        await run(given(opened.flatMap((one) => [one, { ...one, event: itemAdded() }])))
        const oldestFirst = opened.toSorted(byTimeThenId).map(({ cart }) => cart)
        const { cartsOf, abandoned } = await run(read)
        expect(await run(whole(limit, (page) => cartsOf("17850", page)))).toEqual(oldestFirst.toReversed())
        expect(await run(whole(limit, (page) => abandoned(8_000_000, page)))).toEqual(oldestFirst)
      }
      yield* Effect.promise(() =>
        fc.assert(fc.asyncProperty(moments, fc.integer({ min: 1, max: 13 }), check), { numRuns: 40 })
      )
    })
  )

  it.effect("say so when a list is to go on after a cart that is not in it", () =>
    Effect.gen(function* () {
      const at = (cart: string, event: Happening["event"], atMillis = 1) => ({ cart, event, atMillis })
      yield* given([
        at("hers", cartOpened()),
        at("his", cartOpened({ customerId: "12347" })),
        at("sold", cartOpened()),
        at("sold", itemAdded()),
        at("sold", checkoutBegun())
      ])
      const { cartsOf, abandoned } = yield* read
      for (const after of ["unheard-of", "his"]) {
        const failure = yield* Effect.flip(cartsOf("17850", { limit: 5, after }))
        expect(failure).toBeInstanceOf(UnknownCursor)
        expect(failure.message).toBe(
          `Cart ${after} is not in this list, or no longer. Read the list again from its beginning, without "after".`
        )
      }
      expect(yield* Effect.flip(abandoned(1_000, { limit: 5, after: "sold" }))).toBeInstanceOf(UnknownCursor)
      expect(yield* cartsOf("17850", { limit: 5, after: "hers" })).toEqual([])
    })
  )

  it.effect("answer each with the cart that was asked for, however alike the ids of those read together are", () =>
    Effect.gen(function* () {
      const ids = ["twin", "\ufefftwin", "none", "Twin"]
      yield* given(
        ["twin", "\ufefftwin", "Twin"].map((cart, i) => ({
          ...{ cart, atMillis: 0, event: cartOpened({ customerId: `customer ${i}` }) }
        }))
      )
      const { cart } = yield* read
      const found = yield* Effect.forEach(ids, (id) => cart(id), { concurrency: "unbounded" })
      expect(found.map((one) => Option.getOrUndefined(one)?.customerId)).toEqual([
        ...["customer 0", "customer 1", undefined, "customer 2"]
      ])
    })
  )

  it.effect(
    "count a cart as abandoned when it has lines, is open or given up, and untouched since before the instant",
    () =>
      Effect.gen(function* () {
        const cart = (name: string, at: number, ...events: ReadonlyArray<Happening["event"]>) =>
          [cartOpened(), ...events].map((event) => ({ cart: name, event, atMillis: at }))
        yield* given([
          ...cart("empty", 1),
          ...cart("left", 3, itemAdded()),
          ...cart("given up", 2, itemAdded(), cartAbandoned()),
          ...cart("merged", 2, itemAdded(), cartAbandoned({ reason: "merged" })),
          ...cart("bought", 2, itemAdded(), checkoutBegun()),
          ...cart("touched", 5, itemAdded())
        ])
        const { abandoned } = yield* read
        const ids = Effect.fnUntraced(function* (before: number) {
          return (yield* abandoned(before, { limit: 10 })).map(({ id }) => id)
        })
        expect(yield* ids(5)).toEqual(["given up", "left"])
        expect(yield* ids(6)).toEqual(["given up", "left", "touched"])
        expect(yield* ids(2)).toEqual([])
      })
  )

  it.effect("do not count a cart as abandoned for being of years ago, where that was recorded just now", () =>
    Effect.gen(function* () {
      const events = [cartOpened(), itemAdded()].map((event) => ({ cart: "imported", event, atMillis: 5 }))
      yield* given(events, { recordedAtMillis: 5_000 })
      const { abandoned } = yield* read
      expect(yield* abandoned(5_000, { limit: 10 })).toEqual([])
      expect((yield* abandoned(5_001, { limit: 10 })).map(({ id, updatedAt }) => [id, updatedAt])).toEqual([
        ["imported", "1970-01-01T00:00:00.005Z"]
      ])
    })
  )

  it.effect("show a cart with amounts and times as they are, and a cart that there is not as none", () =>
    Effect.gen(function* () {
      const { cart } = yield* read
      const atMillis = Date.UTC(2011, 11, 9, 12, 50, 0, 7)
      const large = itemAdded({ quantity: 1, unitPrice: gbp(Number.MAX_SAFE_INTEGER), description: 'a "b" \\ ü 🛒' })
      yield* given(
        [cartOpened({ customerId: null, country: null }), large].map((event) => ({ cart: "c", event, atMillis }))
      )
      const { lineId, sku, description, quantity, unitPrice } = large
      expect(Option.getOrThrow(yield* cart("c"))).toEqual({
        id: "c",
        version: 2,
        status: "open",
        customerId: null,
        country: null,
        total: gbp(Number.MAX_SAFE_INTEGER),
        lineCount: 1,
        checkoutId: null,
        openedAt: "2011-12-09T12:50:00.007Z",
        updatedAt: "2011-12-09T12:50:00.007Z",
        lines: [{ lineId, sku, description, quantity, unitPrice }]
      })
      expect(Option.isNone(yield* cart("d"))).toBe(true)
    })
  )
})
