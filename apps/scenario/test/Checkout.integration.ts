/**
 * The scenario at a size for every day: four processes with a database each and real Kafka between them; everything in one process that
 * is killed again and again; and four processes on one database, all of which are.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { describe, expect, it } from "vitest"
import { main, scenario } from "./Scenario.ts"

const zeros = { needsAttention: 0, oversold: 0, duplicated: 0, lost: 0, stuck: 0, examples: [] }

const run = async (...args: ReadonlyArray<string>) => {
  const { output, errors } = await scenario("checkout", "--json", ...args)
  const last = output.trim().split("\n").at(-1) ?? ""
  expect(last, errors).toMatch(/^\{.*\}$/)
  return { result: JSON.parse(last), errors }
}

/** Whether a process has something in its command line or its environment. One that has ended has not. */
const mentions = (pid: string, text: string): boolean =>
  ["cmdline", "environ"].some((name) => {
    try {
      return readFileSync(`/proc/${pid}/${name}`, "utf8").includes(text)
    } catch {
      return false
    }
  })

describe("the scenario checkout", { timeout: 600_000 }, () => {
  it("confirms every order of services that meet through Kafka alone", async () => {
    const { result, errors } = await run("--orders", "30", "--broker", "kafka", "--seed", "11")
    expect(result, errors).toMatchObject({ ...zeros, processes: 4, started: 30, confirmed: 30, restored: 0 })
  })

  it("confirms or restores every order of a shop that is killed five times, whatever the payments do", async () => {
    const { result, errors } = await run("--orders", "40", "--faults", "--seed", "12")
    expect(result, errors).toMatchObject({ ...zeros, processes: 1, started: 40, kills: { shop: 5 } })
    expect(result.confirmed + result.restored).toBe(40)
    expect(result.restored).toBeGreaterThan(0)
  })

  it("does so with processes that are killed on a PostgreSQL that crashes", async () => {
    const { result, errors } = await run("--orders", "40", "--broker", "postgres", "--faults", "--seed", "13")
    expect(result, errors).toMatchObject({ ...zeros, processes: 4, started: 40, databaseRestarts: 1 })
    expect(result.confirmed + result.restored).toBe(40)
  })

  it.skipIf(process.platform !== "linux")("leaves nothing behind when it is asked to stop", async () => {
    const folder = mkdtempSync(join(tmpdir(), "daybook-scenario-test-"))
    // The server runs as somebody else where this runs as root.
    chmodSync(folder, 0o755)
    const { DATABASE_URL, KAFKA_BROKERS, ...env } = process.env
    const child = spawn(process.execPath, [main, "checkout", "--broker", "postgres", "--orders", "1000000"], {
      env: { ...env, TMPDIR: folder },
      stdio: ["ignore", "ignore", "pipe"]
    })
    try {
      for await (const line of createInterface(child.stderr)) if (line.includes("processes are ready")) break
      const left = () => readdirSync("/proc").filter((pid) => /^\d+$/.test(pid) && mentions(pid, folder))
      expect(left().length).toBeGreaterThan(5)
      const ended = once(child, "exit")
      child.kill("SIGTERM")
      expect(await ended).toEqual([143, null])
      await expect.poll(left, { timeout: 10_000 }).toEqual([])
      expect(readdirSync(folder)).toEqual([])
    } finally {
      child.kill("SIGKILL")
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
