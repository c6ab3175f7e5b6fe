/**
 * The broker on a PostgreSQL server.
 */
import * as Database from "@daybook/postgres/Database"
import * as SqlBroker from "@daybook/postgres/SqlBroker"
import { brokerSuite } from "@daybook/testkit/BrokerSuite"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { freshSchema, serverUrl } from "./Stores.ts"

const on = (schema: string) => SqlBroker.layer({ schema }).pipe(Layer.provide(Database.layer({ url: serverUrl() })))

brokerSuite("PostgreSQL", {
  layer: () => on(freshSchema()),
  reopen: Effect.sync(() => on(freshSchema()))
})
