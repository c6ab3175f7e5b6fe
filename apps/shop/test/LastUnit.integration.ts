/**
 * The last unit and very many buyers, on a PostgreSQL server.
 */
import * as Redacted from "effect/Redacted"
import { expect, it } from "vitest"
import { createDatabase } from "./Databases.ts"
import { sellLastUnit } from "./LastUnit.ts"
import { startWholeShop } from "./WholeShop.ts"

it("of 500 buyers at once for one unit one gets it, and the others get their carts back", {
  timeout: 600_000
}, async () => {
  const shop = await startWholeShop({ url: Redacted.make(await createDatabase("last_unit")) })
  try {
    await sellLastUnit(shop, 500)
    expect((await shop.call("GET", "/health/ready")).status).toBe(200)
  } finally {
    await shop.stop()
  }
})
