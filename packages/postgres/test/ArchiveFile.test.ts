/** Archive files: what went in comes out, whoever has the file can read it, and what is damaged says so. */

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { zstdCompressSync, zstdDecompressSync } from "node:zlib"
import { ArchiveFile, DamagedFile, encode, sha256Of } from "@daybook/postgres/ArchiveFile"
import * as FileArchive from "@daybook/postgres/FileArchive"
import { canonical, type RawEvent } from "@daybook/postgres/RawEvents"
import { nothingKnown } from "@daybook/testkit/Metadata"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { afterAll, describe, expect, it } from "vitest"

const rawEvent = (position: number, rest: Partial<RawEvent> = {}): RawEvent => ({
  partition: 3,
  position,
  stream: `note-${position % 2}`,
  version: position,
  eventId: "01890000-0000-7000-8000-000000000000",
  type: "Noted",
  schemaVersion: 1,
  occurredAtMicros: "1700000000123456",
  recordedAtMicros: "1700000000123457",
  isReceipt: false,
  ...nothingKnown,
  data: `{ "n" : ${position} }`,
  ...rest
})

const events = [1, 2, 4, 7, 8].map((position) => rawEvent(position))
const blocks = [
  { number: 1, root: "ab" },
  { number: 2, root: "cd" }
]
const encoded = encode({ schema: "notes", partition: 3, events, blocks })
const everything = { from: 0, to: Number.MAX_SAFE_INTEGER }

describe("a file", () => {
  it("holds the very events, whatever texts are in them", () => {
    const text = fc.string({ unit: "grapheme" })
    const anEvent = fc.record({ stream: text, data: text, actor: fc.option(text), reason: fc.option(text) })
    fc.assert(
      fc.property(fc.array(anEvent, { minLength: 1, maxLength: 20 }), (some) => {
        const made = some.map((rest, i) => rawEvent(i * 3 + 1, rest))
        const file = new ArchiveFile(encode({ schema: "notes", partition: 3, events: made, blocks: [] }).bytes)
        expect(file.events(everything)).toEqual(made)
        expect(made.map((_, i) => file.line(i))).toEqual(made.map(canonical))
      })
    )
  })

  it("says what is in it, at its head", () => {
    const file = new ArchiveFile(encoded.bytes)
    expect(file.header).toEqual({
      format: "daybook-archive",
      version: 1,
      schema: "notes",
      partition: 3,
      streams: 2,
      events: 5,
      firstPosition: 1,
      lastPosition: 8,
      blocks: 2
    })
    expect(file.blocks).toEqual(blocks)
  })

  it.each([
    [{ from: 0, to: 0 }, []],
    [{ from: 1, to: 1 }, [1]],
    [{ from: 3, to: 7 }, [4, 7]],
    [{ from: 5, to: 99 }, [7, 8]],
    [{ from: 9, to: 99 }, []],
    [{ ...everything, stream: "note-1" }, [1, 7]],
    [{ from: 2, to: 7, stream: "note-0" }, [2, 4]],
    [{ ...everything, stream: "note-" }, []]
  ])("of which %j is asked answers positions %j", (range, positions) => {
    expect(new ArchiveFile(encoded.bytes).events(range).map(({ position }) => position)).toEqual(positions)
  })

  it("is the same again for the same events, and another for others", () => {
    expect(encode({ schema: "notes", partition: 3, events, blocks })).toEqual(encoded)
    const other = encode({ schema: "notes", partition: 3, events: events.slice(0, 4), blocks })
    expect(other.name).not.toBe(encoded.name)
    expect(encoded.name).toMatch(/^notes\/p3\/1-8-[0-9a-f]{16}\.ndjson\.zst$/)
    expect(encoded.sha256).toBe(sha256Of(encoded.bytes))
  })

  it("can be read line by line with nothing but zstd and JSON", () => {
    const lines = zstdDecompressSync(encoded.bytes).toString().split("\n")
    expect(lines.at(-1)).toBe("")
    const [header, ...rest] = lines.slice(0, -1).map((line) => JSON.parse(line))
    expect(rest.slice(0, header.events).map((line) => line[1])).toEqual([1, 2, 4, 7, 8])
    expect(rest.at(-1)).toEqual({ lines: 8, sha256: sha256Of(`${lines.slice(0, -2).join("\n")}\n`) })
  })
})

describe("a damaged file is told of", () => {
  const text = zstdDecompressSync(encoded.bytes).toString()
  const packed = (changed: string) => zstdCompressSync(Buffer.from(changed))
  const cases: ReadonlyArray<readonly [string, Uint8Array, RegExp]> = [
    ["that is empty", new Uint8Array(), /unpacked|first line/],
    ["that was cut off", encoded.bytes.subarray(0, encoded.bytes.length - 20), /cannot be unpacked/],
    ["of which a bit has flipped", encoded.bytes.map((byte, i) => (i === 60 ? byte ^ 1 : byte)), /./],
    ["that is something else", packed("hello\n"), /first line is no JSON object/],
    ["of another program", packed('{"format":"other"}\n'), /no archive of Daybook/],
    [
      "of a later format",
      packed(text.replace('"version":1', '"version":2')),
      /format version 2, and this release reads 1/
    ],
    ["that lacks an event", packed(text.replace(`${canonical(events[2]!)}\n`, "")), /its header speaks of/],
    ["of which an event was changed", packed(text.replace("4 }", "5 }")), /not those that its last line vouches for/],
    ["that ends within a line", packed(text.slice(0, -1)), /ends within a line/]
  ]
  it.each(cases)("%s", (_, bytes, why) => {
    expect(() => new ArchiveFile(bytes)).toThrow(DamagedFile)
    expect(() => new ArchiveFile(bytes)).toThrow(why)
  })
})

const folder = mkdtempSync(join(tmpdir(), "daybook-archive-"))

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe("an archive in a folder", () => {
  it("does not show what a crash has left unfinished, and leaves nothing unfinished itself", async () => {
    const store = FileArchive.make(folder)
    await Effect.runPromise(store.write("notes/p0/whole", Uint8Array.of(1)))
    expect(readdirSync(join(folder, "notes", "p0"))).toEqual(["whole"])
    writeFileSync(join(folder, "notes", "p0", "half.123.unfinished"), "")
    expect(await Effect.runPromise(store.list("notes/"))).toEqual(["notes/p0/whole"])
  })

  it("says what is in its way", async () => {
    writeFileSync(join(folder, "file"), "")
    const problem = await Effect.runPromise(
      Effect.flip(FileArchive.make(join(folder, "file")).write("a/b", Uint8Array.of(1)))
    )
    expect(problem.detail).toMatch(/a\/b in .* cannot be written: ENOTDIR/)
  })
})
