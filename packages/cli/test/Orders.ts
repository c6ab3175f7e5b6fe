/** Folders of order lines for tests, and the command as tests run it. */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestConsole from "effect/testing/TestConsole"
import * as Daybook from "../src/Daybook.ts"

export const header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"

/** The fields of a line; what a test does not say is in order. */
export interface Fields {
  readonly invoice: string
  readonly sku: string
  readonly description: string
  readonly quantity: string
  readonly date: string
  readonly price: string
  readonly customer: string
  readonly country: string
}

const usual: Fields = {
  invoice: "536365",
  sku: "85123A",
  description: "WHITE HANGING HEART T-LIGHT HOLDER",
  quantity: "6",
  date: "2010-12-01 08:26:00",
  price: "2.55",
  customer: "17850.0",
  country: "United Kingdom"
}

/** The cells of a line. */
export const cells = (fields: Partial<Fields> = {}): ReadonlyArray<string> => Object.values({ ...usual, ...fields })

/** A line as it stands in a file. */
export const line = (fields: Partial<Fields> = {}): string =>
  cells(fields)
    .map((cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell))
    .join(",")

/** A file's content, its header included. */
export const csv = (...lines: ReadonlyArray<string>): string => [header, ...lines, ""].join("\n")

/** A folder with these files; those that end in `.gz` are compressed. */
export const folder = (files: Readonly<Record<string, string | Uint8Array>>): string => {
  const path = mkdtempSync(join(tmpdir(), "daybook-orders-"))
  for (const [name, content] of Object.entries(files)) {
    const packed = name.endsWith(".gz") && typeof content === "string" ? gzipSync(content) : content
    writeFileSync(join(path, name), packed)
  }
  return path
}

/** An empty folder for outputs and stores. */
export const scratch = (): string => {
  const path = mkdtempSync(join(tmpdir(), "daybook-cli-"))
  mkdirSync(join(path, "out"))
  return path
}

/** What a command has said, and its exit code. */
export interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs the command in this process, with settings instead of the environment. */
export const daybook = (settings: Readonly<Record<string, string>>, ...args: ReadonlyArray<string>): Promise<Ended> =>
  Effect.gen(function* () {
    const code = yield* Daybook.run(args, "1.2.3")
    const lines = (found: ReadonlyArray<unknown>) => found.join("\n")
    return { code, out: lines(yield* TestConsole.logLines), err: lines(yield* TestConsole.errorLines) }
  }).pipe(
    Effect.provide(
      Layer.mergeAll(NodeServices.layer, TestConsole.layer, ConfigProvider.layer(ConfigProvider.fromUnknown(settings)))
    ),
    Effect.runPromise
  )

const program = new URL("../bin/daybook.js", import.meta.url).pathname

/** The command as a process of its own. */
export interface Process {
  readonly child: ChildProcess
  readonly ended: Promise<Ended & { readonly signal: NodeJS.Signals | null }>
  /** Waits until it has said something on standard error. */
  readonly says: (words: string) => Promise<void>
}

/** Starts the command as a process of its own. */
export const start = (
  settings: Readonly<Record<string, string>>,
  args: ReadonlyArray<string>,
  node: string = process.execPath
): Process => {
  const child = spawn(node, [program, ...args], {
    env: { PATH: process.env.PATH, ...settings },
    stdio: ["ignore", "pipe", "pipe"]
  })
  const said = { out: "", err: "" }
  child.stdout.setEncoding("utf8").on("data", (text) => {
    said.out += text
  })
  child.stderr.setEncoding("utf8").on("data", (text) => {
    said.err += text
  })
  const ended = new Promise<Ended & { readonly signal: NodeJS.Signals | null }>((resolve) => {
    child.on("close", (code, signal) => resolve({ code: code ?? -1, signal, ...said }))
  })
  const says = (words: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => said.err.includes(words) && resolve()
      child.stderr.on("data", look)
      child.on("close", () => reject(new Error(`It ended without saying ${words}: ${said.err}`)))
      look()
    })
  return { child, ended, says }
}
