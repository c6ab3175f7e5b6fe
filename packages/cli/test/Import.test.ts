/**
 * What someone who imports order lines relies on, with the command run as they run it.
 */
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { afterAll, describe, expect, it } from "vitest"

const root = mkdtempSync(join(tmpdir(), "daybook-import-"))
const bin = new URL("../bin/daybook.js", import.meta.url).pathname
const header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"

afterAll(() => rmSync(root, { recursive: true, force: true }))

/** A folder with these files. */
const folder = (name: string, files: Record<string, string | Buffer>): string => {
  const path = join(root, name)
  mkdirSync(path)
  for (const [file, content] of Object.entries(files)) writeFileSync(join(path, file), content)
  return path
}

/** Runs the command on a store of its own, or on a named one. */
const run = (args: ReadonlyArray<string>, home = mkdtempSync(join(root, "home-"))) => {
  const rejects = join(home, "rejects.csv")
  const given = args[0] === "import" ? [...args, "--rejects", rejects, "--json"] : args
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...given], {
    encoding: "utf8",
    env: { ...process.env, DAYBOOK_HOME: join(home, "store"), DATABASE_URL: undefined }
  })
  return { status, stdout, stderr, rejects, home }
}

const importing = (path: string, home?: string) => run(["import", "online-retail", path], home)

const orders = [
  header,
  '100,A1,"MUG, ""BLUE"" £",2,2011-01-04 10:00:00,2.55,17850.0,United Kingdom',
  "100,A1,MUG,1,2011-01-04 10:01:00,2.00,17850.0,United Kingdom",
  "C101,A1,MUG,-1,2011-01-04 10:02:00,2.55,17850.0,United Kingdom",
  "A102,B,Adjust bad debt,1,2011-01-04 10:03:00,11062.06,,United Kingdom",
  "103,A1,MUG,0,2011-01-04 10:04:00,2.55,,France",
  "103,A1,MUG,1,2011-01-04 10:05:00,0.0,,France",
  "103,A1,MUG,1,2011-01-04 10:06:00,0.001,,France",
  "104,B2,BAG,3,2011-01-04 10:07:00,1.0,,France",
  "100,C3,CUP,1,2011-01-04 10:08:00,0.10,17850.0,United Kingdom"
].join("\n")

const expected = {
  lines: 9,
  accepted: 4,
  rejected: {
    adjustment: 1,
    cancellation: 1,
    "non-positive-price": 1,
    "non-positive-quantity": 1,
    "sub-minor-unit-price": 1
  },
  cartsCheckedOut: 2,
  customers: 1,
  skus: 3,
  revenueMinor: 1_020,
  revenueMinorByCountry: { France: 300, "United Kingdom": 720 }
}

describe("an import", () => {
  it("gives the totals of the read models, and the same again without changing anything", () => {
    // The first invoice is interrupted by others, and goes on in the next file.
    const path = folder("orders", {
      "1.csv": orders,
      "2.csv.gz": gzipSync(`${header}\n100,D4,PEN,1,2011-01-04 10:09:00,0.00,17850.0,United Kingdom\n`)
    })
    const first = importing(path)
    const report = JSON.parse(first.stdout)
    expect(first.status).toBe(0)
    expect(report).toEqual({
      ...expected,
      lines: 10,
      rejected: { ...expected.rejected, "non-positive-price": 2 }
    })
    expect(readFileSync(first.rejects, "utf8").trim().split("\n")).toHaveLength(1 + 6)
    expect(JSON.parse(importing(path, first.home).stdout)).toEqual(report)
  })

  it.each<[string, Record<string, string | Buffer>, RegExp]>([
    ["lacks a column", { "a.csv": orders.replace(",Country", "") }, /a\.csv.*Country/s],
    ["is a truncated gzip", { "a.csv.gz": gzipSync(orders).subarray(0, 60) }, /a\.csv\.gz/],
    [
      "is not UTF-8",
      { "a.csv": Buffer.concat([Buffer.from(`${header}\n`), Buffer.from([0xff, 0xfe, 0x0a])]) },
      /a\.csv.*2/s
    ]
  ])("stops before anything is written when a file %s", (what, files, message) => {
    const { status, stderr, stdout } = importing(folder(what, files))
    expect(status).toBe(1)
    expect(stderr).toMatch(message)
    expect(stderr + stdout).not.toMatch(/\n\s+at /)
  })

  it("says so when there is no folder, or nothing in it", () => {
    for (const path of [join(root, "nowhere"), folder("empty", { "notes.txt": "" })]) {
      const { status, stderr } = importing(path)
      expect(status).not.toBe(0)
      expect(stderr).toContain(path)
    }
  })

  it("explains itself", () => {
    const { status, stdout } = run(["import", "online-retail", "--help"])
    expect(status).toBe(0)
    expect(stdout).toMatch(/EXAMPLES/)
  })
})
