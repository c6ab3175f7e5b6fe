/**
 * What the owner of a server relies on who lends it to a benchmark: interrupted, it leaves nothing there.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { expect, it } from "vitest"
import { connect } from "../src/Server.ts"

const main = new URL("../src/main.ts", import.meta.url).pathname

it("a run that is interrupted drops the databases that it has made", async () => {
  const url = process.env.DATABASE_URL!
  await using admin = connect(url)
  const program = spawn(process.execPath, [main, "commands", "--short"], {
    env: { ...process.env, DATABASE_URL_BENCH: url },
    stdio: ["ignore", "ignore", "pipe"]
  })
  const closed = once(program, "close")
  let said = ""
  program.stderr.setEncoding("utf8").on("data", (text) => {
    said += text
  })
  const made = async () => {
    const text = "SELECT datname FROM pg_database WHERE datname LIKE $1"
    return (await admin.query(text, [`daybook\\_bench\\_${program.pid}\\_%`])).length
  }
  await expect.poll(made, { timeout: 30_000 }).toBeGreaterThan(1)
  program.kill("SIGINT")
  expect(await closed, said).toEqual([130, null])
  expect(await made()).toBe(0)
  expect(said).toMatch(/^commands: .+\n$/)
}, 60_000)
