/**
 * What becomes of the files that a command writes: whole or not at all, links stay links, and what is no file is written to as
 * it is and never replaced.
 */
import { execFileSync, spawn } from "node:child_process"
import { lstatSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { text as textOf } from "node:stream/consumers"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import * as OutputFile from "../src/OutputFile.ts"
import { scratch } from "./Orders.ts"

let folder: string

beforeEach(() => {
  folder = join(scratch(), "out")
})

afterEach(() => rmSync(join(folder, ".."), { recursive: true, force: true }))

const write = (file: string, content: Stream.Stream<Uint8Array, Error>) =>
  OutputFile.write(file, content).pipe(Effect.provide(NodeServices.layer), Effect.runPromise)

const broken = Stream.concat(OutputFile.text("half"), Stream.fail(new Error("the database went away")))

describe("a file that a command writes", () => {
  it("is there when it is complete, and replaces what was there", async () => {
    const file = join(folder, "report.json")
    await write(file, OutputFile.text("one"))
    await write(file, OutputFile.text("two"))
    expect(readFileSync(file, "utf8")).toBe("two")
    expect(readdirSync(folder)).toEqual(["report.json"])
  })

  it("that cannot be completed leaves what was there before, and nothing else", async () => {
    const file = join(folder, "report.json")
    await write(file, OutputFile.text("one"))
    await expect(write(file, broken)).rejects.toThrow("the database went away")
    expect(readFileSync(file, "utf8")).toBe("one")
    expect(readdirSync(folder)).toEqual(["report.json"])
  })

  it("is written where a link leads", async () => {
    const [file, link] = [join(folder, "report.json"), join(folder, "link.json")]
    writeFileSync(file, "one")
    symlinkSync("report.json", link)
    await write(link, OutputFile.text("two"))
    expect(readFileSync(file, "utf8")).toBe("two")
    expect(lstatSync(link).isSymbolicLink()).toBe(true)
  })
})

describe.skipIf(process.platform === "win32")("a place that is no file", () => {
  it("is written to, and stays what it is", async () => {
    const pipe = join(folder, "pipe")
    execFileSync("mkfifo", [pipe])
    const reader = spawn("cat", [pipe], { stdio: ["ignore", "pipe", "inherit"] })
    const [read] = await Promise.all([textOf(reader.stdout), write(pipe, OutputFile.text("the report"))])
    expect(read).toBe("the report")
    expect(statSync(pipe).isFIFO()).toBe(true)
    expect(readdirSync(folder)).toEqual(["pipe"])
  })

  it.runIf(process.platform === "linux")("and is full says so", async () => {
    const full = join(folder, "full")
    symlinkSync("/dev/full", full)
    await expect(write(full, OutputFile.text("the report"))).rejects.toThrow(/full cannot be written: .*ENOSPC/)
    expect(statSync("/dev/full").isCharacterDevice()).toBe(true)
  })
})
