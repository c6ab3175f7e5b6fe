/**
 * An import whose database fails under it: gone for a while, gone for good, frozen, full. It waits or stops, says which, and the
 * same command carries on to the same totals.
 */
import { execFileSync } from "node:child_process"
import { mkdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { type Postgres, startPostgres } from "@daybook/infra/Postgres"
import * as Database from "@daybook/postgres/Database"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { SqlClient } from "effect/sql/SqlClient"
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest"
import { csv, type Ended, folder, line, type Process, scratch, start } from "./Orders.ts"

const lines = 20_000

/** Every tenth line is rejected, and invoices interrupt one another. */
const orders = folder({
  "1.csv": csv(
    ...Array.from({ length: lines }, (_, i) => line({ invoice: `${i % 911}`, quantity: i % 10 === 0 ? "0" : "1" }))
  )
})

const expected = {
  lines,
  accepted: lines * 0.9,
  rejected: { "non-positive-quantity": lines / 10 },
  cartsCheckedOut: 911,
  revenueMinor: lines * 0.9 * 255
}

let root: string

beforeEach(() => {
  root = scratch()
})

afterEach(() => rmSync(root, { recursive: true, force: true }))

afterAll(() => rmSync(orders, { recursive: true, force: true }))

const importing = (settings: Readonly<Record<string, string>>, ...flags: ReadonlyArray<string>): Process =>
  start(settings, ["import", "online-retail", orders, "--json", "--rejects", join(root, "rejects.csv"), ...flags])

const expectStopped = ({ code, out, err }: Ended, why: RegExp) => {
  expect({ code, out }, err).toEqual({ code: 1, out: "" })
  expect(err).toMatch(why)
  expect(err).toMatch(
    /^The import has stopped\. .+\nNothing that was acknowledged is lost\. Run the same command again/m
  )
  expect(err).not.toMatch(/\n\s+at /)
}

const expectDone = ({ code, out, err }: Ended) => {
  expect(code, err).toBe(0)
  expect(JSON.parse(out)).toMatchObject(expected)
}

/** A few imports each, on a machine that does other things as well. */
const patience = { timeout: 300_000 }

describe("a PostgreSQL server", patience, () => {
  let postgres: Postgres
  let settings: { readonly DATABASE_URL: string }

  beforeEach(async () => {
    postgres = await startPostgres()
    settings = { DATABASE_URL: postgres.url }
  })

  afterEach(() => postgres?.stop())

  const query = (statement: string) =>
    Effect.flatMap(SqlClient, (sql) => sql.unsafe<{ readonly n: number }>(statement)).pipe(
      Effect.provide(Database.layer({ url: Redacted.make(postgres.url) })),
      Effect.runPromise
    )

  /** Until lines are in, and many are still to come. */
  const underWay = () =>
    expect
      .poll(() => query("SELECT sum(head)::integer AS n FROM cart.partition").catch(() => []), {
        timeout: 60_000
      })
      .toEqual([{ n: expect.toSatisfy((events: number) => events > 500) }])

  it("that goes away is waited for", async () => {
    const running = importing(settings, "--concurrency", "50")
    await underWay()
    await postgres.crash()
    await running.says("Trying again for a while")
    await postgres.recover()
    expectDone(await running.ended)
  })

  it("that stays away is given up after a while, and the same command carries on when it is back", async () => {
    const running = importing(settings, "--concurrency", "50", "--patience", "1")
    await underWay()
    await postgres.crash()
    expectStopped(await running.ended, /The journal's database failed \(/)
    const { code, out, err } = await importing(settings).ended
    expect({ code, out }).toEqual({ code: 1, out: "" })
    expect(err).toMatch(/^No answer from PostgreSQL at .*ECONNREFUSED.*Check that the server runs/)
    await postgres.recover()
    expectDone(await importing(settings).ended)
  })

  it("that hangs is given up too, and a second Ctrl-C does not wait for it", async () => {
    const running = importing({ ...settings, ANSWER_WITHIN_SECONDS: "1" }, "--concurrency", "50", "--patience", "1")
    await underWay()
    postgres.freeze()
    expectStopped(await running.ended, /no answer within 1 s/)
    postgres.thaw()

    const interrupted = importing(settings, "--concurrency", "50")
    await underWay()
    postgres.freeze()
    const again = setInterval(() => interrupted.child.kill("SIGINT"), 200)
    const { code, signal, out } = await interrupted.ended
    clearInterval(again)
    // One that comes when it is on its way out ends it by itself, which a shell tells as 130 too.
    expect({ code: signal === "SIGINT" ? 130 : code, out }).toEqual({ code: 130, out: "" })
    postgres.thaw()
    expectDone(await importing(settings).ended)
  })
})

/** Mounts a disk of so many megabytes; `false` where that is not allowed. */
const mount = (path: string, megabytes: number): boolean => {
  mkdirSync(path)
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "none", path], { stdio: "ignore" })
    return true
  } catch {
    return false
  }
}

describe("a disk", patience, () => {
  it("that becomes full under an embedded store stops the import, which carries on when there is room", async (test) => {
    const disk = join(root, "disk")
    if (!mount(disk, 125)) return test.skip("Only root on Linux can mount a small disk to fill")
    try {
      const settings = { DAYBOOK_HOME: join(disk, "store") }
      expectStopped(await importing(settings, "--patience", "1").ended, /the disk is full: \d+ MB are free below/)
      execFileSync("mount", ["-o", "remount,size=600m", disk])
      expectDone(await importing(settings).ended)
    } finally {
      execFileSync("umount", [disk])
    }
  })
})
