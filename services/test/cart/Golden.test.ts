/**
 * The stored formats of the cart, as files: one for every version of every event that was ever written, and of its state.
 *
 * A failure here means that what is on disk would be written or read otherwise than before. Never edit a file of a version that
 * has been released: raise the schema version, add an upcaster and a file.
 */
import { readdirSync, readFileSync } from "node:fs"
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import * as Domain from "../../src/cart/Domain.ts"
import { type CartEvent, CartEvents } from "../../src/cart/Events.ts"
import * as Given from "./Given.ts"

const folder = new URL("golden/", import.meta.url)
const read = (file: string): unknown => JSON.parse(readFileSync(new URL(file, folder), "utf8"))

/** What each file means, in today's terms. */
const meanings: Record<string, CartEvent> = {
  "CartOpened.v1.json": Given.cartOpened({ customerId: null, country: "EIRE" }),
  "ItemAdded.v1.json": Given.itemAdded({ description: 'GIN + TONIC "DIET" SIGN, £2' }),
  "QuantityChanged.v1.json": Given.quantityChanged(),
  "ItemRemoved.v1.json": Given.itemRemoved(),
  "GuestCartMerged.v1.json": Given.guestCartMerged(),
  "CheckoutBegun.v1.json": Given.checkoutBegun(),
  "CartCompleted.v1.json": Given.cartCompleted(),
  "CartRestored.v1.json": Given.cartRestored(),
  "CartAbandoned.v1.json": Given.cartAbandoned()
}

const schemaVersionOf = (event: CartEvent): number => CartEvents.schemaVersion(event._tag) ?? 0

const stored = (file: string) => {
  const { type, schemaVersion, data } = read(file) as { type: string; schemaVersion: number; data: unknown }
  return { ...Given.metadata, type, schemaVersion, data }
}

describe("events", () => {
  it("have a file for every version, and no file is without a meaning", () => {
    const versions = CartEvents.names.flatMap((name) =>
      Array.from({ length: CartEvents.schemaVersion(name) ?? 0 }, (_, i) => `${name}.v${i + 1}.json`)
    )
    const files = readdirSync(folder).filter((file) => !file.startsWith("State."))
    expect(files.sort()).toEqual(versions.sort())
    expect(Object.keys(meanings).sort()).toEqual(versions)
  })

  it.each(Object.entries(meanings))("reads %s", (file, event) => {
    expect(CartEvents.decode(stored(file))).toStrictEqual(event)
  })

  const current = Object.entries(meanings).filter(([file, event]) => file.endsWith(`.v${schemaVersionOf(event)}.json`))

  it.each(current)("writes %s", (file, event) => {
    expect(CartEvents.encode(event)).toStrictEqual(read(file))
  })

  it("are read also when their currency is no longer in use, and their texts are longer than commands may bring", () => {
    const line = { ...Given.lantern, description: "x".repeat(10_000), unitPrice: { amountMinor: 1, currency: "ANG" } }
    const event = Given.itemAdded(line)
    expect(CartEvents.decode({ ...Given.metadata, ...CartEvents.encode(event) })).toStrictEqual(event)
  })
})

describe("the state", () => {
  const codec = Schema.toCodecJson(Domain.make().state.schema)
  const state = Given.stateAfter([
    ...Given.filled,
    Given.itemAdded({ lineId: "2" }),
    Given.itemRemoved({ lineId: "2" }),
    Given.guestCartMerged(),
    Given.checkoutBegun()
  ])
  const file = `State.v${Domain.make().state.version}.json`

  it(`reads ${file}`, () => {
    expect(Schema.decodeUnknownSync(codec)(read(file))).toStrictEqual(state)
  })

  it(`writes ${file}`, () => {
    expect(Schema.encodeUnknownSync(codec)(state)).toStrictEqual(read(file))
  })
})
