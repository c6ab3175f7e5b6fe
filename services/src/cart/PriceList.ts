/**
 * What things cost: the port through which the cart's HTTP API finds the price of a SKU, so that it never trusts a client's.
 *
 * The price is looked up before the command is sent and travels inside it. `layerConfig` reads a JSON file, or without one
 * offers the demo catalogue; a shop with a catalogue service of its own provides another layer.
 */
import { Problem, reasonOf } from "@daybook/core/Problem"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Money from "../Money.ts"
import { Id, Text } from "../Text.ts"
import { demoCatalogue } from "./DemoCatalogue.ts"

/** The price list has no price for this SKU in this currency. */
export class UnknownSku extends Problem<UnknownSku>()(
  "UnknownSku",
  { status: 422, title: "The product is not for sale" },
  { sku: Schema.String, currency: Schema.String }
) {}

/** The price list's file cannot be used. The service does not start with it. */
export class PriceListUnusable extends Problem<PriceListUnusable>()(
  "PriceListUnusable",
  { status: 500, title: "The price list cannot be used" },
  { path: Schema.String }
) {}

/** What is known about a SKU. */
export interface Listing {
  readonly description: string
  readonly unitPrice: Money.Money
}

/** One product. Prices are plain decimals by currency, such as `{ "GBP": "2.55" }`. */
export const Product = Schema.Struct({
  sku: Id,
  description: Text(200),
  prices: Schema.Record(Schema.String, Schema.String)
})

/** One product. */
export type Product = typeof Product.Type

const file = Schema.fromJsonString(Schema.Array(Product))

export class PriceList extends Context.Service<
  PriceList,
  {
    /** What a unit of `sku` costs in `currency`, at this moment. */
    lookup(sku: string, currency: string): Effect.Effect<Listing, UnknownSku>
  }
>()("@daybook/services/cart/PriceList") {
  /** These products. A product listed twice, or a price that is no amount of its currency, is a defect. */
  static readonly layerStatic = (products: ReadonlyArray<Product>): Layer.Layer<PriceList> =>
    Layer.sync(PriceList, () => make(index(products)))

  /** A few dozen products to try things out with, in GBP, EUR and USD. */
  static readonly layerDemo: Layer.Layer<PriceList> = Layer.sync(PriceList, () => make(index(demoProducts())))

  /** A JSON file: an array of `Product`. Read once, at start-up. */
  static readonly layerFile = (path: string): Layer.Layer<PriceList, PriceListUnusable, FileSystem.FileSystem> =>
    Layer.effect(PriceList, Effect.map(read(path), make))

  /** The file that `CART_PRICE_LIST` names; the demo catalogue when it names none. */
  static readonly layerConfig: Layer.Layer<PriceList, PriceListUnusable | Config.ConfigError, FileSystem.FileSystem> =
    Layer.unwrap(
      Effect.map(Config.String("CART_PRICE_LIST").pipe(Config.withDefault("")), (path) =>
        path === "" ? PriceList.layerDemo : PriceList.layerFile(path)
      )
    )
}

type Index = ReadonlyMap<string, { readonly description: string; readonly prices: ReadonlyMap<string, Money.Money> }>

const priceOf = (sku: string, currency: string, text: string): Money.Money => {
  const digits = Money.minorDigits(currency)
  if (digits === undefined) throw new Error(`${sku} has a price in ${currency}, which is no ISO 4217 currency in use`)
  const price = Money.fromDecimal(text, currency)
  if (price !== undefined && price.amountMinor >= 0) return price
  const expected = `a plain decimal of 0 or more with at most ${digits} digits after the point`
  throw new Error(`the price of ${sku} in ${currency} is ${JSON.stringify(text)}; give ${expected}`)
}

/** Throws an `Error` that says which product is wrong. */
const index = (products: ReadonlyArray<Product>): Index => {
  const bySku = new Map<string, { description: string; prices: Map<string, Money.Money> }>()
  for (const { sku, description, prices } of products) {
    if (bySku.has(sku)) throw new Error(`${sku} is listed twice; keep one of the two`)
    const entries = Object.entries(prices).map(([currency, text]) => [currency, priceOf(sku, currency, text)] as const)
    bySku.set(sku, { description, prices: new Map(entries) })
  }
  return bySku
}

const read = Effect.fnUntraced(function* (path: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const unusable = (why: string) =>
    new PriceListUnusable({
      path,
      detail: `${path}: ${why}. Correct the file that CART_PRICE_LIST names, and start again.`
    })
  const text = yield* Effect.mapError(fileSystem.readFileString(path), (error) => unusable(error.message))
  const products = yield* Effect.mapError(Schema.decodeEffect(file)(text), (error) => unusable(error.message))
  return yield* Effect.try({
    try: () => index(products),
    catch: (error) => unusable(reasonOf(error))
  })
})

const make = (listings: Index): PriceList["Service"] => ({
  lookup: (sku, currency) => {
    const found = listings.get(sku)
    const unitPrice = found?.prices.get(currency)
    if (found !== undefined && unitPrice !== undefined) {
      return Effect.succeed({ description: found.description, unitPrice })
    }
    const detail =
      found === undefined
        ? `The price list has no product ${sku}. Check the SKU.`
        : `${sku} has no price in ${currency}, only in ${[...found.prices.keys()].join(", ")}. Use a cart in one of those currencies.`
    return Effect.fail(new UnknownSku({ sku, currency, detail }))
  }
})

const demoProducts = (): ReadonlyArray<Product> =>
  demoCatalogue.map(([sku, description, GBP, EUR, USD]) => ({ sku, description, prices: { GBP, EUR, USD } }))
