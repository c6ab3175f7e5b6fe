/**
 * What somebody who has just started the shop relies on: it says where everything is kept, without a password, and how to have it kept
 * elsewhere.
 */
import { resolve } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import { type Role, roleNames, type ServiceName } from "../src/Settings.ts"
import * as StoresInUse from "../src/StoresInUse.ts"

const linesOf = (
  env: Readonly<Record<string, string>>,
  services: ReadonlyArray<ServiceName> = ["cart", "order"],
  roles: ReadonlyArray<Role> = roleNames
) => Effect.provide(StoresInUse.lines(services, new Set(roles)), ConfigProvider.layer(ConfigProvider.fromUnknown(env)))

const many = "DATABASE_URL names one for all; <SERVICE>_WRITE_URL, <SERVICE>_READ_URL and BROKER_URL name others"

describe("the stores that a shop says it uses", () => {
  it.effect("are the embedded one, by the whole name of its folder, and how to use another", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* linesOf({}), [
        `embedded store in ${resolve(".daybook")}`,
        "DATABASE_URL=postgres://user:password@host:5432/database has it use PostgreSQL, DAYBOOK_HOME another folder"
      ])
      assert.strictEqual((yield* linesOf({ DAYBOOK_HOME: "/srv/shop" }))[0], "embedded store in /srv/shop")
    })
  )

  it.effect("are a server, by host and database, and never by its password", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* linesOf({ DATABASE_URL: "postgres://me:s3cret@db:5433/shop?password=s3cret" }), [
        "PostgreSQL at db:5433/shop"
      ])
    })
  )

  it.effect("are all, with what is in each, where there are several", () =>
    Effect.gen(function* () {
      const env = {
        DATABASE_URL: "postgres://me@db/shop",
        CART_READ_URL: "postgres://me@replica/shop",
        BROKER_URL: "postgres://me@queue/shop"
      }
      assert.deepStrictEqual(yield* linesOf(env), [
        "PostgreSQL at db/shop: cart (journal), order",
        "PostgreSQL at replica/shop: cart (read models)",
        "PostgreSQL at queue/shop: messages",
        many
      ])
    })
  )

  it.effect("leave out what this process has no part in, and what is not in a database", () =>
    Effect.gen(function* () {
      const env = { DATABASE_URL: "postgres://me@db/shop", BROKER_URL: "postgres://me@queue/shop" }
      assert.lengthOf(yield* linesOf(env, ["cart"], ["command", "query"]), 1)
      assert.lengthOf(yield* linesOf({ ...env, BROKER: "kafka" }), 1)
    })
  )
})
