/**
 * Erasure on the embedded store: over HTTP, and then in its files.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as Erasure from "./Erasure.ts"
import { startWholeShop, type WholeShop } from "./WholeShop.ts"

const folder = mkdtempSync(join(tmpdir(), "daybook-erasure-"))
let shop: WholeShop

beforeAll(async () => {
  shop = await startWholeShop({ folder: join(folder, "store") })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe("a person who is erased", () => {
  it("is shown no more in any order, while amounts and everybody else's data stay, and nothing new is kept of them", async () => {
    await Erasure.sell(shop)
    await Erasure.erase(shop)
    await Erasure.expectErased(shop)
  }, 120_000)

  it("is not repeated by an answer that refuses their data", async () => {
    const recipient = { name: "Name-JANEq8Xw2".repeat(30), email: "mail JANEq8Xw2", address: "House-JANEq8Xw2" }
    const body = { cartId: "cart-again", recipient, paymentMethod: { token: "tok_approve" } }
    const refused = await shop.call("POST", "/checkouts", { body })
    expect(refused).toMatchObject({ status: 400, body: { type: "urn:daybook:problem:InvalidRequest" } })
    expect(refused.body.detail).toContain("body.recipient.email")
    expect(refused.text).not.toContain("JANEq8Xw2")
  })

  it("is in no row and in no file of the database, and never was in clear, nor is anybody else", async () => {
    const text = await Erasure.dump(shop)
    await shop.stop()
    const words = [Erasure.control, ...Erasure.marks]
    expect(words.filter((word) => text.includes(word))).toEqual([Erasure.control])
    const found = Erasure.search(folder, words)
    expect(found.length).toBeGreaterThan(0)
    expect(found.filter((line) => !line.startsWith(Erasure.control))).toEqual([])
  })
})
