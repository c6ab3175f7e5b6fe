/**
 * A checkout that mixes two customers up: one's cart, with the other's name, address and card. Its order is refused. For tests.
 */
import { expect } from "vitest"
import type { WholeShop } from "../../../apps/shop/test/WholeShop.ts"

/** Whose cart it is. */
export const owner = "555"

/** Whose name, address and card were given. */
export const other = "17850"

export const cartId = "cart-w"
const checkoutId = "checkout-w"

/** In all that is personal of the other customer. */
export const mark = "OTHERw9Lp4"

/** What is in the cart, and in nobody else's. */
export const goods = "White enamel mug"

const recipient = {
  name: `Name-${mark}`,
  email: `mail-${mark}@example.org`,
  address: { lines: [`House-${mark}`], city: `City-${mark}`, postalCode: "LS1 1AA", country: "United Kingdom" }
}

const paymentMethod = { token: "tok_approve", brand: "visa", last4: "4242" }

/** Begins it, and waits until it has come to nothing. */
export const begin = async (shop: WholeShop): Promise<void> => {
  const post = async (path: string, body: unknown) =>
    expect(await shop.call("POST", path, { body })).toMatchObject({ status: 202 })
  await post("/carts", { id: cartId, customerId: owner, currency: "GBP" })
  await post(`/carts/${cartId}/items`, { sku: "MUG-WHITE", quantity: 1, lineId: "1" })
  await post("/checkouts", { id: checkoutId, cartId, customerId: other, recipient, paymentMethod })
  const ended = async () => (await shop.call("GET", `/checkouts/${checkoutId}`)).body?.status
  await expect.poll(ended, { timeout: 60_000, interval: 20 }).toBe("compensated")
}

/** Both have a cart each of which its snapshot is all that is left. */
export const prune = async (shop: WholeShop): Promise<void> => {
  for (const customerId of [owner, other]) {
    const state = JSON.stringify({ customerId, lines: [{ description: `Pruned of ${customerId}` }] })
    await shop.query(
      `INSERT INTO cart.snapshot (taken_at, version, schema_version, stream, data)
       SELECT now(), 9, 1, 'cart-pruned-${customerId}', '${state}'`
    )
  }
}
