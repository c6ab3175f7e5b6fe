/**
 * What a privacy officer relies on: an export that has everything of a person and nobody else's data, holds that forbid an erasure,
 * an erasure after which nothing opens and every seal still verifies, and a master key that can be replaced.
 */
import { readFileSync, rmSync, statSync } from "node:fs"
import { join } from "node:path"
import * as MasterKeyFile from "@daybook/postgres/MasterKeyFile"
import { afterAll, describe, expect, it } from "vitest"
import * as Erasure from "../../../apps/shop/test/Erasure.ts"
import { startWholeShop } from "../../../apps/shop/test/WholeShop.ts"
import * as Mixed from "./MixedCheckout.ts"
import { daybook, scratch } from "./Orders.ts"

const root = scratch()
const home = join(root, "store")
const settings = { DAYBOOK_HOME: home, MASTER_KEY_FILE: join(root, "master-key") }
const subject = (...args: ReadonlyArray<string>) => daybook(settings, "subject", ...args)

afterAll(() => rmSync(root, { recursive: true, force: true }))

const exported = async (id: string) => {
  const { code, out, err } = await subject("export", id)
  expect({ code, err }).toEqual({ code: 0, err: "" })
  return { text: out, document: JSON.parse(out) }
}

const recipientOf = (document: any, orderId: string) =>
  document.services.order.readModels.order_view.find((row: any) => row.order_id === orderId)?.recipient

it("what people buy in a shop, for a start", async () => {
  const shop = await startWholeShop({ folder: home }, MasterKeyFile.layer(settings.MASTER_KEY_FILE))
  await Erasure.sell(shop)
  await Mixed.begin(shop)
  await Mixed.prune(shop)
  await shop.stop()
  expect(statSync(settings.MASTER_KEY_FILE).mode & 0o777).toBe(0o600)
}, 120_000)

describe("an export", () => {
  it("holds what concerns a customer, from all services, with personal data opened", async () => {
    const { document, text } = await exported("jane")
    expect(document).toMatchObject({ subject: "jane", personalData: "live" })
    const streams = Object.fromEntries(
      Object.entries<any>(document.services).map(([service, { events }]) => [
        service,
        [...new Set(events.map(({ stream }: { stream: string }) => stream))]
      ])
    )
    expect(streams).toMatchObject({
      checkout: ["checkout-buy-jane", "checkout-short-jane"],
      order: ["order-buy-jane", "order-short-jane"],
      inventory: ["reservation-buy-jane", "reservation-short-jane"],
      payment: ["payment-buy-jane"]
    })
    expect(streams.cart).toEqual(["cart-cart-buy-jane", "cart-cart-short-jane"])
    const { order, cart, checkout } = document.services
    expect(recipientOf(document, "buy-jane").name).toBe("Name-JANEq8Xw2 Ünlü")
    expect(order.events[0].data.recipient.address.city).toBe("City-JANEq8Xw2")
    expect(checkout.events[0].data.data.recipient.email).toBe("mail-JANEq8Xw2@example.org")
    expect(Object.keys(order.readModels)).toEqual(["order_line", "order_timeline", "order_view"])
    expect(cart.states.length + cart.events.length).toBeGreaterThan(0)
    expect(order.snapshots).toHaveLength(1)
    expect(order.setAside).toMatchObject([{ message_id: "poison-buy-jane" }])
    expect(text).not.toMatch(/JOHNm5Vt4|buy-john|GUESTk3Yp9/)
  })

  it("holds what concerns a guest, by their checkout", async () => {
    const { document, text } = await exported("guest:buy-guest")
    expect(recipientOf(document, "buy-guest").name).toBe("Name-GUESTk3Yp9 Ünlü")
    expect(document.services.cart.events.map(({ stream }: { stream: string }) => stream)).toContain(
      "cart-cart-buy-guest"
    )
    expect(text).not.toMatch(/JOHNm5Vt4|JANEq8Xw2/)
  })

  it("opens nothing that is sealed for somebody else, whose checkout of the customer's cart was refused", async () => {
    const { document, text } = await exported(Mixed.owner)
    const { cart, checkout, order } = document.services
    expect(cart.events.map(({ type }: { type: string }) => type)).toContain("CheckoutBegun")
    expect(cart.readModels.cart_lines).toMatchObject([{ lines: [expect.arrayContaining([Mixed.goods])] }])
    expect(checkout.events[0].data.data).toMatchObject({
      ...{ recipient: "sealed for somebody else", cartId: "somebody else's", paymentMethod: "somebody else's" }
    })
    expect(order.rejectedCommands).toMatchObject([{ data: { recipient: "sealed for somebody else" } }])
    expect(text).not.toContain(Mixed.mark)
    expect(text).not.toContain("pd1.")
    expect(text).not.toContain("4242")
  })

  it("holds nothing of the cart of somebody else that the customer's checkout named, but what they gave with it", async () => {
    const { document, text } = await exported(Mixed.other)
    const { cart, checkout, order } = document.services
    expect({ events: cart.events, states: cart.states, readModels: cart.readModels }).toEqual({
      ...{ events: [], states: [], readModels: {} }
    })
    expect(checkout.events[0].data.data).toMatchObject({
      ...{ cartId: Mixed.cartId, recipient: { name: `Name-${Mixed.mark}` }, paymentMethod: { last4: "4242" } }
    })
    expect(order.rejectedCommands).toMatchObject([
      { data: { recipient: { name: `Name-${Mixed.mark}` }, lines: "somebody else's" } }
    ])
    expect(text).not.toContain(Mixed.goods)
  })

  it("holds the carts of which a snapshot is all that is left", async () => {
    const { document, text } = await exported(Mixed.other)
    expect(document.services.cart.snapshots).toMatchObject([{ stream: `cart-pruned-${Mixed.other}` }])
    expect(text).toContain(`Pruned of ${Mixed.other}`)
    expect(text).not.toContain(`Pruned of ${Mixed.owner}`)
  })

  it("of a guest whose id is that of a customer's checkout holds nothing of the customer", async () => {
    const { document, text } = await exported("guest:buy-john")
    for (const { events, readModels } of Object.values<any>(document.services)) {
      expect({ events, readModels }).toEqual({ events: [], readModels: {} })
    }
    expect(text).not.toMatch(/JOHNm5Vt4|MUG-BLUE/)
  })

  it("of somebody who is not known is empty, and says so", async () => {
    const { document } = await exported("nobody")
    expect(document).toMatchObject({ personalData: "unknown", services: { order: { events: [], readModels: {} } } })
  })

  it("goes into a file that its owner alone may read", async () => {
    const file = join(root, "jane.json")
    expect(await subject("export", "jane", "--output", file)).toMatchObject({ code: 0 })
    expect(JSON.parse(readFileSync(file, "utf8")).subject).toBe("jane")
    expect(statSync(file).mode & 0o777).toBe(0o600)
  })
})

describe("an erasure", () => {
  it("is refused under a legal hold, which is named, and goes on when it is released", async () => {
    expect(await subject("hold", "jane", "--reason", "chargeback 81")).toMatchObject({ code: 0, err: "" })
    const refused = await subject("erase", "jane", "--reason", "request 7")
    expect(refused.code).toBe(1)
    expect(refused.err).toContain("legal (chargeback 81)")
    expect((await exported("jane")).document.personalData).toBe("live")
    expect((await subject("release", "jane", "--reason", "closed")).out).toBe("Hold legal on subject jane is released.")
    expect((await subject("release", "jane", "--reason", "closed")).out).toContain("nothing was changed")
  })

  it("leaves amounts and dates, opens nothing any more, and says the second time that it was done", async () => {
    expect(await daybook(settings, "audit", "seal")).toMatchObject({ code: 0 })
    const erased = await subject("erase", "jane", "--reason", "request 7", "--actor", "officer", "--json")
    expect(erased).toMatchObject({ code: 0, err: "" })
    expect(JSON.parse(erased.out)).toMatchObject({
      ...{ subject: "jane", erased: true, repeated: false, hadKey: true },
      services: ["checkout", "cart", "order", "inventory", "payment", "privacy"]
    })
    expect((await subject("erase", "jane", "--reason", "request 7")).out).toContain("had been erased before")

    const { document, text } = await exported("jane")
    expect(document.personalData).toBe("erased")
    expect(text).not.toContain("JANEq8Xw2")
    const { order, privacy } = document.services
    expect(order.events[0].data).toMatchObject({ recipient: { erased: true }, total: { amountMinor: 750 } })
    expect(order.readModels.order_view[0]).toMatchObject({ recipient_erased: true, total_minor: 750 })
    expect(order.snapshots).toEqual([])
    expect(order.setAside).toEqual([])
    expect(privacy.events.map(({ type }: { type: string }) => type)).toEqual([
      ...["HoldPlaced", "HoldReleased", "SubjectErased"]
    ])
    expect(privacy.events[0]).toMatchObject({ actor: expect.stringMatching(/^operator:./), reason: "chargeback 81" })
    expect(privacy.events[2]).toMatchObject({ actor: "officer", reason: "request 7" })
    expect(recipientOf((await exported("john")).document, "buy-john").name).toBe("Name-JOHNm5Vt4 Ünlü")
  })

  it("leaves every seal as it was", async () => {
    expect(await daybook(settings, "audit", "verify")).toMatchObject({ code: 0 })
  })

  it("asks for a reason, and for an id that can be one", async () => {
    expect(await subject("erase", "jane")).toMatchObject({ code: 2 })
    for (const id of ["x".repeat(81), " john", "john ", "guest:", "guest: buy-guest"]) {
      expect((await subject("erase", id, "--reason", "r")).code).toBe(2)
      expect((await subject("export", id)).code).toBe(2)
    }
  })

  it("of somebody of whom nothing is known is refused, and leaves no mark, unless it is asked for all the same", async () => {
    for (const id of ["jhon", "guest:buy-john"]) {
      const { code, out, err } = await subject("erase", id, "--reason", "request 8")
      expect({ code, out }).toEqual({ code: 1, out: "" })
      expect(err).toContain(`Nothing is known of subject ${id}`)
      expect(err).toContain("Check the id")
      expect((await exported(id)).document).toMatchObject({
        personalData: "unknown",
        services: { privacy: { events: [] } }
      })
    }
    const erased = await subject("erase", "jhon", "--reason", "request 8", "--unknown")
    expect(erased).toMatchObject({ code: 0, err: "" })
    expect((await exported("jhon")).document.personalData).toBe("erased")
    expect((await subject("erase", "jhon", "--reason", "request 8")).out).toContain("had been erased before")
  })

  it("of somebody who has no key, and a cart, needs no more than their id", async () => {
    expect((await exported(Mixed.owner)).document.personalData).toBe("unknown")
    const { code, out } = await subject("erase", Mixed.owner, "--reason", "request 9", "--json")
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ erased: true, repeated: false, hadKey: false })
  })
})

describe("the master key", () => {
  const fresh = join(root, "master-key.new")

  it("is replaced by a new one, under which everything opens as before", async () => {
    const before = readFileSync(settings.MASTER_KEY_FILE, "utf8")
    const { code, out, err } = await subject("rotate-master-key", "--new-key", fresh, "--json")
    expect({ code, err }).toEqual({ code: 0, err: "" })
    expect(JSON.parse(out)).toMatchObject({ wrapped: 3, replaced: [expect.any(String)] })
    const after = readFileSync(settings.MASTER_KEY_FILE, "utf8")
    expect(after).toBe(readFileSync(fresh, "utf8"))
    expect(after).not.toBe(before)
    expect(statSync(settings.MASTER_KEY_FILE).mode & 0o777).toBe(0o600)
    expect(recipientOf((await exported("john")).document, "buy-john").name).toBe("Name-JOHNm5Vt4 Ünlü")
  })

  it("is never the one to destroy: the key in use is refused as the new one, under whichever name", async () => {
    const before = readFileSync(settings.MASTER_KEY_FILE, "utf8")
    for (const file of [settings.MASTER_KEY_FILE, fresh]) {
      const { code, out, err } = await subject("rotate-master-key", "--new-key", file)
      expect({ code, out }).toEqual({ code: 1, out: "" })
      expect(err).toContain("nothing was changed")
      expect(err).not.toMatch(/destroy|remove/)
    }
    expect(readFileSync(settings.MASTER_KEY_FILE, "utf8")).toBe(before)
  })

  it("is missed, by its name, where it is not there; nothing is made in its place", async () => {
    const elsewhere = { ...settings, MASTER_KEY_FILE: join(root, "nowhere") }
    const { code, err } = await daybook(elsewhere, "subject", "export", "john")
    expect(code).toBe(1)
    expect(err).toMatch(/wrapped under master key [0-9a-f]{16}, which is not among the master keys.*MASTER_KEY_FILE/)
    expect(() => statSync(elsewhere.MASTER_KEY_FILE)).toThrow()
  })
})

describe("help", () => {
  it.each([
    [["subject"]],
    [["subject", "export"]],
    [["subject", "erase"]],
    [["subject", "hold"]],
    [["subject", "release"]],
    [["subject", "rotate-master-key"]]
  ])("of daybook %j has examples", async (command) => {
    const { code, out } = await daybook({}, ...command, "--help")
    expect(code).toBe(0)
    expect(out).toMatch(/\n\nEXAMPLES\n {2}# .+\n {2}daybook /)
  })
})
