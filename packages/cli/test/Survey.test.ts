/**
 * What the first look at a folder finds: the lines, the invoices, and everything that cannot be read, by file and line.
 */
import { execFileSync } from "node:child_process"
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { Failure } from "../src/Failure.ts"
import { survey } from "../src/online-retail/Survey.ts"
import { csv, folder, header, line } from "./Orders.ts"

const look = (path: string) =>
  survey(path, { onBegin: () => {}, onRead: () => {} }).pipe(Effect.provide(NodeServices.layer), Effect.runPromise)

const one = async (content: string | Uint8Array, name = "orders.csv") =>
  (await look(folder({ [name]: content }))).files[0]!

describe("the survey of a folder", () => {
  it("counts the lines of *.csv and *.csv.gz, in the order of their names", async () => {
    const path = folder({
      "b.csv": csv(line(), line({ invoice: "C1" })),
      "a.csv.gz": csv(line({ invoice: "7" })),
      "c.CSV": csv(),
      "notes.txt": "nothing",
      "old.rejects.csv": "nothing"
    })
    mkdirSync(join(path, "folder.csv"))
    const { files } = await look(path)
    expect(files.map(({ name, lines }) => [name, lines])).toEqual([
      ["a.csv.gz", 1],
      ["b.csv", 2],
      ["c.CSV", 0]
    ])
  })

  it("knows a file by its content, whatever its name, compressed or not", async () => {
    const content = csv(line())
    const path = folder({ "a.csv": content, "b.csv.gz": content, "c.csv": csv(line(), line()) })
    const { files, copies } = await look(path)
    expect(files.map(({ name }) => name)).toEqual(["a.csv", "c.csv"])
    expect(files[0]!.hash).toMatch(/^[0-9a-f]{64}$/)
    expect(copies).toEqual([["b.csv.gz", "a.csv"]])
  })

  it("adds up what accepted lines ask for, over all files, each content once", async () => {
    const content = csv(line({ sku: "A", quantity: "2" }), line({ sku: "B", quantity: "5" }))
    const path = folder({
      "1.csv": content,
      "2.csv": csv(line({ sku: "A", quantity: "3", price: "1.00" }), line({ sku: "A", quantity: "-9" })),
      "3.csv.gz": content,
      "4.csv": csv(line({ invoice: "C1", sku: "D", quantity: "1" }))
    })
    expect([...(await look(path)).wanted]).toEqual([
      ["A", 5],
      ["B", 5]
    ])
  })

  it("finds each invoice's first and last accepted lines, interrupted and in later files", async () => {
    const path = folder({
      "1.csv": csv(
        line({ invoice: "1", quantity: "-1", customer: "999" }),
        line({ invoice: "1", date: "2011-01-01 10:00:00" }),
        line({ invoice: "2", customer: "", country: "" }),
        line({ invoice: "1" }),
        line({ invoice: "1", price: "0" })
      ),
      "2.csv": csv(line({ invoice: "2", customer: "12345" }), line({ invoice: "3", quantity: "0" }))
    })
    const { files, invoices } = await look(path)
    const [first, second] = files.map(({ hash }) => hash)
    expect(Object.fromEntries(invoices)).toEqual({
      1: {
        customerId: "17850",
        country: "United Kingdom",
        openedAtMillis: Date.UTC(2011, 0, 1, 10),
        lastHash: first,
        lastLine: 5
      },
      2: {
        customerId: null,
        country: null,
        openedAtMillis: Date.UTC(2010, 11, 1, 8, 26),
        lastHash: second,
        lastLine: 2
      }
    })
  })

  it("takes the last line of a record that goes over several as the next one's beginning", async () => {
    const { invoices } = await look(
      folder({ "a.csv": csv(line({ description: "A\nB\r\nC" }), line({ invoice: "2" })) })
    )
    expect(invoices.get("536365")!.lastLine).toBe(2)
    expect(invoices.get("2")!.lastLine).toBe(5)
  })

  it.each([
    ["a byte order mark", `\uFEFF${csv(line())}`],
    ["Windows' line ends", csv(line()).replaceAll("\n", "\r\n")],
    ["old Macs' line ends", csv(line()).replaceAll("\n", "\r")],
    ["no line end at the end", csv(line()).trimEnd()],
    ["empty lines", `${csv("", line())}\n\n`],
    [
      "columns in another order, and others besides",
      `Note,${header.split(",").reverse().join(",")}\n!,${line().split(",").reverse().join(",")}\n`
    ]
  ])("reads a file with %s", async (_, content) => {
    expect(await one(content)).toMatchObject({ lines: 1 })
    const { invoices } = await look(folder({ "a.csv": content }))
    expect(invoices.get("536365")).toMatchObject({ customerId: "17850", country: "United Kingdom" })
  })

  it("reads a file of many chunks, none of which ends where a line does", async () => {
    const lines = Array.from({ length: 20_000 }, (_, i) =>
      line({ invoice: `${i}`, description: `£${"é".repeat(i % 40)}x` })
    )
    const { files, invoices } = await look(folder({ "a.csv.gz": csv(...lines) }))
    expect(files[0]!.lines).toBe(20_000)
    expect(invoices.get("19999")!.lastLine).toBe(20_001)
  })
})

/** Looks at a folder that cannot be read, and answers what it says of it, the folder's own name left out. */
const failure = async (path: string): Promise<string> => {
  const error = await look(path).then(
    () => undefined,
    (thrown: unknown) => thrown
  )
  expect(error).toBeInstanceOf(Failure)
  return (error as Failure).message.replaceAll(path, "DIR")
}

describe("what cannot be read is told by file and line, with what to do", () => {
  it("no such folder", async () => {
    expect(await failure("/no/such/folder")).toBe(
      "DIR: there is no such folder. Give the folder that holds the *.csv or *.csv.gz files."
    )
  })

  it("a file in place of the folder", async () => {
    const path = join(folder({ "a.csv": csv() }), "a.csv")
    expect(await failure(path)).toMatch(/^DIR: it cannot be listed .*Give the folder/)
  })

  it("a folder without files", async () => {
    expect(await failure(folder({}))).toBe(
      "DIR: there is no *.csv or *.csv.gz file in it. Give the folder that holds the order lines."
    )
  })

  it("a pipe, which would be waited for", async () => {
    const path = folder({ "a.csv": csv() })
    execFileSync("mkfifo", [join(path, "b.csv")])
    expect(await failure(path)).toBe("DIR: b.csv is no file. Take it out, or put a file in its place.")
  })

  it("a link that leads nowhere", async () => {
    const path = folder({ "a.csv": csv() })
    symlinkSync("nowhere.csv", join(path, "b.csv"))
    expect(await failure(path)).toBe(
      "DIR: b.csv is a link to a file that is not there. Put the link right, or take it out."
    )
  })

  it("an empty file", async () => {
    expect(await failure(folder({ "a.csv": "" }))).toBe(
      "DIR/a.csv: the file is empty. Its first line has to be a header."
    )
  })

  it("a header that lacks columns", async () => {
    const content = csv(line()).replace("UnitPrice", "Price").replace("Country", "Land")
    expect(await failure(folder({ "a.csv": content }))).toMatch(
      /^DIR\/a\.csv: the header lacks the columns "UnitPrice", "Country"; it has "InvoiceNo", .*"Price".* Rename the columns/
    )
  })

  it("a header with a column twice", async () => {
    const content = csv(line()).replace("Country", "Quantity,Country")
    expect(await failure(folder({ "a.csv": content }))).toBe(
      'DIR/a.csv: the header has "Quantity" twice. Rename one of them.'
    )
  })

  it("a line with a cell too many", async () => {
    expect(await failure(folder({ "a.csv": csv(line(), `${line()},x`) }))).toBe(
      "DIR/a.csv: line 3 has 9 cells, and the header 8. Put that line right; a cell with a comma needs quotes."
    )
  })

  it("a quote that is not closed", async () => {
    const content = csv(line(), line().replace("WHITE", '"WHITE'))
    expect(await failure(folder({ "a.csv": content }))).toBe(
      "DIR/a.csv: line 3: unterminated quoted field in column 3. Put that line right, or take it out."
    )
  })

  it("a quote that is not closed, in a large file", async () => {
    const content = csv(line(), line().replace("WHITE", '"WHITE'), ...Array.from({ length: 20_000 }, () => line()))
    expect(await failure(folder({ "a.csv": content }))).toBe(
      "DIR/a.csv: line 3: a record that begins here is longer than 1 MiB; most likely it lacks a closing quote. " +
        "Put that line right, or take it out."
    )
  })

  it("a quote in the middle of a cell", async () => {
    const content = csv(line().replace("HANGING", 'HANG"ING'))
    expect(await failure(folder({ "a.csv": content }))).toBe(
      "DIR/a.csv: line 2: unexpected quote in an unquoted field in column 3. Put that line right, or take it out."
    )
  })

  it("something that is no CSV at all", async () => {
    expect(await failure(folder({ "a.csv": "x".repeat(2_000_000) }))).toBe(
      "DIR/a.csv: line 1 is longer than 1 MiB. Check that this is a CSV file."
    )
  })

  it("a gzip that was cut off", async () => {
    const whole = gzipSync(csv(...Array.from({ length: 1_000 }, (_, i) => line({ invoice: `${i}` }))))
    expect(await failure(folder({ "a.csv.gz": whole.subarray(0, whole.length - 20) }))).toBe(
      "DIR/a.csv.gz: the gzip data is damaged or cut off (unexpected end of file). Copy or download the file again."
    )
  })

  it("a gzip that was damaged", async () => {
    const whole = gzipSync(csv(line()))
    whole[whole.length - 5]! ^= 255
    expect(await failure(folder({ "a.csv.gz": whole }))).toMatch(/^DIR\/a\.csv\.gz: the gzip data is damaged/)
  })

  it("a gzip that is none", async () => {
    expect(await failure(folder({ "a.csv.gz": Buffer.from(csv(line())) }))).toBe(
      "DIR/a.csv.gz: the gzip data is damaged or cut off (incorrect header check). Copy or download the file again."
    )
  })

  it.each([
    ["in the first piece", 3],
    ["far into the file", 9_000]
  ])("text that is not UTF-8, %s", async (_, at) => {
    const lines = Array.from({ length: 10_000 }, (_, i) => line({ invoice: `${i}` }))
    lines[at - 2] = line({ description: "CAF\u00c9" })
    const content = Buffer.from(csv(...lines), "latin1")
    expect(await failure(folder({ "a.csv": csv(line({ description: "CAFÉ" })), "b.csv": content }))).toBe(
      `DIR/b.csv: line ${at} is not valid UTF-8. Convert the file, for example with iconv -f WINDOWS-1252 -t UTF-8.`
    )
  })

  it("the second of two files", async () => {
    const path = folder({ "a.csv": csv(line()) })
    writeFileSync(join(path, "b.csv"), csv("1,2,3"))
    expect(await failure(path)).toMatch(/^DIR\/b\.csv: line 2 has 3 cells/)
  })
})
