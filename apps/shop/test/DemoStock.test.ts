/**
 * What a newcomer relies on: the demo catalogue is in stock, once, however often the shop is started; and a real shop gets nothing
 * that it has not received.
 */

import { Broker } from "@daybook/core/Broker"
import * as Database from "@daybook/postgres/Database"
import { demoCatalogue } from "@daybook/services/cart/DemoCatalogue"
import { StockItems } from "@daybook/services/inventory/Entities"
import { stockItemId } from "@daybook/services/inventory/StockItemState"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { describe, expect, it } from "vitest"
import * as DemoStock from "../src/DemoStock.ts"
import * as Running from "../src/Running.ts"
import * as Settings from "../src/Settings.ts"

describe("the demo stock", () => {
  it("is there after the first start, and the same after the second", async () => {
    const onHand = Effect.gen(function* () {
      const stockItems = yield* StockItems
      return yield* Effect.forEach(demoCatalogue, ([sku]) =>
        Effect.map(stockItems.read(stockItemId({ sku, location: "main" })), ({ state }) => state.onHand)
      )
    })
    const starts = Effect.gen(function* () {
      const database = Layer.succeedContext(yield* Layer.build(Database.layer({ folder: undefined })))
      const roles: Settings.Roles = new Set(["command"])
      const place = { write: database, read: database, broker: Broker.layerMemory(), roles }
      const start = Effect.suspend(() =>
        onHand.pipe(Effect.provide(DemoStock.layer.pipe(Layer.provideMerge(Running.inventory(place)))), Effect.scoped)
      )
      return [yield* start, yield* start]
    }).pipe(Effect.scoped)
    const whole = demoCatalogue.map(() => DemoStock.quantity)
    expect(await Effect.runPromise(starts)).toEqual([whole, whole])
  }, 60_000)

  it.each([
    [{}, true],
    [{ DEMO_STOCK: "0" }, false],
    [{ CART_PRICE_LIST: "prices.json" }, false],
    [{ CART_PRICE_LIST: "prices.json", DEMO_STOCK: "1" }, true],
    [{ DATABASE_URL: "postgres://localhost/shop" }, false],
    [{ INVENTORY_WRITE_URL: "postgres://localhost/stock" }, false],
    [{ DATABASE_URL: "postgres://localhost/shop", DEMO_STOCK: "1" }, true]
  ])("%j: %j", async (settings, wanted) => {
    const provider = ConfigProvider.layer(ConfigProvider.fromUnknown(settings))
    expect(await Effect.runPromise(Effect.provide(Settings.demoStock, provider))).toBe(wanted)
  })
})
