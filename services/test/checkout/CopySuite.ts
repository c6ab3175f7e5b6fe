/**
 * The checkout's copy as it is kept: by a consumer that runs, from topics that overtake each other, in several processes at once.
 * Run on an embedded store and on a PostgreSQL server, each with the broker on it.
 */
import { Broker } from "@daybook/core/Broker"
import * as Consumer from "@daybook/core/Consumer"
import { Inbox } from "@daybook/core/Inbox"
import type { Message } from "@daybook/core/Message"
import type * as Database from "@daybook/postgres/Database"
import * as SqlBroker from "@daybook/postgres/SqlBroker"
import * as Stores from "@daybook/postgres/Stores"
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { SqlClient } from "effect/sql/SqlClient"
import { schema, tables } from "../../src/checkout/Checkout.ts"
import { Reconciliation } from "../../src/checkout/Reconciliation.ts"
import { reconciliationConsumerName, reconciliationSources } from "../../src/checkout/ReconciliationConsumer.ts"
import { life, messageOf, minute, type Said } from "./Copy.ts"

/** The copy, its inbox and the broker. */
const on = (database: ReturnType<typeof Database.layer>) =>
  Layer.merge(Reconciliation.layer(schema), SqlBroker.layer()).pipe(
    Layer.provideMerge(Stores.readSide({ schema, tables })),
    Layer.provideMerge(database)
  )

const orders = Array.from({ length: 60 }, (_, n) => life(`order-${n}`))

/** Everything that each service says of all orders, those of the services in orders of their own. */
const said = {
  orders: orders.flatMap((order) => [order.placed, order.confirmed, order.linesCancelled(1_000)]),
  stock: orders.toReversed().flatMap((order) => [order.reserved, order.committed]),
  money: [...orders.slice(30), ...orders.slice(0, 30)].flatMap(
    (order): ReadonlyArray<Said> => [order.authorised, order.captured(4_000, "1"), order.captured(5_000, "2")]
  )
}

const publish = (all: ReadonlyArray<Said>) =>
  Effect.gen(function* () {
    const broker = yield* Broker
    const messages = all.map((one) => messageOf(one, { key: "orderId" in one ? one.orderId : "" }))
    const batches = Map.groupBy(messages, ({ topic }) => topic)
    for (const [topic, batch] of batches) {
      const sent: ReadonlyArray<Message> = batch.map(({ message }) => message)
      // The first of them twice, as a broker may.
      yield* broker.publish(topic, sent.slice(0, 20))
      yield* broker.publish(topic, sent)
    }
  })

/** One of the processes that keep the copy. */
const keeping = Effect.gen(function* () {
  const copy = yield* Reconciliation
  return yield* Consumer.run(reconciliationConsumerName, reconciliationSources(copy), { pollMillis: 5 })
})

/** The suite, on a database. */
export const copySuite = (name: string, database: ReturnType<typeof Database.layer>) =>
  layer(on(database), { timeout: "60 seconds", excludeTestServices: true })(`the checkout's copy on ${name}`, (it) => {
    it.effect("counts every message once, whatever overtakes what, in two processes at once", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        yield* Effect.all([publish(said.money), publish(said.stock), publish(said.orders)], { concurrency: 3 })
        const rows = sql.unsafe<{ readonly n: number }>(
          `SELECT count(*)::integer AS n FROM ${schema}.reconciliation
           WHERE order_status = 'confirmed' AND due_minor = 9000 AND reservation = 'committed'
             AND authorised_minor = 10000 AND captured_minor = 9000 AND held_minor = 1000`
        )
        const complete = Effect.repeat(rows, {
          until: ([row]) => row!.n === orders.length,
          schedule: Schedule.spaced("20 millis")
        })
        yield* Effect.raceAllFirst([keeping, keeping, complete])
        const { findings } = yield* Reconciliation
        expect(yield* findings({ beforeMillis: Date.now() + minute, limit: 10 })).toEqual([])
        expect(yield* (yield* Inbox).list({ limit: 10 })).toEqual([])
      })
    )
  })
