/**
 * The first look at a folder of order lines, before anything is written: every file is read to its end, so that what cannot be
 * read is known at once, and each invoice's first and last accepted lines are found.
 *
 * In memory it keeps a hundred-odd bytes for each invoice and each product, and nothing of the lines.
 */
import { createHash } from "node:crypto"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Stream from "effect/Stream"
import { Failure } from "../Failure.ts"
import { entries } from "./OrderFile.ts"
import { isRejected } from "./OrderLine.ts"

/** A file to be imported. */
export interface SurveyedFile {
  readonly name: string
  readonly path: string
  /** SHA-256 of the decompressed content, in hexadecimal: the file's identity, whatever its name. */
  readonly hash: string
  /** How many order lines it has, rejected ones too. */
  readonly lines: number
}

/** An invoice: where its accepted lines begin and end. */
export interface Invoice {
  readonly customerId: string | null
  readonly country: string | null
  readonly openedAtMillis: number
  /** The file and the line of its last accepted line. */
  readonly lastHash: string
  readonly lastLine: number
}

/** What there is to import. */
export interface Survey {
  /** In the order of their names, each content once. */
  readonly files: ReadonlyArray<SurveyedFile>
  readonly invoices: ReadonlyMap<string, Invoice>
  /** How many of each SKU the accepted lines ask for. */
  readonly wanted: ReadonlyMap<string, number>
  /** Files left out because another has the same content: name of the one, name of the other. */
  readonly copies: ReadonlyArray<readonly [string, string]>
}

/** Whether the import would read a file of this name. What it writes of rejected lines does not come back by itself. */
export const isOrderFile = (name: string): boolean => /(?<!\.rejects)\.csv(\.gz)?$/i.test(name)

/** The files of a folder that may hold order lines, by name, with their sizes in bytes. */
const list = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const failed = (what: string) => new Failure({ message: `${folder}: ${what}` })
  const names = yield* Effect.mapError(fs.readDirectory(folder), (error) => {
    const why = error.reason._tag === "NotFound" ? "there is no such folder" : `it cannot be listed (${error.message})`
    return failed(`${why}. Give the folder that holds the *.csv or *.csv.gz files.`)
  })
  const found: Array<{ readonly name: string; readonly path: string; readonly bytes: number }> = []
  for (const name of names.filter(isOrderFile).sort()) {
    const file = path.join(folder, name)
    const stat = yield* Effect.mapError(fs.stat(file), (error) =>
      error.reason._tag === "NotFound"
        ? failed(`${name} is a link to a file that is not there. Put the link right, or take it out.`)
        : failed(`${name} cannot be read (${error.message})`)
    )
    if (stat.type === "File") found.push({ name, path: file, bytes: Number(stat.size) })
    // A pipe, say: files are read twice, and by name.
    else if (stat.type !== "Directory")
      return yield* failed(`${name} is no file. Take it out, or put a file in its place.`)
  }
  if (found.length === 0) {
    return yield* failed("there is no *.csv or *.csv.gz file in it. Give the folder that holds the order lines.")
  }
  return found
})

/** An invoice within one file. */
interface Extent {
  readonly opened: Pick<Invoice, "customerId" | "country" | "openedAtMillis">
  lastLine: number
}

/** A copy, since a piece of a text may keep the whole text in memory. */
const own = <T extends string | null>(text: T): T => (text === null ? text : (Buffer.from(text).toString() as T))

const surveyFile = Effect.fnUntraced(function* (
  file: { readonly name: string; readonly path: string },
  onRead: (bytes: number) => void
) {
  const hash = createHash("sha256")
  const extents = new Map<string, Extent>()
  const wanted = new Map<string, number>()
  let lines = 0
  yield* Stream.runForEach(entries({ ...file, hash, onRead }), (batch) =>
    Effect.sync(() => {
      lines += batch.length
      for (const { line, verdict } of batch) {
        if (isRejected(verdict)) continue
        const before = wanted.get(verdict.sku)
        wanted.set(before === undefined ? own(verdict.sku) : verdict.sku, (before ?? 0) + verdict.quantity)
        const extent = extents.get(verdict.invoice)
        if (extent !== undefined) {
          extent.lastLine = line
          continue
        }
        const { invoice, customerId, country, atMillis } = verdict
        const opened = { customerId: own(customerId), country: own(country), openedAtMillis: atMillis }
        extents.set(own(invoice), { opened, lastLine: line })
      }
    })
  )
  const surveyed: SurveyedFile = { name: file.name, path: file.path, hash: hash.digest("hex"), lines }
  return { surveyed, extents, wanted }
})

/** Whom a survey tells how far it has come. */
export interface Listener {
  readonly onBegin: (totalBytes: number) => void
  readonly onRead: (bytes: number) => void
}

/** Looks at every file. */
export const survey = Effect.fn("OnlineRetail.survey")(function* (
  folder: string,
  { onBegin, onRead }: Listener
): Effect.fn.Return<Survey, Failure, FileSystem.FileSystem | Path.Path> {
  const found = yield* list(folder)
  onBegin(found.reduce((sum, { bytes }) => sum + bytes, 0))
  const files = new Map<string, SurveyedFile>()
  const invoices = new Map<string, Invoice>()
  const wanted = new Map<string, number>()
  const copies: Array<readonly [string, string]> = []
  for (const file of found) {
    const { surveyed, extents, wanted: inFile } = yield* surveyFile(file, onRead)
    const twin = files.get(surveyed.hash)
    if (twin !== undefined) {
      copies.push([file.name, twin.name])
      continue
    }
    files.set(surveyed.hash, surveyed)
    for (const [sku, quantity] of inFile) wanted.set(sku, (wanted.get(sku) ?? 0) + quantity)
    for (const [invoice, { opened, lastLine }] of extents) {
      invoices.set(invoice, { ...(invoices.get(invoice) ?? opened), lastHash: surveyed.hash, lastLine })
    }
  }
  return { files: [...files.values()], invoices, wanted, copies }
})
