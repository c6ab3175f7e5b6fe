/**
 * What an auditor relies on: a checkout shows as a tree from the buyer's request to its end, across all services; what was refused
 * is in it; and whatever was done or refused is found by who, what, when and in which conversation.
 */
import { readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { startWholeShop } from "../../../apps/shop/test/WholeShop.ts"
import { daybook, scratch } from "./Orders.ts"

const root = scratch()
const settings = { DAYBOOK_HOME: join(root, "store") }
const sku = "MUG-BLUE"
const audit = (...args: ReadonlyArray<string>) => daybook(settings, "audit", ...args)

/** A day in the life of a shop: a delivery, a checkout that succeeds, one that is short of stock, and a mistake of a clerk's. */
beforeAll(async () => {
  const shop = await startWholeShop({ folder: settings.DAYBOOK_HOME })
  const send = async (status: number, path: string, body: unknown, headers: Record<string, string> = {}) =>
    expect(await shop.call("POST", path, { ...(body === undefined ? {} : { body }), headers }), path).toMatchObject({
      status
    })
  const shows = (path: string, what: object) =>
    vi.waitFor(async () => expect((await shop.call("GET", path)).body).toMatchObject(what), {
      timeout: 60_000,
      interval: 50
    })
  const checkOut = async (id: string, quantity: number, status: string, headers: Record<string, string> = {}) => {
    await send(202, "/carts", { id: `cart-${id}`, currency: "GBP" }, headers)
    await send(202, `/carts/cart-${id}/items`, { sku, quantity, lineId: "1" }, headers)
    await send(202, "/checkouts", { id, cartId: `cart-${id}`, paymentMethod: { token: "tok_approve" } }, headers)
    await shows(`/checkouts/${id}`, { status })
  }
  await send(202, `/stock/${sku}/main/receipts`, { quantity: 9, reference: "delivery" }, { "x-actor": "ann" })
  await shows(`/stock/${sku}`, { available: 9 })
  await checkOut("o-1", 1, "completed", { "x-actor": "buyer-7" })
  await shows("/carts/cart-o-1", { status: "completed" })
  await shows("/orders/o-1", { status: "confirmed" })
  await send(409, "/orders/o-1/close", undefined, { "x-actor": "bob" })
  await checkOut("o-2", 90, "compensated", { "x-correlation-id": "visit-2" })
  const adjustment = { quantity: -99, reason: "damaged", reference: "count-1" }
  await send(409, `/stock/${sku}/main/adjustments`, adjustment, { "x-actor": "ann", "x-reason": "Counted twice" })
  await send(202, "/carts", { id: "cart-c", currency: "GBP" }, { "x-actor": "carol" })
  await send(202, "/carts/cart-c/abandon", { reason: "discarded" }, { "x-actor": "carol" })
  await send(202, "/subjects/kim/holds", { reason: "A chargeback is open" }, { "x-actor": "carol" })
  await shop.stop()
}, 120_000)

afterAll(() => rmSync(root, { recursive: true, force: true }))

interface Tree {
  readonly service: string
  readonly type: string
  readonly outcome: string
  readonly actor: string | null
  readonly data: { readonly step?: string }
  readonly effects: ReadonlyArray<Tree>
}

const nameOf = ({ service, type, data }: Tree): string =>
  `${service} ${type}${data.step === undefined ? "" : ` ${data.step}`}`

/** Trees as lines, indented; what follows from the same thing by name, since it races. */
const drawn = (trees: ReadonlyArray<Tree>, depth = 0): ReadonlyArray<string> =>
  [...trees]
    .sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
    .flatMap((tree) => [`${"  ".repeat(depth)}${nameOf(tree)}`, ...drawn(tree.effects, depth + 1)])

const all = (trees: ReadonlyArray<Tree>): ReadonlyArray<Tree> => trees.flatMap((tree) => [tree, ...all(tree.effects)])

const treesOf = async (conversation: string): Promise<ReadonlyArray<Tree>> => {
  const { code, out, err } = await audit("tree", conversation, "--json")
  expect({ code, err }).toEqual({ code: 0, err: "" })
  return JSON.parse(out).trees
}

const bought = `
checkout SagaStarted
checkout StepRequested freeze-cart
  cart CheckoutBegun
    checkout StepRequested create-order
      order OrderPlaced
        checkout StepRequested reserve-items
          inventory ReservationRequested
            inventory StockReserved
              inventory ItemsReserved
                checkout StepRequested authorise-payment
                  payment AuthorisationRequested
                    payment PaymentAuthorised
                      checkout StepRequested commit-reservation
                        inventory ReservationCommitted
                          checkout StepRequested confirm-order
                            order OrderConfirmed
                              checkout StepRequested complete-cart
                                cart CartCompleted
                                  checkout SagaCompleted
                                  checkout StepSucceeded complete-cart
                              checkout StepSucceeded confirm-order
                          checkout StepSucceeded commit-reservation
                          inventory StockCommitted
                      checkout StepSucceeded authorise-payment
                    payment ProviderCallBegun
                checkout StepSucceeded reserve-items
              inventory LineHeld
        checkout StepSucceeded create-order
    checkout StepSucceeded freeze-cart`

describe("daybook audit tree", () => {
  it("shows a checkout from the buyer's request to its end, each event under what it follows from, in the buyer's name", async () => {
    const trees = await treesOf("o-1")
    // What the provider says unasked comes at some moment of its own, and a slow machine's timers may ask in vain.
    const caused = trees.filter(({ type, outcome }) => type !== "NotificationRecorded" && outcome === "accepted")
    expect(`\n${drawn(caused).join("\n")}`).toBe(bought)
    expect(new Set(all(caused).map(({ actor }) => actor))).toEqual(new Set(["buyer-7"]))
  })

  it("shows what was refused, too, in the conversation of the order that it was about", async () => {
    const refused = (await treesOf("o-1")).filter(({ outcome, actor }) => outcome === "rejected" && actor === "bob")
    expect(refused).toMatchObject([{ service: "order", type: "CloseOrder", rejection: expect.any(String) }])
    expect((await audit("tree", "o-1")).out).toMatch(
      /^CloseOrder rejected: \w+ {2}order order-o-1 {2}\S+Z {2}by bob {2}.*order/m
    )
  })

  it("shows a conversation that the buyer named, with the checkout that was begun in it, by the name of either", async () => {
    const visit = drawn(await treesOf("visit-2"))
    expect(visit).toEqual(expect.arrayContaining(["cart CartOpened", "cart ItemAdded", "checkout SagaStarted"]))
    expect(visit.map((line) => line.trim())).toEqual(
      expect.arrayContaining(["inventory ReservationRefused", "checkout StepFailed reserve-items", "cart CartRestored"])
    )
    expect(drawn(await treesOf("o-2"))).toEqual(visit)
  })

  it("is drawn for people: when, how long after its cause, by whom", async () => {
    const { code, out, err } = await audit("tree", "o-1")
    expect({ code, err }).toEqual({ code: 0, err: "" })
    const lines = out.split("\n")
    expect(lines[0]).toMatch(/^Conversation o-1: \d\d entries of 5 services$/)
    expect(lines[2]).toMatch(/^SagaStarted {2}checkout checkout-o-1 v1 {2}\d{4}-\S+Z {2}by buyer-7$/)
    expect(lines[4]).toMatch(/^└─ CheckoutBegun {2}cart cart-cart-o-1 v3 {2}\+[\d.]+ m?s$/)
  })

  it("says how to name a conversation that it does not find", async () => {
    const { code, out, err } = await audit("tree", "o-404")
    expect({ code, out }).toEqual({ code: 1, out: "" })
    expect(err).toContain("Nothing belongs to o-404. Give the correlation id of a conversation")
  })
})

const entriesOf = async (...args: ReadonlyArray<string>) => {
  const { code, out, err } = await audit("search", "--json", ...args)
  expect({ code, err }).toEqual({ code: 0, err: "" })
  return JSON.parse(out).entries as ReadonlyArray<Record<string, unknown>>
}

describe("daybook audit search", () => {
  it("shows why, as the body of a request says it where no header does", async () => {
    const found = await entriesOf("--actor", "carol")
    expect(found.map(({ type, reason }) => `${type}: ${reason}`).sort()).toEqual([
      "CartAbandoned: discarded",
      "CartOpened: null",
      "HoldPlaced: A chargeback is open"
    ])
  })

  it("finds what somebody was refused, with the reason they gave and the one they got", async () => {
    expect(await entriesOf("--actor", "ann", "--outcome", "rejected")).toEqual([
      expect.objectContaining({
        service: "inventory",
        outcome: "rejected",
        stream: `stockitem-${sku}@main`,
        type: "AdjustStock",
        rejection: "InsufficientStock",
        message: expect.stringContaining("99"),
        actor: "ann",
        reason: "Counted twice",
        version: null,
        data: expect.objectContaining({ _tag: "AdjustStock", quantity: -99 })
      })
    ])
  })

  it("shows people one aggregate's life, the newest first, and how to go on", async () => {
    const { out } = await audit("search", "--stream", "cart-cart-o-1", "--limit", "2")
    const [head, first, second, , more] = out.split("\n")
    expect(head).toMatch(/^RECORDED +SERVICE +STREAM +VERSION +WHAT +WHO +WHY$/)
    expect(first).toMatch(/^\d{4}-\S+Z +cart +cart-cart-o-1 +4 +CartCompleted +buyer-7$/)
    expect(second).toMatch(/CheckoutBegun +buyer-7$/)
    const [, cursor] = /--after (\S+)$/.exec(more!)!
    const rest = await entriesOf("--stream", "cart-cart-o-1", "--after", cursor!)
    expect(rest.map(({ type }) => type)).toEqual(["ItemAdded", "CartOpened"])
  })

  it("names callers whom no gateway has named", async () => {
    const opened = await entriesOf("--type", "CartOpened", "--oldest-first")
    expect(opened.map(({ actor }) => actor)).toEqual(["buyer-7", "anonymous", "carol"])
  })

  it("refuses times that are none, and a cursor of another search", async () => {
    const { code, err } = await daybook({}, "audit", "search", "--from", "2011-02-31")
    expect(code).toBe(2)
    expect(err).toContain("Expected a day such as 2011-03-31, or an instant with its zone")
    expect((await audit("search", "--after", "1_2_3")).err).toContain("cannot go on after 1_2_3")
  })
})

describe("daybook audit export", () => {
  it("writes all that a search finds, the oldest first, one entry a line", async () => {
    const file = join(root, "out/audit.ndjson")
    const { code, out, err } = await audit("export", "--output", file)
    expect({ code, out }).toEqual({ code: 0, out: "" })
    const lines = readFileSync(file, "utf8").trimEnd().split("\n")
    expect(err).toContain(`${lines.length} entries written to ${file}.`)
    const entries = lines.map((line) => JSON.parse(line))
    expect(entries.map(({ recordedAt }) => recordedAt)).toEqual(entries.map(({ recordedAt }) => recordedAt).sort())
    expect(new Set(entries.map(({ service }) => service)).size).toBe(6)
    expect(entries.filter(({ outcome, actor }) => outcome === "rejected" && actor === "ann")).toHaveLength(1)
    // Whatever is done, somebody does it.
    expect(entries.filter(({ actor }) => actor === null)).toEqual([])
  })

  it("writes to standard output where no file is named", async () => {
    const { code, out } = await audit("export", "--aggregate", "order", "--type", "OrderPlaced")
    expect(code).toBe(0)
    expect(out.split("\n").map((line) => JSON.parse(line).stream)).toEqual(["order-o-1", "order-o-2"])
  })
})

it.each([["search"], ["tree"], ["export"]])("daybook audit %s has help with examples", async (command) => {
  const { code, out } = await daybook({}, "audit", command, "--help")
  expect(code).toBe(0)
  expect(out).toMatch(/\n\nEXAMPLES\n {2}# .+\n {2}daybook audit /)
})
