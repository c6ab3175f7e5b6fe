/**
 * What operators rely on who divide a service among processes: each answers what its roles say and refuses the rest clearly; read
 * models are kept up to date by the processes that have that role; messages go where that role is.
 */
import { Agent } from "node:http"
import { Broker } from "@daybook/core/Broker"
import * as Database from "@daybook/postgres/Database"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { HttpServer } from "effect/http"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as Parts from "../src/Parts.ts"
import * as Server from "../src/Server.ts"
import type { Role } from "../src/Settings.ts"
import { call, expectProblem, type Sent } from "./Shop.ts"

const scope = Effect.runSync(Scope.make())
const quiet = Layer.succeed(References.MinimumLogLevel, "Error")

const build = <A>(layer: Layer.Layer<A, unknown>) =>
  Effect.runPromise(Layer.buildWithScope(layer.pipe(Layer.provide(quiet)), scope))

let store: Layer.Layer<Layer.Success<ReturnType<typeof Database.layer>>>

/** A process of the cart with these roles; all share one store. */
const start = async (...roles: ReadonlyArray<Role>) => {
  const place = { write: store, read: store, broker: Broker.layerMemory(), roles: new Set(roles) }
  const context = await build(Server.layer({ host: "127.0.0.1", port: 0 }, [Parts.cart(place)], place.roles))
  const { address } = Context.get(context, HttpServer.HttpServer)
  if (!("port" in address)) throw new Error("The server has no port")
  const agent = new Agent()
  return (method: string, path: string, sent?: Sent) => call(address.port, agent, method, path, sent)
}

beforeAll(async () => {
  store = Layer.succeedContext(await build(Database.layer({ folder: undefined })))
})

afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

const body = { id: "roles", customerId: "anna", currency: "GBP" }

describe("a service in processes by role", () => {
  it("takes commands in one, keeps read models in another, and answers queries in a third", async () => {
    const commands = await start("command")
    const queries = await start("query")
    expect((await commands("POST", "/carts", { body })).status).toBe(202)
    const projections = await start("projection")
    const shown = await queries("GET", "/carts/roles?atLeastVersion=1")
    expect(shown.body).toMatchObject({ id: "roles", version: 1 })
    expectProblem(await commands("GET", "/carts/roles"), 421, "MisdirectedRequest")
    expectProblem(await queries("POST", "/carts", { body: { ...body, id: "other" } }), 421, "MisdirectedRequest")
    expectProblem(await projections("GET", "/carts/roles"), 421, "MisdirectedRequest")
  })

  it("answers for itself whatever its roles: health, metrics, documentation", async () => {
    const process = await start("consumer")
    for (const path of ["/health/live", "/health/ready", "/metrics", "/openapi.json", "/asyncapi.json", "/docs"]) {
      expect((await process("GET", path)).status, path).toBe(200)
    }
    const { projections } = (await process("GET", "/health/ready")).body
    expect(projections.map(({ name }: { name: string }) => name)).toContain("cart-publication")
  })
})
