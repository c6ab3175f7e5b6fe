/** Stores of older releases, opened as embedded stores; and the help of `daybook events check`, which the suite tries on them. */
import { mkdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { PGlite } from "@electric-sql/pglite"
import { expect, it } from "vitest"
import { daybook, scratch } from "./Orders.ts"
import { releaseSuite, type Store } from "./releases/ReleaseSuite.ts"

const open = async (): Promise<Store> => {
  const root = scratch()
  const folder = join(root, "store")
  return {
    settings: { DAYBOOK_HOME: folder },
    load: async (dump) => {
      mkdirSync(folder)
      const db = await PGlite.create(join(folder, "pglite"))
      await db.exec(dump)
      await db.close()
    },
    remove: async () => rmSync(root, { recursive: true, force: true })
  }
}

for (const release of ["v0.1.0"]) releaseSuite(release, open)

it("has help with examples, and refuses a service that there is not", async () => {
  const help = await daybook({}, "events", "check", "--help")
  expect(help.code).toBe(0)
  expect(help.out).toMatch(/EXAMPLES\n {2}# .+\n {2}daybook events check/u)
  const other = await daybook({}, "events", "check", "--service", "other")
  expect(other.code).toBe(2)
  expect(other.err).toContain("checkout")
})
