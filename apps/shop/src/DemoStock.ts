/**
 * The stock of a shop that sells the demo catalogue, so that a newcomer's first checkout succeeds. Used by `Parts` where nothing
 * says that the shop is a real one.
 */
import { demoCatalogue } from "@daybook/services/cart/DemoCatalogue"
import { StockItems } from "@daybook/services/inventory/Entities"
import { defaultLocation } from "@daybook/services/inventory/LocationChoice"
import { stockItemId } from "@daybook/services/inventory/StockItemState"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** How many of each product. */
export const quantity = 1_000

/** The delivery, and the command that records it: the same for ever, so that it comes once. */
const reference = "demo-stock"

/** A layer that receives the demo stock once in the life of a store. */
export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const stockItems = yield* StockItems
    yield* Effect.forEach(
      demoCatalogue,
      ([sku]) => {
        const item = { sku, location: defaultLocation }
        const command = { _tag: "ReceiveStock", ...item, quantity, reference } as const
        return stockItems.execute(stockItemId(item), command, { commandId: reference, actor: "demo" })
      },
      { concurrency: "unbounded", discard: true }
    )
  })
)
