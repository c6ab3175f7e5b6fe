/**
 * Makes the fixture of a release: runs that release's shop on an empty PostgreSQL, has it do all that its HTTP API can, and keeps
 * its database (`<release>.sql.gz`), what it answered (`<release>.answers.json.gz`) and the states of its
 * aggregates (`<release>.states.json.gz`). Run once for each release, by `npm run record-release` (see `README.md`).
 */
import { execFileSync, spawn } from "node:child_process"
import { mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { gzipSync } from "node:zlib"
import { type Call, live } from "./Life.ts"
import { statesOf } from "./States.ts"

const [source, release] = process.argv.slice(2)
const database = process.env.DATABASE_URL
if (source === undefined || release === undefined || database === undefined) {
  console.error(
    "Give the folder of the release's sources and its name, and DATABASE_URL: see the README beside this file."
  )
  process.exit(2)
}

const port = 3947
const folder = new URL("./", import.meta.url)
const pause = (millis: number) => new Promise<void>((done) => setTimeout(done, millis))

const keep = (what: string, text: string) =>
  writeFileSync(new URL(`${release}.${what}.gz`, folder), gzipSync(text, { level: 9 }))

const call: Call = async (method, path, body) => {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    headers: { "content-type": "application/json", "x-actor": "operator:ada", "x-reason": "the fixture of a release" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) })
  })
  const text = await response.text()
  return { status: response.status, body: text === "" ? undefined : JSON.parse(text) }
}

const shop = spawn(process.execPath, [join(resolve(source), "apps/shop/src/main.ts")], {
  env: {
    ...process.env,
    PORT: String(port),
    DEMO_STOCK: "true",
    DAYBOOK_PARTITIONS: "4",
    DAYBOOK_HOME: mkdtempSync(join(tmpdir(), "daybook-release-"))
  },
  stdio: ["ignore", "ignore", "inherit"]
})

const ready = async () => {
  for (let tries = 0; tries < 300; tries++) {
    const answer = await call("GET", "/health/ready").catch(() => undefined)
    if (answer?.status === 200) return
    await pause(200)
  }
  throw new Error("The shop did not start")
}

try {
  await ready()
  const answers = await live(call, pause)
  keep("answers.json", JSON.stringify(answers))
} finally {
  const ended = new Promise((done) => shop.once("close", done))
  shop.kill("SIGTERM")
  await ended
}

keep("states.json", JSON.stringify(await statesOf(resolve(source), database)))

const dump = execFileSync(
  process.env.PG_DUMP ?? "pg_dump",
  ["--no-owner", "--no-privileges", "--inserts", "--rows-per-insert=200", database],
  { maxBuffer: 256 * 1024 * 1024, encoding: "utf8" }
)
// What only `psql` or only a newer server understands.
const portable = dump.replaceAll(
  /^(?:\\(?:un)?restrict .*|SET (?:transaction_timeout|default_table_access_method).*)\n/gmu,
  ""
)
keep("sql", portable)
console.log(`Recorded ${release}: ${portable.length} characters of SQL`)
