/**
 * A file of order lines: its records under a checked header, each with the verdict of the rules.
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Stream from "effect/Stream"
import { Failure } from "../Failure.ts"
import { type Row, rows, type Source } from "./CsvRecords.ts"
import { columns, type OrderLine, type Rejected, rules } from "./OrderLine.ts"

/** A record below the header, its cells in the order of `columns`. */
export interface Entry extends Row {
  readonly verdict: OrderLine | Rejected
}

/** What a header says: how many cells a record has, and where those of `columns` are. */
interface Header {
  readonly width: number
  readonly places: ReadonlyArray<number>
}

const failed = (source: Source, what: string): Failure => new Failure({ message: `${source.path}: ${what}` })

const quoted = (names: ReadonlyArray<string>): string => names.map((name) => `"${name}"`).join(", ")

/** Columns may come in any order, and others are left alone. */
const readHeader = (source: Source, header: ReadonlyArray<string>): Header | Failure => {
  const missing = columns.filter((column) => !header.includes(column))
  if (missing.length > 0) {
    return failed(
      source,
      `the header lacks ${missing.length === 1 ? "the column" : "the columns"} ${quoted(missing)}; it has ${quoted(header)}. ` +
        "Rename the columns in the first line to those of the Online Retail data set."
    )
  }
  const repeated = columns.filter((column) => header.indexOf(column) !== header.lastIndexOf(column))
  if (repeated.length > 0) return failed(source, `the header has ${quoted(repeated)} twice. Rename one of them.`)
  return { width: header.length, places: columns.map((column) => header.indexOf(column)) }
}

const wrongWidth = (source: Source, { line, cells }: Row, width: number): Failure =>
  failed(
    source,
    `line ${line} has ${cells.length} cells, and the header ${width}. Put that line right; a cell with a comma needs quotes.`
  )

/** Reads a file from beginning to end, in batches. Fails on the first thing that cannot be read, and names its line. */
export const entries = (source: Source): Stream.Stream<ReadonlyArray<Entry>, Failure, FileSystem.FileSystem> =>
  Stream.suspend(() => {
    let header: Header | undefined
    const judge = rules()
    const judged = Stream.chunks(rows(source)).pipe(
      Stream.mapEffect((chunk) => {
        const found: Array<Entry> = []
        for (const row of chunk) {
          if (header === undefined) {
            const read = readHeader(source, row.cells)
            if (read instanceof Failure) return Effect.fail(read)
            header = read
            continue
          }
          if (row.cells.length !== header.width) return Effect.fail(wrongWidth(source, row, header.width))
          const cells = header.places.map((place) => row.cells[place]!)
          found.push({ line: row.line, cells, verdict: judge(cells) })
        }
        return Effect.succeed(found)
      })
    )
    const headed = Effect.suspend(() =>
      header === undefined ? failed(source, "the file is empty. Its first line has to be a header.") : Effect.void
    )
    return Stream.concat(judged, Stream.fromEffectDrain(headed))
  })
