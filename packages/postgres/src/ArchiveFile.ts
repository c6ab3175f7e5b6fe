/**
 * The format of archive files, to bytes and back. docs/guides/archive.md describes it for those who read one without Daybook.
 *
 * Zstandard over lines of JSON: a header, the events in canonical form in order of position, the headers of the sealed blocks
 * that they are in, and a footer with the SHA-256 of the lines before. A file is the same for the same events, whoever writes it.
 */
import { createHash } from "node:crypto"
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib"
import { reasonOf } from "@daybook/core/Problem"
import { canonical, fromCanonical, type RawEvent } from "./RawEvents.ts"

/** The name that every file begins with, and the newest version that this code writes and reads. */
const format = "daybook-archive"
const formatVersion = 1

/** Level 12 of 22: above it, files get smaller by a hundredth and take twice the time. */
const compression = { params: { [constants.ZSTD_c_compressionLevel]: 12, [constants.ZSTD_c_checksumFlag]: 1 } }

/** No file is longer when unpacked: a damaged or forged one must not fill the memory. One stream of a million events fits. */
const maxTextBytes = 1_000_000_000

/** The first line. */
export interface Header {
  readonly format: typeof format
  readonly version: typeof formatVersion
  readonly schema: string
  readonly partition: number
  readonly streams: number
  readonly events: number
  readonly firstPosition: number
  readonly lastPosition: number
  /** How many lines after the events are headers of blocks. */
  readonly blocks: number
}

/** What goes into a file. */
export interface Content {
  readonly schema: string
  readonly partition: number
  /** At least one, in order of position. */
  readonly events: ReadonlyArray<RawEvent>
  /** JSON values. */
  readonly blocks: ReadonlyArray<unknown>
}

/** A file's bytes, and what an index has to know of it. */
export interface Encoded {
  /** Relative to the archive: names the schema, the partition, the positions, and the content. */
  readonly name: string
  readonly bytes: Uint8Array
  /** Of `bytes`, hexadecimal. */
  readonly sha256: string
  /** Before compression. */
  readonly textBytes: number
}

/** A file that is not what it should be; the message says in which way. */
export class DamagedFile extends Error {}

export const sha256Of = (bytes: Uint8Array | string): string => createHash("sha256").update(bytes).digest("hex")

/** Makes a file. */
export const encode = ({ schema, partition, events, blocks }: Content): Encoded => {
  const header: Header = {
    format,
    version: formatVersion,
    schema,
    partition,
    streams: new Set(events.map(({ stream }) => stream)).size,
    events: events.length,
    firstPosition: events[0]!.position,
    lastPosition: events.at(-1)!.position,
    blocks: blocks.length
  }
  const lines = [JSON.stringify(header), ...events.map(canonical), ...blocks.map((block) => JSON.stringify(block))]
  const text = `${lines.join("\n")}\n`
  const whole = Buffer.from(`${text}${JSON.stringify({ lines: lines.length, sha256: sha256Of(text) })}\n`)
  const bytes = zstdCompressSync(whole, compression)
  const sha256 = sha256Of(bytes)
  const positions = `${header.firstPosition}-${header.lastPosition}`
  return {
    name: `${schema}/p${partition}/${positions}-${sha256.slice(0, 16)}.ndjson.zst`,
    bytes,
    sha256,
    textBytes: whole.length
  }
}

/** Which events of a file are meant. */
interface Range {
  readonly from: number
  readonly to: number
  readonly stream?: string
  readonly limit?: number
}

/** A file that was read, its events still text. */
export class ArchiveFile {
  readonly header: Header
  readonly #text: Buffer
  /** Where each event's line begins, and where the last one ends. */
  readonly #starts: Float64Array
  readonly #positions: Float64Array

  /** Unpacks and checks a file. Throws `DamagedFile`. */
  constructor(bytes: Uint8Array) {
    this.#text = unpack(bytes)
    const lines = linesOf(this.#text)
    this.header = headerOf(this.#text.subarray(0, lines[1]))
    const { events, blocks } = this.header
    // The header, the events, the blocks, the footer, and the end.
    if (lines.length !== events + blocks + 3) {
      throw new DamagedFile(`it has ${lines.length - 1} lines, and its header speaks of ${events + blocks + 2}`)
    }
    checkFooter(this.#text, lines.at(-2)!, lines.length - 2)
    this.#starts = lines.slice(1, events + 2)
    this.#positions = this.#starts.subarray(0, events).map((_, i) => positionOf(this.line(i)))
  }

  /** The canonical form of the i-th event: the bytes that seals hash. */
  line(i: number): string {
    return this.#text.toString("utf8", this.#starts[i], this.#starts[i + 1]! - 1)
  }

  /** What it holds between two positions, inclusive: all of it, or a stream's; the first `limit` of them. */
  events(range: Range): ReadonlyArray<RawEvent> {
    const found: Array<RawEvent> = []
    const name = range.stream === undefined ? "" : JSON.stringify(range.stream)
    const limit = range.limit ?? Number.POSITIVE_INFINITY
    for (let i = this.#indexOf(range.from); i < this.#positions.length && this.#positions[i]! <= range.to; i++) {
      if (found.length >= limit) break
      const line = this.line(i)
      if (!line.includes(name)) continue
      const event = fromCanonical(line)
      if (range.stream === undefined || event.stream === range.stream) found.push(event)
    }
    return found
  }

  /** The headers of blocks, as they were given. */
  get blocks(): ReadonlyArray<unknown> {
    const from = this.#starts.at(-1)!
    const lines = this.#text.toString("utf8", from).split("\n")
    return lines.slice(0, this.header.blocks).map((line) => JSON.parse(line) as unknown)
  }

  /** The first event at a position or after it. */
  #indexOf(position: number): number {
    let low = 0
    let high = this.#positions.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#positions[middle]! < position) low = middle + 1
      else high = middle
    }
    return low
  }
}

const newLine = 0x0a

/** Where the lines begin, and where the last one ends. */
const linesOf = (text: Buffer): Float64Array => {
  const starts = [0]
  for (let at = text.indexOf(newLine); at >= 0; at = text.indexOf(newLine, at + 1)) starts.push(at + 1)
  if (starts.at(-1) !== text.length) throw new DamagedFile("it ends within a line")
  return Float64Array.from(starts)
}

const unpack = (bytes: Uint8Array): Buffer => {
  try {
    return zstdDecompressSync(bytes, { maxOutputLength: maxTextBytes })
  } catch (error) {
    throw new DamagedFile(`it cannot be unpacked: ${reasonOf(error)}`)
  }
}

const jsonOf = (line: Uint8Array, what: string): Record<string, unknown> => {
  try {
    const value: unknown = JSON.parse(Buffer.from(line).toString("utf8"))
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>
  } catch {
    // Said below.
  }
  throw new DamagedFile(`its ${what} is no JSON object`)
}

const headerOf = (line: Uint8Array): Header => {
  const header = jsonOf(line, "first line")
  if (header.format !== format) throw new DamagedFile("it is no archive of Daybook")
  if (header.version !== formatVersion) {
    throw new DamagedFile(`it is of format version ${String(header.version)}, and this release reads ${formatVersion}`)
  }
  return header as unknown as Header
}

const checkFooter = (text: Buffer, start: number, lines: number): void => {
  const footer = jsonOf(text.subarray(start), "last line")
  if (footer.lines !== lines || footer.sha256 !== sha256Of(text.subarray(0, start))) {
    throw new DamagedFile("its lines are not those that its last line vouches for")
  }
}

/** The second value of an event's canonical form. */
const positionOf = (line: string): number => {
  const position = /^\[\d+,(\d+),/.exec(line)?.[1]
  if (position === undefined) throw new DamagedFile("a line of it is no event")
  return Number(position)
}
