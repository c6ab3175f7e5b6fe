/**
 * What tests and benchmarks rely on: a real, durable server of their own, which leaves nothing behind.
 */
import { execFile, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { startPostgres } from "../src/Postgres.ts"
import { postgresBinaries } from "../src/PostgresBinaries.ts"

const psql = (url: string, sql: string): string =>
  execFileSync(join(postgresBinaries(), "psql"), ["--no-psqlrc", "-At", "-c", sql, url], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"]
  }).trim()

const main = join(import.meta.dirname, "../src/main.ts")

describe("startPostgres", () => {
  test("serves durably, with the settings asked for, until stopped", async () => {
    const postgres = await startPostgres({ settings: { work_mem: "5MB" } })
    expect(psql(postgres.url, "show fsync")).toBe("on")
    expect(psql(postgres.url, "show work_mem")).toBe("5MB")
    const folder = psql(postgres.url, "show unix_socket_directories")
    await Promise.all([postgres.stop(), postgres.stop()])
    expect(existsSync(folder)).toBe(false)
    expect(() => psql(postgres.url, "select 1")).toThrow()
  })

  test("crashes and recovers, at the same address and with what was committed", async () => {
    await using postgres = await startPostgres()
    psql(postgres.url, "create table kept (n int); insert into kept values (7)")
    await postgres.crash()
    expect(() => psql(postgres.url, "select 1")).toThrow()
    await postgres.recover()
    expect(psql(postgres.url, "select n from kept")).toBe("7")
  })

  test("is frozen, and goes on with what it has been sent; stopped while it is, it ends all the same", async () => {
    const postgres = await startPostgres()
    psql(postgres.url, "create table kept (n int)")
    const [pid] = readFileSync(join(psql(postgres.url, "show data_directory"), "postmaster.pid"), "utf8").split("\n")
    postgres.freeze()
    const asked = execFile(join(postgresBinaries(), "psql"), [
      "--no-psqlrc",
      "-c",
      "insert into kept values (7)",
      postgres.url
    ])
    await expect.poll(() => readFileSync(`/proc/${pid}/status`, "utf8")).toMatch(/^State:\s*T/m)
    postgres.thaw()
    expect(await once(asked, "exit")).toEqual([0, null])
    expect(psql(postgres.url, "select n from kept")).toBe("7")
    postgres.freeze()
    await postgres.stop()
    expect(() => psql(postgres.url, "select 1")).toThrow()
  })

  test("a refused setting fails with the server's own words", async () => {
    await expect(startPostgres({ settings: { no_such_setting: "1" } })).rejects.toThrow("no_such_setting")
  })

  test("two servers run side by side", async () => {
    await using one = await startPostgres()
    await using two = await startPostgres()
    expect(one.url).not.toBe(two.url)
    expect([psql(one.url, "select 1"), psql(two.url, "select 2")]).toEqual(["1", "2"])
  })
})

describe("the command line", () => {
  // A temporary folder of the test's own, in which to see what is left behind.
  let temporary: string
  beforeAll(() => {
    temporary = mkdtempSync(join(tmpdir(), "infra-test-"))
    execFileSync("chmod", ["755", temporary])
  })
  afterAll(() => rmSync(temporary, { recursive: true, force: true }))

  const run = (script: string) =>
    spawn(process.execPath, [main, "postgres", "--", "sh", "-c", script], {
      env: { ...process.env, TMPDIR: temporary, DAYBOOK_TEST_DATABASE_URL: undefined },
      stdio: ["ignore", "pipe", "inherit"]
    })

  test("the command sees a server, its exit code is passed on, nothing is left", async () => {
    const child = run('echo "$DATABASE_URL"; exit 3')
    const [url] = await once(child.stdout, "data")
    expect(String(url)).toMatch(/^postgres:\/\/postgres@127\.0\.0\.1:\d+\/postgres\n$/)
    expect(await once(child, "exit")).toEqual([3, null])
    expect(readdirSync(temporary)).toEqual([])
  })

  test("an interruption while the server starts leaves nothing either", async () => {
    const child = run("exit 0")
    while (readdirSync(temporary).length === 0) await new Promise((resolve) => setImmediate(resolve))
    child.kill("SIGINT")
    expect(await once(child, "exit")).toEqual([130, null])
    expect(readdirSync(temporary)).toEqual([])
  })

  test("an interrupted run stops its server", async () => {
    const child = run('echo "$DATABASE_URL"; exec sleep 600')
    const [url] = await once(child.stdout, "data")
    child.kill("SIGTERM")
    expect(await once(child, "exit")).toEqual([143, null])
    expect(() => psql(String(url).trim(), "select 1")).toThrow()
    expect(readdirSync(temporary)).toEqual([])
  })
})
