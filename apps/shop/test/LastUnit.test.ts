/**
 * The last unit and many buyers, on the embedded store.
 */
import { expect, it } from "vitest"
import { sellLastUnit } from "./LastUnit.ts"
import { startWholeShop } from "./WholeShop.ts"

it("of 50 buyers at once for one unit one gets it, and the others get their carts back", {
  timeout: 300_000
}, async () => {
  const shop = await startWholeShop({ folder: undefined })
  try {
    await sellLastUnit(shop, 50)
    expect((await shop.call("GET", "/health/ready")).status).toBe(200)
  } finally {
    await shop.stop()
  }
})
