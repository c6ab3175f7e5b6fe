/**
 * A shop seals what happens in it by itself, with a key that it makes when it first needs one, and says how much it has sealed.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Database from "@daybook/postgres/Database"
import { publicKeyOfPem } from "@daybook/postgres/SealKeys"
import { verify } from "@daybook/postgres/SealVerification"
import * as Effect from "effect/Effect"
import { afterAll, expect, it } from "vitest"
import { freePort, start } from "./Process.ts"

const folder = mkdtempSync(join(tmpdir(), "daybook-sealing-"))
const key = join(folder, "keys", "shop.pem")

afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** What the metrics say was sealed of a service. */
const sealed = async (address: string, schema: string): Promise<number> => {
  const text = await (await fetch(`${address}/metrics`)).text()
  return Number(
    new RegExp(`^daybook_sealed_events_total\\{.*schema="${schema}".*\\} (\\d+)$`, "mu").exec(text)?.[1] ?? 0
  )
}

it("a shop at work seals its journals, which then verify", { timeout: 120_000 }, async () => {
  const port = await freePort()
  const address = `http://127.0.0.1:${port}`
  const shop = start({ DAYBOOK_HOME: folder, PORT: port, SEAL_KEY_FILE: key, SEAL_AFTER_SECONDS: "1", DEMO_STOCK: "1" })
  await shop.ready
  // It looks every few seconds.
  await expect.poll(() => sealed(address, "inventory"), { timeout: 90_000, interval: 250 }).toBeGreaterThan(0)
  shop.child.kill("SIGTERM")
  expect((await shop.exited).code).toBe(0)
  expect(statSync(key).mode & 0o777).toBe(0o600)
  const publicKeys = [publicKeyOfPem(readFileSync(key, "utf8"))]
  const report = await Effect.runPromise(
    Effect.provide(verify("inventory", { publicKeys }), Database.layer({ folder }))
  )
  expect(report.findings).toEqual([])
  expect(report.proven).toBeGreaterThan(0)
})

it("a shop that is told not to seal makes no key", { timeout: 120_000 }, async () => {
  const none = join(folder, "none.pem")
  const shop = start({ DAYBOOK_HOME: folder, PORT: await freePort(), SEAL_KEY_FILE: none, SEAL_AFTER_SECONDS: "0" })
  await shop.ready
  shop.child.kill("SIGTERM")
  expect((await shop.exited).code).toBe(0)
  expect(existsSync(none)).toBe(false)
})
