/**
 * The command as a process: killed at any moment, stopped by Ctrl-C, beside another on the same store, and under an older Node.
 */
import { spawnSync } from "node:child_process"
import { cpSync, existsSync, readFileSync, rmSync } from "node:fs"
import { delimiter, join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { csv, type Fields, folder, line, scratch, start } from "./Orders.ts"

const root = scratch()

/** Enough lines for a few seconds of work: invoices that interrupt one another, and some lines to reject. */
const fields = Array.from(
  { length: 12_000 },
  (_, i): Partial<Fields> => ({
    invoice: i % 50 === 7 ? `C${i}` : `${500_000 + Math.floor(i / 40) + (i % 3)}`,
    sku: `S${i % 700}`,
    quantity: `${(i % 12) + 1}`,
    price: i % 60 === 11 ? "0.001" : `${(i % 30) + 1}.${String(i % 100).padStart(2, "0")}`,
    customer: i % 5 === 0 ? "" : "17850.0"
  })
)

// An invoice has one customer.
const lines = fields.map((one) => line({ ...one, customer: Number(one.invoice) % 4 === 0 ? "" : "17850.0" }))

const orders = folder({ "1.csv": csv(...lines.slice(0, 5_000)), "2.csv.gz": csv(...lines.slice(5_000)) })

/** The totals, worked out from the fields by another way than the import's. */
const expected = () => {
  const cancelled = fields.filter(({ invoice }) => invoice!.startsWith("C"))
  const rest = fields.filter(({ invoice }) => !invoice!.startsWith("C"))
  const small = rest.filter(({ price }) => price === "0.001")
  const accepted = rest.filter(({ price }) => price !== "0.001")
  const revenue = accepted.reduce(
    (sum, { quantity, price }) => sum + Number(quantity) * Math.round(Number(price) * 100),
    0
  )
  return {
    lines: fields.length,
    accepted: accepted.length,
    rejected: { cancellation: cancelled.length, "sub-minor-unit-price": small.length },
    cartsCheckedOut: new Set(accepted.map(({ invoice }) => invoice)).size,
    customers: 1,
    skus: new Set(accepted.map(({ sku }) => sku)).size,
    revenueMinor: revenue,
    revenueMinorByCountry: { "United Kingdom": revenue }
  }
}

afterAll(() => {
  for (const path of [root, orders]) rmSync(path, { recursive: true, force: true })
})

const importing = (store: string, node?: string) =>
  start(
    { DAYBOOK_HOME: join(root, store) },
    ["import", "online-retail", orders, "--json", "--rejects", join(root, `${store}.rejects.csv`)],
    node
  )

const pause = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))

/** Waits until a living process holds a store: from then on a command is at work on it. */
const begun = async (store: string) => {
  const lock = join(root, store, "lock.json")
  for (;;) {
    try {
      process.kill(JSON.parse(readFileSync(lock, "utf8")).pid, 0)
      return
    } catch {
      await pause(20)
    }
  }
}

/** Six starts on a machine that does other things as well. */
const patience = 120_000

describe("an import that is killed", () => {
  it(
    "at random moments, again and again, ends with the same totals",
    async () => {
      const moments: Array<number> = []
      for (let round = 0; round < 5; round++) {
        const running = importing("killed")
        await begun("killed")
        // The first moments are in the creation of the store, the last in the midst of the lines.
        moments.push(Math.round(Math.random() * 400 * (round + 1)))
        await Promise.race([pause(moments.at(-1)!), running.ended])
        running.child.kill("SIGKILL")
        await running.ended
      }
      const { code, out, err } = await importing("killed").ended
      expect({ code, moments }, err).toEqual({ code: 0, moments })
      expect(JSON.parse(out), `Killed after ${moments.join(", ")} ms`).toEqual(expected())
    },
    patience
  )
})

describe("an import that is interrupted", () => {
  it(
    "stops reading, says how to carry on and ends with 130; meanwhile nobody else gets its store",
    async () => {
      const running = importing("interrupted")
      await begun("interrupted")
      const other = await importing("interrupted").ended
      expect(other).toMatchObject({ code: 1, out: "" })
      expect(other.err).toMatch(
        new RegExp(`^Process ${running.child.pid} .*online-retail.* holds the embedded store in .*DATABASE_URL`)
      )
      expect(other.err).not.toContain("\n    at ")
      running.child.kill("SIGINT")
      const stopped = await running.ended
      expect(stopped).toMatchObject({ code: 130, out: "" })
      expect(stopped.err).toMatch(/^Stopped\. Nothing that was acknowledged is lost\. Run the same command again/m)
      const { code, out } = await importing("interrupted").ended
      expect(code).toBe(0)
      expect(JSON.parse(out)).toEqual(expected())
    },
    patience
  )
})

/** A Node on this machine's search path that is older than the command needs. */
const olderNode = (process.env.PATH ?? "")
  .split(delimiter)
  .map((path) => join(path, "node"))
  .find((node) => {
    const version = spawnSync(node, ["--version"], { encoding: "utf8" }).stdout
    return version !== null && Number(/^v(\d+)/.exec(version)?.[1]) < 26
  })

describe.skipIf(olderNode === undefined)("under an older Node", () => {
  it("the one that comes with the project takes over", async () => {
    const { code, out, err } = await start({}, ["--version"], olderNode).ended
    expect({ code, err }).toEqual({ code: 0, err: "" })
    expect(out).toMatch(/^daybook v\d/)
    expect(await start({}, ["nonsense"], olderNode).ended).toMatchObject({ code: 2 })
  })

  it(
    "it ends with the process that the user has started, killed or interrupted",
    async () => {
      const running = importing("older", olderNode)
      await begun("older")
      running.child.kill("SIGINT")
      expect(await running.ended).toMatchObject({ code: 130, out: "" })
      const killed = importing("older", olderNode)
      await begun("older")
      killed.child.kill("SIGKILL")
      await killed.ended
      while (existsSync(join(root, "older/lock.json"))) await pause(50)
    },
    patience
  )

  it("it says what is missing when the project has none", () => {
    const path = join(root, "alone")
    cpSync(new URL("../bin", import.meta.url).pathname, join(path, "bin"), { recursive: true })
    cpSync(new URL("../package.json", import.meta.url).pathname, join(path, "package.json"))
    const { status, stderr } = spawnSync(olderNode!, [join(path, "bin/daybook.js"), "--help"], { encoding: "utf8" })
    expect(status).toBe(1)
    expect(stderr).toMatch(
      /^daybook needs Node 26 or later; this is Node \d.*"node" is not installed\.\nRun npm install/
    )
  })
})
