/**
 * What whoever asks about the past relies on: the answer is that of the day, what is kept is there until it is dropped, and what makes
 * no sense is refused before anything is opened. More of it is in `AsOfStore.integration.ts`.
 */
import { existsSync, rmSync } from "node:fs"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { csv, daybook, folder, line, scratch } from "./Orders.ts"

const root = scratch()
const settings = { DAYBOOK_HOME: join(root, "store") }

const orders = folder({
  "1.csv": csv(
    line({ invoice: "1", quantity: "2", price: "1.00", date: "2011-03-31 23:59:59" }),
    line({ invoice: "2", quantity: "3", price: "1.00", date: "2011-04-01 00:00:00" })
  )
})

afterAll(() => {
  for (const path of [root, orders]) rmSync(path, { recursive: true, force: true })
})

const asOf = (...args: ReadonlyArray<string>) => daybook(settings, "projection", "as-of", ...args)

describe("what makes no sense is refused before the store is opened, with what to do", () => {
  it.each([
    [["cart-views"], "Say as of when: --at 2011-03-31, or --position 0:1500."],
    [["--at", "2011-03-31"], "Say which read model: cart-views, order-views, stock-views,"],
    [
      ["cart-publication", "--at", "2011-03-31"],
      "cart-publication cannot be had as of some time. These read models can:"
    ],
    [["cart-views", "--at", "yesterday"], '"yesterday" is no instant. Give --at a day'],
    [["cart-views", "--at", "2011-02-31"], '"2011-02-31" is no instant.'],
    [["cart-views", "--by", "occurred"], "--by says which time --at is meant by."],
    [
      ["cart-views", "--position", "1"],
      '"1" is no position. Give --position a partition and its last position, as 0:1500.'
    ],
    [["cart-views", "--position", "0:1", "--position", "0:2"], "Partition 0 is given twice."],
    [
      ["cart-views", "--at", "2011-03-31", "--", "stock"],
      'cart-views does not answer "stock". It answers: revenue [COUNTRY]'
    ],
    [["cart-views", "--at", "2011-03-31", "--", "cart"], "cart is asked with nothing. Ask: cart ID"],
    [["cart-views", "--at", "2011-03-31", "--", "cart", "1", "2"], 'cart is asked with "1 2". Ask: cart ID'],
    [
      ["cart-views", "--at", "2011-03-31", "--", "revenue", "--json"],
      "--json stands after --, where everything is the question. Give flags before it: as-of cart-views --json … -- revenue …"
    ],
    [["cart-views", "--at", "2011-03-31", "--", "cart", "1", "--by=occurred"], "--by=occurred stands after --"]
  ])("as-of %j", async (args, message) => {
    const { code, out, err } = await asOf(...args)
    expect({ code, out }).toEqual({ code: 1, out: "" })
    expect(err).toContain(message)
    expect(existsSync(settings.DAYBOOK_HOME)).toBe(false)
  })

  it("a label that no schema's comment should hold", async () => {
    expect(await asOf("cart-views", "--keep", "it's")).toMatchObject({ code: 2, out: "" })
  })
})

describe("a read model as of some time", () => {
  it("holds what had happened in the business until then, and answers again until it is dropped", async () => {
    await daybook(settings, "import", "online-retail", orders, "--json", "--rejects", join(root, "rejects"))
    const moment = ["--at", "2011-03-31", "--by", "occurred"]
    expect((await asOf("cart-views", ...moment, "--keep", "march", "--", "revenue")).out).toBe(
      [
        "cart-views as of 2011-03-31T23:59:59.999Z by occurred time",
        "",
        "COUNTRY         CARTS     TOTAL",
        "United Kingdom      1  GBP 2.00",
        "all                 1  GBP 2.00"
      ].join("\n")
    )
    expect((await asOf("cart-views", "--keep", "march")).out).toContain("made of 3 events")
    expect((await asOf("--drop", "march")).out).toBe("Dropped cart_asof_1.")
    expect((await asOf("--list")).out).toBe("None is kept.")
  })
})
