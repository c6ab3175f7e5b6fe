import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { columns, isRejected, rules } from "@daybook/cli/online-retail/OrderLine"
import { describe, expect, it } from "vitest"
import { generatedLines, openOrders } from "../src/storage/Orders.ts"
import { sumOf } from "../src/storage/Sizes.ts"

describe("generated orders", () => {
  const invoices = 1_559
  const lines = generatedLines(invoices)
  const linesOf = Map.groupBy(lines, (line) => line.split(",")[0])

  it("are as many as in the month that they stand in for, with as few and as many lines to an invoice", () => {
    expect(linesOf.size).toBe(invoices)
    expect(lines.length).toBeGreaterThan(38_000)
    expect(lines.length).toBeLessThan(46_000)
    const sizes = [...linesOf.values()].map((ofInvoice) => ofInvoice.length)
    expect(Math.min(...sizes)).toBe(1)
    expect(Math.max(...sizes)).toBeGreaterThan(100)
  })

  it("are accepted by the import's rules", () => {
    const judge = rules()
    expect(lines.map((line) => judge(line.split(","))).filter(isRejected)).toEqual([])
  })

  it("are the same every time", () => {
    expect(generatedLines(invoices)).toEqual(lines)
  })

  it("come in a folder of their own, which goes away", () => {
    const { folder } = (() => {
      using orders = openOrders(true)
      const [name] = readdirSync(orders.folder)
      const text = readFileSync(join(orders.folder, name!), "utf8")
      expect(text.split("\n", 1)).toEqual([columns.join(",")])
      expect(orders.csvBytes).toBe(text.length)
      return orders
    })()
    expect(() => readdirSync(folder)).toThrow("ENOENT")
  })
})

describe("sumOf", () => {
  it("adds up the tables that count, and no others", () => {
    const size = (table: string, by: number) => ({
      table,
      heapBytes: by,
      indexBytes: 10 * by,
      longValueBytes: 100 * by,
      totalBytes: 111 * by
    })
    expect(
      sumOf([size("cart.event", 1), size("cart.state", 2), size("cart.seal", 4)], /^cart\.(event|state)$/)
    ).toEqual({
      tables: ["cart.event", "cart.state"],
      heapBytes: 3,
      indexBytes: 30,
      longValueBytes: 300,
      totalBytes: 333
    })
  })
})
