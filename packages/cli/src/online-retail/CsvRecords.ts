/**
 * The records of a CSV file, plain or gzipped, as a stream with their line numbers. Used by the survey and by the import itself,
 * which both read every file from beginning to end and never hold more of it than a few chunks.
 *
 * What cannot be read is a `Failure` that names the file, the line and what to do.
 */

import type { Hash } from "node:crypto"
import { createGunzip } from "node:zlib"
import { reasonOf } from "@daybook/core/Problem"
import * as NodeStream from "@effect/platform-node/NodeStream"
import * as Effect from "effect/Effect"
import * as Csv from "effect/encoding/Csv"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import * as Stream from "effect/Stream"
import { Failure } from "../Failure.ts"

/** One record. */
export interface Row {
  /** The line of the decompressed file that the record begins on; the first is 1. */
  readonly line: number
  readonly cells: ReadonlyArray<string>
}

/** How a file is to be read. */
export interface Source {
  /** For messages. */
  readonly name: string
  /** Gzipped if it ends in `.gz`. */
  readonly path: string
  /** Told of the decompressed bytes, in order. */
  readonly hash?: Hash
  /** Told how many bytes of the file itself have been read, chunk by chunk. */
  readonly onRead?: (bytes: number) => void
}

const lineFeed = 10
const carriageReturn = 13

/** Longest record, in bytes. Real ones are a tenth of a kilobyte; a missing quote makes one of the rest of the file. */
const maxRecordBytes = 1024 * 1024

const failed = (source: Source, what: string): Failure => new Failure({ message: `${source.path}: ${what}` })

const unreadable =
  (source: Source) =>
  (error: PlatformError): Failure =>
    failed(source, `cannot be read (${error.message}). Check that the file is there and that you may read it.`)

const badGzip =
  (source: Source) =>
  (error: unknown): Failure => {
    const why = reasonOf(error)
    return failed(source, `the gzip data is damaged or cut off (${why}). Copy or download the file again.`)
  }

/** The file's content, decompressed. */
const bytesOf = (source: Source): Stream.Stream<Uint8Array, Failure, FileSystem.FileSystem> => {
  const stored = Stream.unwrap(
    Effect.map(FileSystem.FileSystem, (fs) => fs.stream(source.path).pipe(Stream.mapError(unreadable(source))))
  ).pipe(
    Stream.map((chunk) => {
      source.onRead?.(chunk.length)
      return chunk
    })
  )
  const content = /\.gz$/i.test(source.path)
    ? NodeStream.pipeThroughDuplex(stored, {
        evaluate: () => createGunzip(),
        onError: badGzip(source),
        // A few chunks at a time: the default of 4,096 would be the whole file.
        chunkSize: 4
      })
    : stored
  return Stream.map(content, (chunk) => {
    source.hash?.update(chunk)
    return chunk
  })
}

/**
 * Text that always ends at the end of a line. A line break is never a part of another character in UTF-8, so that each piece
 * is valid by itself, or else the line that is not can be named.
 */
class Lines {
  readonly #source: Source
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
  #line = 1
  #rest: Uint8Array = new Uint8Array(0)

  constructor(source: Source) {
    this.#source = source
  }

  /** The whole lines up to here. Throws `Failure`. */
  push(chunk: Uint8Array): string {
    const end = Math.max(chunk.lastIndexOf(lineFeed), chunk.lastIndexOf(carriageReturn)) + 1
    const bytes = this.#rest.length === 0 ? chunk.subarray(0, end) : Buffer.concat([this.#rest, chunk.subarray(0, end)])
    if (end > 0) {
      this.#rest = chunk.slice(end)
      return this.#decode(bytes)
    }
    this.#rest = Buffer.concat([this.#rest, chunk])
    if (this.#rest.length > maxRecordBytes) {
      throw failed(this.#source, `line ${this.#line} is longer than 1 MiB. Check that this is a CSV file.`)
    }
    return ""
  }

  /** The last line, where the file does not end in a line break. Throws `Failure`. */
  end(): string {
    const bytes = this.#rest
    this.#rest = new Uint8Array(0)
    return this.#decode(bytes)
  }

  #decode(bytes: Uint8Array): string {
    try {
      const text = this.#decoder.decode(bytes)
      this.#line += countLines(text)
      return text
    } catch {
      throw failed(
        this.#source,
        `line ${this.#line + this.#linesBeforeInvalid(bytes)} is not valid UTF-8. Convert the file, for example with ` +
          "iconv -f WINDOWS-1252 -t UTF-8."
      )
    }
  }

  #linesBeforeInvalid(bytes: Uint8Array): number {
    for (let start = 0, lines = 0; start < bytes.length; lines++) {
      const found = bytes.indexOf(lineFeed, start)
      const end = found === -1 ? bytes.length : found + 1
      try {
        this.#decoder.decode(bytes.subarray(start, end))
      } catch {
        return lines
      }
      start = end
    }
    return 0
  }
}

const countLines = (text: string): number => {
  let lines = 0
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) lines++
  return lines
}

/** Runs what may throw a `Failure`. */
const attempt = <A>(run: () => A): Effect.Effect<A, Failure> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(run())
    } catch (error) {
      if (error instanceof Failure) return Effect.fail(error)
      throw error
    }
  })

const textOf = (source: Source): Stream.Stream<string, Failure, FileSystem.FileSystem> =>
  Stream.suspend(() => {
    const lines = new Lines(source)
    return Stream.concat(
      Stream.mapEffect(bytesOf(source), (chunk) => attempt(() => lines.push(chunk))),
      Stream.fromEffect(Effect.suspend(() => attempt(() => lines.end())))
    )
  })

const badCsv =
  (source: Source) =>
  (error: Csv.CsvError | Failure): Failure => {
    if (!Csv.isCsvError(error)) return error
    const what =
      error.kind === "RecordSize"
        ? "a record that begins here is longer than 1 MiB; most likely it lacks a closing quote"
        : `${error.message.charAt(0).toLowerCase()}${error.message.slice(1)} in column ${error.column}`
    return failed(source, `line ${error.line}: ${what}. Put that line right, or take it out.`)
  }

/** The records of a file, the header first. Empty lines are left out, and counted. */
export const rows = (source: Source): Stream.Stream<Row, Failure, FileSystem.FileSystem> =>
  textOf(source).pipe(
    Stream.pipeThroughChannel(Csv.decodeString({ maxRecordSize: maxRecordBytes })),
    Stream.mapError(badCsv(source)),
    Stream.mapAccum(
      () => 1,
      (line: number, cells: Csv.Row) => {
        let next = line + 1
        for (const cell of cells)
          if (cell.includes("\n") || cell.includes("\r")) next += cell.split(/\r\n|\r|\n/).length - 1
        return [next, cells.length === 1 && cells[0] === "" ? [] : [{ line, cells }]]
      }
    )
  )
