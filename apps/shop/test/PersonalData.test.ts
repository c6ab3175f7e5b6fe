/**
 * Personal data with the settings that a shop is started with: the keys are opened when they are first needed, in the database that
 * the services share, and the master key is made beside it and nowhere else.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { Agent } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { HttpServer } from "effect/http"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { afterAll, expect, it } from "vitest"
import * as Parts from "../src/Parts.ts"
import * as Server from "../src/Server.ts"
import { roleNames } from "../src/Settings.ts"
import { call } from "./Shop.ts"

const root = mkdtempSync(join(tmpdir(), "daybook-personal-"))
const home = join(root, "store")
afterAll(() => rmSync(root, { recursive: true, force: true }))

const begin = {
  cartId: "cart-1",
  customerId: "jane",
  recipient: {
    name: "Jane Doe",
    email: "jane@example.org",
    address: { lines: ["1 Main Street"], city: "Leeds", postalCode: "LS1", country: "United Kingdom" }
  },
  paymentMethod: { token: "tok_approve" }
}

/** Checkouts alone, on these settings; answers what becomes of a checkout with a recipient. */
const beginOn = async (settings: Record<string, string>) => {
  const scope = Effect.runSync(Scope.make())
  const shop = Layer.unwrap(
    Effect.map(Parts.fromEnvironment(["checkout"], new Set(roleNames)), (parts) =>
      Server.layer({ host: "127.0.0.1", port: 0 }, parts)
    )
  )
  try {
    const context = await Layer.buildWithScope(shop, scope).pipe(
      Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(settings))),
      Effect.runPromise
    )
    const { address } = Context.get(context, HttpServer.HttpServer)
    if (!("port" in address)) throw new Error("The server has no port")
    const hadKey = existsSync(join(home, "master-key"))
    const answer = await call(address.port, new Agent(), "POST", "/checkouts", { body: begin })
    return { answer, hadKey }
  } finally {
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }
}

it("a checkout begins with a recipient, and the master key is made then", async () => {
  const { answer, hadKey } = await beginOn({ DAYBOOK_HOME: home })
  expect(answer).toMatchObject({ status: 202 })
  expect(hadKey).toBe(false)
  expect(existsSync(join(home, "master-key"))).toBe(true)
})

it("where the keys cannot be reached the checkout is refused for a while, and nobody's name is told", async () => {
  const { answer } = await beginOn({ DAYBOOK_HOME: home, PRIVACY_WRITE_URL: "postgres://u:s3cret@127.0.0.1:1/keys" })
  expect(answer).toMatchObject({ status: 503, body: { type: "urn:daybook:problem:SubjectKeysUnavailable" } })
  expect(answer.body.detail).toContain("PRIVACY_WRITE_URL")
  expect(answer.text).not.toMatch(/Jane|s3cret/)
})
