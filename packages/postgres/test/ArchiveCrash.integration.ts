/**
 * Archiving is killed between any two of its steps, and in the middle of a file: every event is in the journal or in a whole file,
 * never in neither, and the next run goes on.
 */
import { spawn } from "node:child_process"
import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Step } from "@daybook/postgres/SqlArchive"
import { afterAll, describe, expect, it } from "vitest"

const folder = mkdtempSync(join(tmpdir(), "daybook-archive-crash-"))

afterAll(() => rmSync(folder, { recursive: true, force: true }))

const program = new URL("./ArchiveCrashWorker.ts", import.meta.url).pathname

/** Runs the process up to a moment: how it ended, and what it said. */
const upTo = (moment: Step | "set-up" | "half-written" | "end") =>
  new Promise<{ signal: NodeJS.Signals | null; errors: string; said: ReadonlyArray<any> }>((resolve) => {
    const child = spawn(process.execPath, [program, folder, moment], { stdio: ["ignore", "pipe", "pipe"] })
    let output = ""
    let errors = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text
    })
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      errors += text
    })
    child.once("close", (_, signal) => {
      const said = output.split("\n").filter((line) => line !== "")
      resolve({ signal, errors, said: said.map((line) => JSON.parse(line)) })
    })
  })

/** Every moment, and whether the stream that is being archived then is gone from the journal afterwards. */
const moments = {
  read: 0,
  "half-written": 0,
  written: 0,
  verified: 0,
  indexed: 0,
  receipts: 0,
  recorded: 0,
  deleted: 0,
  committed: 3
} as const satisfies Record<Step | "half-written", number>

describe("a process that is killed while it archives", () => {
  let left = 12 * 4
  let before: string = "set-up"

  it("begins with a whole journal", async () => {
    expect(await upTo("set-up")).toMatchObject({ signal: null, errors: "" })
  })

  it.each(Object.entries(moments) as ReadonlyArray<[Step | "half-written", number]>)(
    "at the moment %s, leaves nothing missing behind",
    async (moment, gone) => {
      const { signal, errors, said } = await upTo(moment)
      expect({ signal, errors, before }).toEqual({ signal: "SIGKILL", errors: "", before })
      // What the one before has left.
      expect(said).toEqual([{ same: true, found: [], left }])
      left -= gone
      before = moment
    }
  )

  it("is followed by one that finds everything, and archives the rest", async () => {
    const { signal, errors, said } = await upTo("end")
    expect({ signal, errors }).toEqual({ signal: null, errors: "" })
    expect(said).toEqual([{ same: true, found: [], left }, { same: true }])
    expect(left).toBe(45)
    expect(readdirSync(join(folder, "archive", "notes")).sort()).toEqual(["p0", "p1"])
  })
})
