/** What the cart's API relies on to price an item, and what a shop that writes a price list is told. */
import { NodeFileSystem } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import { PriceList, type Product } from "../../src/cart/PriceList.ts"

const lantern: Product = { sku: "71053", description: "White metal lantern", prices: { GBP: "3.39", JPY: "640" } }

const lookup = (sku: string, currency: string) => Effect.flatMap(PriceList, (list) => list.lookup(sku, currency))

/** Looks the lantern up in a price list whose file holds `text`. */
const fromFile = (text: string) =>
  Effect.gen(function* () {
    const fileSystem = yield* FileSystem.FileSystem
    const path = yield* fileSystem.makeTempFileScoped({ suffix: ".json" })
    yield* fileSystem.writeFileString(path, text)
    return yield* Effect.provide(lookup("71053", "GBP"), PriceList.layerFile(path))
  }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer))

const withConfig = (env: Record<string, string>) =>
  PriceList.layerConfig.pipe(
    Layer.provide(NodeFileSystem.layer),
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(env)))
  )

describe("a price list", () => {
  it.effect("prices a product in each of its currencies", () =>
    Effect.gen(function* () {
      const description = "White metal lantern"
      expect(yield* lookup("71053", "GBP")).toEqual({ description, unitPrice: { amountMinor: 339, currency: "GBP" } })
      expect(yield* lookup("71053", "JPY")).toEqual({ description, unitPrice: { amountMinor: 640, currency: "JPY" } })
    }).pipe(Effect.provide(PriceList.layerStatic([lantern])))
  )

  it.effect("says which product it does not have", () =>
    Effect.gen(function* () {
      const problem = yield* Effect.flip(lookup("85123A", "GBP"))
      expect(problem).toMatchObject({ _tag: "UnknownSku", status: 422, sku: "85123A", currency: "GBP" })
      expect(problem.detail).toBe("The price list has no product 85123A. Check the SKU.")
    }).pipe(Effect.provide(PriceList.layerStatic([lantern])))
  )

  it.effect("says in which currencies it does have a product", () =>
    Effect.gen(function* () {
      const problem = yield* Effect.flip(lookup("71053", "EUR"))
      expect(problem).toMatchObject({ _tag: "UnknownSku", sku: "71053", currency: "EUR" })
      expect(problem.detail).toBe("71053 has no price in EUR, only in GBP, JPY. Use a cart in one of those currencies.")
    }).pipe(Effect.provide(PriceList.layerStatic([lantern])))
  )
})

describe("the demo catalogue", () => {
  it.effect("prices a mug in pounds, euros and dollars", () =>
    Effect.gen(function* () {
      const prices = yield* Effect.forEach(["GBP", "EUR", "USD"], (currency) => lookup("MUG-BLUE", currency))
      expect(prices.map(({ unitPrice }) => unitPrice.amountMinor)).toEqual([750, 875, 950])
    }).pipe(Effect.provide(PriceList.layerDemo))
  )
})

describe("a price list's file", () => {
  it.effect("is an array of products", () =>
    Effect.gen(function* () {
      const { unitPrice } = yield* fromFile(JSON.stringify([lantern]))
      expect(unitPrice).toEqual({ amountMinor: 339, currency: "GBP" })
    })
  )

  it.effect.each([
    ["is no JSON", "[{", /JSON/],
    ["is no array", "{}", /Expected array/],
    ["has a product without a SKU", JSON.stringify([{ ...lantern, sku: undefined }]), /\["sku"\]/],
    ["has a price that is a number", JSON.stringify([{ ...lantern, prices: { GBP: 3.39 } }]), /\["GBP"\]/],
    [
      "has a fraction of a penny",
      JSON.stringify([{ ...lantern, prices: { GBP: "3.395" } }]),
      /price of 71053 in GBP is "3.395"; give a plain decimal of 0 or more with at most 2 digits/
    ],
    ["has a negative price", JSON.stringify([{ ...lantern, prices: { GBP: "-1" } }]), /price of 71053 in GBP is "-1"/],
    [
      "has a currency that is not in use",
      JSON.stringify([{ ...lantern, prices: { GBX: "339" } }]),
      /71053 has a price in GBX, which is no ISO 4217 currency in use/
    ],
    ["lists a product twice", JSON.stringify([lantern, lantern]), /71053 is listed twice; keep one of the two/]
  ] as const)("is refused when it %s", ([, text, why]) =>
    Effect.gen(function* () {
      const problem = yield* Effect.flip(fromFile(text))
      expect(problem).toMatchObject({ _tag: "PriceListUnusable", detail: expect.stringMatching(why) })
      expect(problem).toMatchObject({ detail: expect.stringContaining("Correct the file that CART_PRICE_LIST names") })
    })
  )

  it.effect("that does not exist is named", () =>
    Effect.gen(function* () {
      const layer = withConfig({ CART_PRICE_LIST: "/nowhere/prices.json" })
      const problem = yield* Effect.flip(Effect.provide(lookup("71053", "GBP"), layer))
      expect(problem).toMatchObject({ _tag: "PriceListUnusable", path: "/nowhere/prices.json" })
    })
  )

  it.effect("may be left out: then there is the demo catalogue", () =>
    Effect.gen(function* () {
      expect((yield* lookup("MUG-BLUE", "GBP")).unitPrice.amountMinor).toBe(750)
    }).pipe(Effect.provide(withConfig({})))
  )
})
