/**
 * A broker and an inbox in one database, for the suite of consumers.
 */
import type * as Database from "@daybook/postgres/Database"
import { layer as database } from "@daybook/postgres/Database"
import { migrate } from "@daybook/postgres/Migrations"
import * as SqlBroker from "@daybook/postgres/SqlBroker"
import * as SqlInbox from "@daybook/postgres/SqlInbox"
import { consumerSuite } from "@daybook/testkit/ConsumerSuite"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { freshSchema, withWitness, witness } from "./Stores.ts"

/** Registers the suite of consumers for a database. */
export const consumers = (name: string, location: Database.Location): void => {
  const schema = freshSchema()
  const inbox = Layer.unwrap(Effect.as(migrate(schema, SqlInbox.migrations), SqlInbox.layer(schema)))
  consumerSuite(name, {
    layer: () =>
      withWitness(
        Layer.merge(SqlBroker.layer({ schema: freshSchema() }), inbox).pipe(Layer.provideMerge(database(location)))
      ),
    witness,
    rollback: true
  })
}
