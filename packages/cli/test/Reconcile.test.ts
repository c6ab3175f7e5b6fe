/**
 * What operators and their scripts rely on: `daybook reconcile` says what does not fit together and what to do, ends with 3 when
 * there is something and with 0 when there is nothing, and never takes an empty database for one in order.
 */
import { rmSync } from "node:fs"
import { join } from "node:path"
import * as Database from "@daybook/postgres/Database"
import * as Stores from "@daybook/postgres/Stores"
import { schema, tables } from "@daybook/services/checkout/Checkout"
import { Reconciliation } from "@daybook/services/checkout/Reconciliation"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { daybook, scratch } from "./Orders.ts"

const root = scratch()
const settings = { DAYBOOK_HOME: join(root, "store") }

const reconcile = (...args: ReadonlyArray<string>) => daybook(settings, "reconcile", ...args)

/** Has the copy of the shop's store told something. */
const tell = (work: (copy: Reconciliation["Service"]) => Effect.Effect<unknown, unknown>) => {
  const copy = Reconciliation.layer(schema).pipe(
    Layer.provide(Stores.readSide({ schema, tables })),
    Layer.provide(Database.layer({ folder: join(root, "store") }))
  )
  return Effect.runPromise(Effect.provide(Effect.flatMap(Reconciliation, work), copy))
}

const gbp = (amountMinor: number) => ({ amountMinor, currency: "GBP" })
const atMillis = Date.UTC(2026, 10, 22, 1, 2, 3)

afterAll(() => rmSync(root, { recursive: true, force: true }))

describe("before the shop has run", () => {
  it("says so, and does not pretend that all is well", async () => {
    const { code, out, err } = await daybook({ DAYBOOK_HOME: join(root, "other") }, "reconcile")
    expect({ code, out }).toEqual({ code: 1, out: "" })
    expect(err).toMatch(/has not run on it.*npm start/u)
  })
})

describe("of a shop in order", () => {
  it("says that everything fits together, and ends with 0", async () => {
    await tell(() => Effect.void)
    expect(await reconcile()).toEqual({
      code: 0,
      out: "Everything fits together that has not changed for 15 minutes.",
      err: ""
    })
    expect(await reconcile("--json")).toEqual({ code: 0, out: "[]", err: "" })
  })
})

describe("of a shop where something does not fit", () => {
  beforeAll(() =>
    tell((copy) =>
      Effect.gen(function* () {
        yield* copy.hear("order-1", { authorised: gbp(6_000) }, atMillis)
        yield* copy.hear("order\u001b2", { reservation: "reserved" }, atMillis)
        yield* copy.hear("order-3", { reservation: "reserved" }, Date.now())
      })
    )
  )

  it("says what, since when, and what to do, and ends with 3", async () => {
    const { code, out, err } = await reconcile()
    expect({ code, err }).toEqual({ code: 3, err: "" })
    expect(out.split("\n")).toEqual([
      "FINDING                       ORDER    SINCE",
      "funds-without-order           order-1  2026-11-22T01:02:03Z",
      "reservation-without-checkout  order\ufffd2  2026-11-22T01:02:03Z",
      "",
      "Payment order-1 has GBP 60.00 held, GBP 0.00 captured, GBP 0.00 refunded, and no order was heard of.",
      "  Release what is held: POST /payments/order-1/void. Refund what was captured: POST /payments/order-1/refunds.",
      expect.stringContaining("The reservation of order\ufffd2 is reserved"),
      expect.stringContaining("  It frees the stock by itself")
    ])
  })

  it("prints them for scripts, ends with 3 all the same, and shows one kind alone", async () => {
    const { code, out } = await reconcile("--json", "--kind", "funds-without-order")
    expect(code).toBe(3)
    expect(JSON.parse(out)).toMatchObject([
      { id: "funds-without-order:order-1", kind: "funds-without-order", orderId: "order-1", held: gbp(6_000) }
    ])
    expect(await reconcile("--kind", "order-without-stock")).toMatchObject({ code: 0 })
  })

  it("reports what is under way only when asked, and no more than was asked for", async () => {
    const orders = async (...args: ReadonlyArray<string>) =>
      JSON.parse((await reconcile("--json", ...args)).out).map(({ orderId }: { orderId: string }) => orderId)
    expect(await orders("--older-than", "0")).toEqual(["order-1", "order\u001b2", "order-3"])
    expect(await orders("--older-than", "0", "--limit", "2")).toEqual(["order-1", "order\u001b2"])
    expect((await reconcile("--limit", "1")).out).toContain("There may be more than these 1")
  })

  it.each([
    [["--older-than", "-1"], "0"],
    [["--kind", "other"], "funds-without-order"]
  ])("refuses %j, and says what it takes", async (args, said) => {
    const { code, err } = await reconcile(...args)
    expect(code).toBe(2)
    expect(err).toContain(said)
    expect(err).toContain("See daybook reconcile --help")
  })

  it("has help with examples", async () => {
    const { code, out } = await reconcile("--help")
    expect(code).toBe(0)
    expect(out).toMatch(/\n\nEXAMPLES\n {2}# .+\n {2}daybook reconcile/u)
    expect(out).toContain("Ends with 3")
  })
})
