/**
 * What level 1 asks of the places where a service keeps its data: read models are written in the transaction of the command, so
 * that a shop whose two sides are apart does not start, and says why before it opens either.
 */
import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Broker } from "@daybook/core/Broker"
import * as Persistence from "@daybook/core/Persistence"
import * as Database from "@daybook/postgres/Database"
import { Carts } from "@daybook/services/cart/Cart"
import * as Effect from "effect/Effect"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { Place } from "../src/Place.ts"
import * as Running from "../src/Running.ts"
import type { Roles } from "../src/Settings.ts"
import * as StartFailure from "../src/StartFailure.ts"

let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "daybook-level-"))
})

afterEach(() => rmSync(root, { recursive: true, force: true }))

interface Sides extends Pick<Place, "write" | "read"> {
  readonly persistence: Persistence.Persistence
}

const roles: Roles = new Set(["command", "query", "projection"])

/** Starts the cart; why it cannot be, in words, or "runs". */
const startCart = ({ write, read, persistence }: Sides): Promise<string> =>
  Effect.as(Carts, "runs").pipe(
    Effect.provide(Running.cart({ write, read, roles, broker: Broker.layerMemory() }, { persistence })),
    Effect.scoped,
    Effect.catch((error) => Effect.succeed(StartFailure.explain(error, undefined))),
    Effect.runPromise
  )

const place = (name: string) => Database.layer({ folder: join(root, name) })

describe("a cart at level 1", () => {
  it("does not start on two databases, says what to do, and writes nothing", async () => {
    const said = await startCart({ persistence: Persistence.inline, write: place("write"), read: place("read") })
    expect(said).toBe(
      "The cart runs at level 1, which writes its read models in the transaction of the command, and so needs both in one " +
        "database. Leave out CART_WRITE_URL and CART_READ_URL, or give them the same value; or run the cart at level 2 " +
        "(Persistence.state) or 3 (Persistence.events)."
    )
    expect(readdirSync(root)).toEqual([])
  })

  it("starts on one", async () => {
    const both = place("both")
    expect(await startCart({ persistence: Persistence.inline, write: both, read: both })).toBe("runs")
  })
})

describe("a cart at another level", () => {
  it("starts on two", async () => {
    expect(await startCart({ persistence: Persistence.state(), write: place("write"), read: place("read") })).toBe(
      "runs"
    )
  })
})
