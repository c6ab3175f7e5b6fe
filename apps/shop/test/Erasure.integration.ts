/**
 * Erasure on a PostgreSQL server: over HTTP, and then in its dump and in all of its files, the write-ahead log among them.
 */

import { execFileSync } from "node:child_process"
import { join } from "node:path"
import { postgresBinaries } from "@daybook/infra/PostgresBinaries"
import * as Redacted from "effect/Redacted"
import { afterAll, beforeAll, expect, it } from "vitest"
import { createDatabase } from "./Databases.ts"
import * as Erasure from "./Erasure.ts"
import { startWholeShop, type WholeShop } from "./WholeShop.ts"

let url: string
let shop: WholeShop

beforeAll(async () => {
  url = await createDatabase("erasure")
  shop = await startWholeShop({ url: Redacted.make(url) })
})
afterAll(() => shop.stop())

/** What a server setting is; this server's files are on this machine. */
const setting = async (name: string): Promise<string> => {
  const [row] = await shop.query<{ readonly value: string }>(`SELECT current_setting('${name}') AS value`)
  return row!.value
}

it("a person who is erased is in no dump and in no file of the server, and nobody ever was in clear", async () => {
  await Erasure.sell(shop)
  await Erasure.erase(shop)
  await Erasure.expectErased(shop)
  await shop.query("CHECKPOINT")
  const words = [Erasure.control, ...Erasure.marks]
  const dumped = execFileSync(join(postgresBinaries(), "pg_dump"), ["--dbname", url], {
    encoding: "utf8",
    maxBuffer: 1 << 30
  })
  expect(words.filter((word) => dumped.includes(word))).toEqual([Erasure.control])
  const found = Erasure.search(await setting("data_directory"), words)
  expect(found.some((line) => /^CONTROL-\S+ in [0-9A-F]{24}$/.test(line))).toBe(true)
  expect(found.filter((line) => !line.startsWith(Erasure.control))).toEqual([])
})
