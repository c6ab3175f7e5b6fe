/**
 * What somebody who has just started the shop relies on: it says where everything is kept, without a password, and how to have it kept
 * elsewhere.
 */
import { resolve } from "node:path"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import { assert, describe, it } from "vitest"
import { type Role, roleNames, type ServiceName } from "../src/Settings.ts"
import * as StoresInUse from "../src/StoresInUse.ts"

const linesOf = (
  env: Readonly<Record<string, string>>,
  services: ReadonlyArray<ServiceName> = ["cart", "order"],
  roles: ReadonlyArray<Role> = roleNames
) =>
  Effect.runPromise(
    Effect.provide(StoresInUse.lines(services, new Set(roles)), ConfigProvider.layer(ConfigProvider.fromUnknown(env)))
  )

const many = "DATABASE_URL names one for all; <SERVICE>_WRITE_URL, <SERVICE>_READ_URL and BROKER_URL name others"

describe("the stores that a shop says it uses", () => {
  it("are the embedded one, by the whole name of its folder, and how to use another", async () => {
    assert.deepStrictEqual(await linesOf({}), [
      `embedded store in ${resolve(".daybook")}`,
      "DATABASE_URL=postgres://user:password@host:5432/database has it use PostgreSQL, DAYBOOK_HOME another folder"
    ])
    assert.strictEqual((await linesOf({ DAYBOOK_HOME: "/srv/shop" }))[0], "embedded store in /srv/shop")
  })

  it("are a server, by host and database, and never by its password", async () => {
    assert.deepStrictEqual(await linesOf({ DATABASE_URL: "postgres://me:s3cret@db:5433/shop?password=s3cret" }), [
      "PostgreSQL at db:5433/shop"
    ])
  })

  it("are all, with what is in each, where there are several", async () => {
    const env = {
      DATABASE_URL: "postgres://me@db/shop",
      CART_READ_URL: "postgres://me@replica/shop",
      BROKER_URL: "postgres://me@queue/shop"
    }
    assert.deepStrictEqual(await linesOf(env), [
      "PostgreSQL at db/shop: cart (journal), order",
      "PostgreSQL at replica/shop: cart (read models)",
      "PostgreSQL at queue/shop: messages",
      many
    ])
  })

  it("leave out what this process has no part in, and what is not in a database", async () => {
    const env = { DATABASE_URL: "postgres://me@db/shop", BROKER_URL: "postgres://me@queue/shop" }
    assert.lengthOf(await linesOf(env, ["cart"], ["command", "query"]), 1)
    assert.lengthOf(await linesOf({ ...env, BROKER: "kafka" }), 1)
  })
})
