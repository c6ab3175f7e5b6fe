/**
 * All services of the shop in this process, behind its real HTTP server, on one database. For tests.
 */
import { Agent } from "node:http"
import { MasterKeys } from "@daybook/core/MasterKeys"
import { SubjectKeys } from "@daybook/core/SubjectKeys"
import * as Database from "@daybook/postgres/Database"
import * as SqlBroker from "@daybook/postgres/SqlBroker"
import * as SqlSubjectKeys from "@daybook/postgres/SqlSubjectKeys"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { HttpServer } from "effect/http"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import { SqlClient } from "effect/sql/SqlClient"
import * as Parts from "../src/Parts.ts"
import type { Place } from "../src/Place.ts"
import * as Server from "../src/Server.ts"
import { roleNames } from "../src/Settings.ts"
import { type Answer, call, type Sent } from "./Shop.ts"

/** A shop that runs. */
export interface WholeShop {
  readonly call: (method: string, path: string, sent?: Sent) => Promise<Answer>
  /** What is in its database. */
  readonly query: <Row extends object>(text: string) => Promise<ReadonlyArray<Row>>
  readonly stop: () => Promise<void>
}

/** The keys of data subjects, in the shop's database. */
const keysOf = (database: Layer.Layer<SqlClient>, masters: Layer.Layer<MasterKeys>) =>
  SubjectKeys.layer({ cacheMillis: 0 }).pipe(
    Layer.provide(Layer.merge(SqlSubjectKeys.layer("privacy").pipe(Layer.provide(database)), masters))
  )

/** Starts all services. The master keys are the shop's own, unless it is to outlive itself. */
export const startWholeShop = async (
  location: Database.Location,
  masters: Layer.Layer<MasterKeys> = Layer.fresh(MasterKeys.layerMemory)
): Promise<WholeShop> => {
  const scope = Effect.runSync(Scope.make())
  const build = <A>(layer: Layer.Layer<A, unknown>) =>
    Effect.runPromise(Effect.provideService(Layer.buildWithScope(layer, scope), References.MinimumLogLevel, "Error"))
  const store = await build(Database.layer(location))
  const database = Layer.succeedContext(store)
  const broker = Layer.succeedContext(await build(SqlBroker.layer().pipe(Layer.provide(database))))
  const place: Place = { write: database, read: database, broker, roles: new Set(roleNames) }
  const keys = Layer.succeedContext(await build(keysOf(database, masters)))
  const parts = [
    Parts.checkout(place, keys),
    Parts.cart(place),
    Parts.order(place, keys),
    Parts.inventory(place),
    Parts.payment(place, Parts.simulatedProvider()),
    Parts.privacy(place, keys)
  ]
  const server = await build(Server.layer({ host: "127.0.0.1", port: 0 }, parts))
  const { address } = Context.get(server, HttpServer.HttpServer)
  if (!("port" in address)) throw new Error("The server has no port")
  // A connection for each request: one that was kept could be closed by the server while the next request is on its way.
  const agent = new Agent()
  return {
    call: (method, path, sent) => call(address.port, agent, method, path, sent),
    query: (text) => Effect.runPromise(Context.get(store, SqlClient).unsafe(text)) as never,
    stop: async () => {
      agent.destroy()
      await Effect.runPromise(Scope.close(scope, Exit.void))
    }
  }
}
