/**
 * Kills a process that works on an embedded store, at random moments, and lets the next one check that nothing acknowledged is
 * gone. `CRASH_SEED` repeats a run's moments; what the process was doing at each is up to the machine.
 */
import { spawn } from "node:child_process"
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as fc from "fast-check"
import { expect } from "vitest"

const program = new URL("./CrashWorker.ts", import.meta.url).pathname

/**
 * When the process of a round is killed: so long after its start, or after it has acknowledged so many commands. It is counted in
 * commands rather than in time, so that a busy machine gets as far as an idle one.
 */
type Moment =
  | { readonly after: "start"; readonly millis: number }
  | { readonly after: "acknowledged"; readonly count: number; readonly millis: number }

const moment: fc.Arbitrary<Moment> = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.record({ after: fc.constant("start" as const), millis: fc.integer({ min: 300, max: 1_500 }) })
  },
  {
    weight: 4,
    arbitrary: fc.record({
      after: fc.constant("acknowledged" as const),
      count: fc.integer({ min: 0, max: 300 }),
      millis: fc.integer({ min: 0, max: 20 })
    })
  }
)

interface Round {
  /** How many acknowledged commands it has found again, `undefined` when it was killed before it had looked. */
  readonly verified: number | undefined
  readonly acknowledged: ReadonlyArray<string>
  readonly signal: NodeJS.Signals | null
  readonly errors: string
}

const acknowledgedIn = (output: string): ReadonlyArray<string> => output.match(/^ack \S+ \S+ \d+$/gmu) ?? []

const hasCome = (moment: Moment, output: string): boolean =>
  moment.after === "acknowledged" && output.includes("verified") && acknowledgedIn(output).length >= moment.count

/** Without the template of tests: a store is made as users' are, which may be when the process is killed. */
const { PGLITE_TEMPLATE: _, ...env } = process.env

const run = (args: ReadonlyArray<string>, moment: Moment): Promise<Round> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, [program, ...args], { env, stdio: ["ignore", "pipe", "pipe"] })
    let output = ""
    let errors = ""
    // Killing what has been killed does nothing, so that it does not matter how often the moment is seen to have come.
    const kill = () => setTimeout(() => child.kill("SIGKILL"), moment.millis)
    if (moment.after === "start") kill()
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text
      if (hasCome(moment, output)) kill()
    })
    child.stderr.setEncoding("utf8").on("data", (text) => {
      errors += text
    })
    child.once("close", (_, signal) => {
      const verified = /^verified (\d+)$/mu.exec(output)?.[1]
      resolve({
        verified: verified === undefined ? undefined : Number(verified),
        acknowledged: acknowledgedIn(output),
        signal,
        errors
      })
    })
  })

/** The last process is killed as well, once it has checked everything. */
const last: Moment = { after: "acknowledged", count: 0, millis: 0 }

/** Rounds of one store, at a level of persistence. */
export const crash = async (level: 2 | 3, rounds: number): Promise<void> => {
  const seed = Number(process.env.CRASH_SEED ?? Date.now() % 2 ** 31)
  const folder = mkdtempSync(join(tmpdir(), "daybook-crash-"))
  const file = join(folder, "acknowledged")
  writeFileSync(file, "")
  let total = 0
  try {
    const moments = fc.sample(moment, { seed, numRuns: rounds })
    for (const [round, when] of [...moments, last].entries()) {
      const found = await run([join(folder, "store"), String(level), String(round), file], when)
      expect(found, `round ${round}, CRASH_SEED=${seed}`).toMatchObject({ errors: "", signal: "SIGKILL" })
      if (when.after === "acknowledged") expect(found.verified, `round ${round}, CRASH_SEED=${seed}`).toBe(total)
      total += found.acknowledged.length
      appendFileSync(file, found.acknowledged.map((line) => `${line}\n`).join(""))
    }
  } finally {
    console.log(`level ${level}: ${rounds} crashes, ${total} commands acknowledged, CRASH_SEED=${seed}`)
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  expect(total).toBeGreaterThan(rounds * 10)
}
