/**
 * What someone who imports order lines relies on: the totals, where rejected lines went, that doing it again changes nothing, and
 * that nothing is written when the input cannot be used.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { csv, daybook, folder, line, scratch } from "./Orders.ts"

const root = scratch()
const settings = { DAYBOOK_HOME: join(root, "store") }
const report = join(root, "out/report.json")
const rejects = join(root, "out/online-retail.rejects.csv")

const importing = (path: string, ...flags: ReadonlyArray<string>) =>
  daybook(settings, "import", "online-retail", path, ...flags)

/** Two invoices that interrupt each other, the first of which goes on in the next file, and a line for every reason. */
const orders = folder({
  "2011-01.csv": csv(
    line({ invoice: "100", description: 'MUG, "BLUE" £', quantity: "2" }),
    line({ invoice: "100", quantity: "1", price: "2.00", date: "2010-12-01 08:27:00" }),
    line({ invoice: "C101", quantity: "-1" }),
    line({ invoice: "A102", description: "Adjust bad debt", price: "11062.06", customer: "" }),
    line({ invoice: "103", customer: "", country: "France", sku: "B2", quantity: "3", price: "1.0" }),
    line({ invoice: "100", quantity: "0" }),
    line({ invoice: "100", price: "0.0" }),
    line({ invoice: "100", price: "0.001" }),
    line({ invoice: "100", quantity: "six" }),
    line({ invoice: "100", quantity: "100001" }),
    line({ invoice: "100", sku: "C3", quantity: "1", price: "0.10" })
  ),
  "2011-02.csv.gz": csv(
    line({ invoice: "104", customer: "", country: "", quantity: "1", price: "0.07" }),
    line({ invoice: "100", sku: "D4", quantity: "1", price: "1.01", date: "2011-02-01 09:00:00" })
  )
})

const expected = {
  lines: 13,
  accepted: 6,
  rejected: {
    adjustment: 1,
    cancellation: 1,
    "invalid-quantity": 1,
    "non-positive-price": 1,
    "non-positive-quantity": 1,
    QuantityOutOfRange: 1,
    "sub-minor-unit-price": 1
  },
  cartsCheckedOut: 3,
  customers: 1,
  skus: 4,
  revenueMinor: 1_128,
  revenueMinorByCountry: { France: 300, Unspecified: 7, "United Kingdom": 821 }
}

afterAll(() => {
  for (const path of [root, orders]) rmSync(path, { recursive: true, force: true })
})

describe("an import", () => {
  beforeAll(async () => {
    const { code, out, err } = await importing(orders, "--report", report)
    expect({ code, err }).toEqual({ code: 0, err: "" })
    expect(out).toMatch(/^Imported 13 lines in [\d.]+ s/)
    expect(out).toMatch(/ {2}accepted {2,}6\n {2}rejected {2,}7\n/)
    expect(out).toMatch(/carts checked out {2,}3\n.*revenue {2,}£11\.28\n {2}United Kingdom {2,}£8\.21\n/s)
    expect(out).toContain(`Rejected lines: ${rejects}\nReport: ${report}`)
  })

  it("reports the totals of its lines", () => {
    expect(JSON.parse(readFileSync(report, "utf8"))).toEqual(expected)
  })

  it("lists each rejected line with its place, the reason, and what it says", () => {
    const lines = readFileSync(rejects, "utf8").trimEnd().split("\n")
    expect(lines).toHaveLength(1 + 7)
    expect(lines[0]).toBe(
      "File,Line,Reason,Detail,InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
    )
    expect(lines[1]).toBe(
      "2011-01.csv,4,cancellation,Invoice C101 cancels another,C101,85123A,WHITE HANGING HEART T-LIGHT HOLDER,-1," +
        "2010-12-01 08:26:00,2.55,17850.0,United Kingdom"
    )
    expect(lines.map((one) => one.split(",").slice(1, 3).join(" ")).slice(1)).toEqual([
      "4 cancellation",
      "5 adjustment",
      "7 non-positive-quantity",
      "8 non-positive-price",
      "9 sub-minor-unit-price",
      "10 invalid-quantity",
      "11 QuantityOutOfRange"
    ])
  })

  it("leaves nothing unfinished behind", () => {
    expect(readdirSync(join(root, "out")).sort()).toEqual(["online-retail.rejects.csv", "report.json"])
  })

  it("changes nothing when it is run again, whatever the files are called, and prints only JSON when asked to", async () => {
    const before = await daybook(settings, "projection", "list", "--json")
    const renamed = folder({
      "a.csv.gz": readFileSync(join(orders, "2011-01.csv"), "utf8"),
      "b.csv.gz": readFileSync(join(orders, "2011-02.csv.gz"))
    })
    const { code, out, err } = await importing(renamed, "--json", "--rejects", join(root, "out/r.csv"))
    expect({ code, err }).toEqual({ code: 0, err: "" })
    expect(JSON.parse(out)).toEqual(expected)
    const positions = ({ out: text }: { readonly out: string }) =>
      JSON.parse(text)
        .find(({ name }: { readonly name: string }) => name === "cart-views")
        .offsets.map(({ position }: { readonly position: number }) => position)
    expect(positions(await daybook(settings, "projection", "list", "--json"))).toEqual(positions(before))
    expect((await importing(orders, "--rejects", join(root, "out/r.csv"))).out).toMatch(
      /^All 13 lines had been imported before; nothing was changed\./
    )
  })

  it("counts its own folder's lines and no others", async () => {
    const more = folder({
      "2011-03.csv": csv(line({ invoice: "105", customer: "1", country: "Spain", quantity: "1", price: "1.00" }))
    })
    expect(JSON.parse((await importing(more, "--json")).out)).toEqual({
      lines: 1,
      accepted: 1,
      rejected: {},
      cartsCheckedOut: 1,
      customers: 1,
      skus: 1,
      revenueMinor: 100,
      revenueMinorByCountry: { Spain: 100 }
    })
    writeFileSync(join(more, "2011-01.csv"), readFileSync(join(orders, "2011-01.csv")))
    writeFileSync(join(more, "2011-02.csv.gz"), readFileSync(join(orders, "2011-02.csv.gz")))
    expect(JSON.parse((await importing(more, "--json", "--rejects", join(root, "out/r.csv"))).out)).toMatchObject({
      lines: 14,
      accepted: 7,
      cartsCheckedOut: 4
    })
  })

  it("rejects what carts do not hold of a file that was changed, and warns of it", async () => {
    const changed = folder({
      "2011-02.csv.gz": csv(line({ invoice: "104", customer: "", country: "", price: "0.08" }))
    })
    const { code, out, err } = await importing(changed, "--json", "--rejects", join(root, "out/r.csv"))
    expect(code).toBe(0)
    expect(err).toBe(
      "2011-02.csv.gz was imported before with another content. Lines of invoices that are checked out already will be rejected."
    )
    expect(JSON.parse(out)).toMatchObject({ lines: 1, accepted: 0, rejected: { CartNotEditable: 1 } })
  })

  it("takes a folder whose files have headers only", async () => {
    const { code, out } = await importing(folder({ "a.csv": csv(), "b.csv.gz": csv() }), "--json")
    expect(code).toBe(0)
    expect(JSON.parse(out)).toEqual({
      lines: 0,
      accepted: 0,
      rejected: {},
      cartsCheckedOut: 0,
      customers: 0,
      skus: 0,
      revenueMinor: 0,
      revenueMinorByCountry: {}
    })
  })

  it("leaves a file out that has the same content as another, and says so", async () => {
    const content = csv(line({ invoice: "106", quantity: "1", price: "1.00" }))
    const { out, err } = await importing(folder({ "x.csv": content, "y.csv.gz": content }), "--json")
    expect(err).toBe("y.csv.gz is left out: it has the same content as x.csv.")
    expect(JSON.parse(out)).toMatchObject({ lines: 1, accepted: 1, revenueMinor: 100 })
  })
})

describe("an import whose read models stand still", () => {
  it("takes the lines, says why there is no report, and makes it when it is run again", async () => {
    const path = folder({ "2011-04.csv": csv(line({ invoice: "107", quantity: "1", price: "1.00" })) })
    await daybook(settings, "projection", "pause", "cart-views")
    const { code, out, err } = await importing(path, "--json")
    expect({ code, out }).toEqual({ code: 1, out: "" })
    expect(err).toBe(
      "Every line is in, but the read models that the report comes from are not up to date: they are paused. " +
        "See daybook projection list; then run the same command again, which only writes the report."
    )
    await daybook(settings, "projection", "resume", "cart-views")
    const again = await importing(path, "--json")
    expect(again.code).toBe(0)
    expect(JSON.parse(again.out)).toMatchObject({ lines: 1, accepted: 1, revenueMinor: 100 })
  })
})

describe("an import that cannot be done says why before anything is written, and ends with 1", () => {
  const elsewhere = { DAYBOOK_HOME: join(root, "other") }

  const refused = async (path: string, ...flags: ReadonlyArray<string>): Promise<string> => {
    const { code, out, err } = await daybook(elsewhere, "import", "online-retail", path, ...flags)
    expect({ code, out }).toEqual({ code: 1, out: "" })
    expect(err).not.toMatch(/\n\s+at |node_modules/)
    expect(err.split("\n").length).toBeLessThanOrEqual(2)
    expect(existsSync(elsewhere.DAYBOOK_HOME)).toBe(false)
    return err
  }

  it("no such folder", async () => {
    expect(await refused("/no/such/folder")).toContain("there is no such folder")
  })

  it("a folder without files", async () => {
    expect(await refused(folder({ "notes.txt": "" }))).toContain("no *.csv or *.csv.gz file")
  })

  it("a truncated gzip, after files that are in order", async () => {
    const whole = gzipSync(csv(line()))
    const path = folder({ "a.csv": csv(line()), "b.csv.gz": whole.subarray(0, whole.length - 10) })
    expect(await refused(path)).toContain("b.csv.gz: the gzip data is damaged or cut off")
  })

  it("a missing column", async () => {
    expect(await refused(folder({ "a.csv": "InvoiceNo,StockCode\n1,2\n" }))).toContain('"Description", "Quantity"')
  })

  it("a report or a rejects file that cannot be written", async () => {
    expect(await refused(orders, "--report", "/no/such/folder/r.json")).toBe(
      "/no/such/folder/r.json cannot be written: there is no folder /no/such/folder. Give another place."
    )
    expect(await refused(orders, "--rejects", root)).toBe(
      `${root} cannot be written: it is a folder. Give another place.`
    )
  })

  it("a rejects file that the next import would read", async () => {
    const path = join(orders, "wrong.csv")
    expect(await refused(orders, "--rejects", path)).toBe(
      `${path} would be read as order lines the next time. Give it another folder, or a name that ends in .rejects.csv.`
    )
  })

  it("a store in a place that is none", async () => {
    mkdirSync(join(root, "x"))
    writeFileSync(join(root, "x/file"), "")
    const { code, err } = await daybook({ DAYBOOK_HOME: join(root, "x/file") }, "import", "online-retail", orders)
    expect(code).toBe(1)
    expect(err).toContain("cannot be opened")
  })
})
