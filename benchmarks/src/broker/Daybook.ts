/**
 * Daybook from an event's commit to another service's effect: entities, journal, publication, broker, inbox, and a consumer that
 * keeps a copy, its inbox and the copy written in one transaction. Used by the `broker` benchmark with either broker.
 *
 * Every event of a cart is published, one message each, which the cart service itself does not do. Both services are in this
 * process, so that one clock measures both ends; nothing passes between them but by the broker.
 */
import { randomUUID } from "node:crypto"
import * as Consumer from "@daybook/core/Consumer"
import * as Contract from "@daybook/core/Contract"
import * as Partition from "@daybook/core/Partition"
import * as Projector from "@daybook/core/Projector"
import * as Publication from "@daybook/core/Publication"
import * as KafkaBroker from "@daybook/kafka/KafkaBroker"
import * as Database from "@daybook/postgres/Database"
import * as SqlBroker from "@daybook/postgres/SqlBroker"
import * as Stores from "@daybook/postgres/Stores"
import { Carts, commandSide, schema } from "@daybook/services/cart/Cart"
import { make as makeCart } from "@daybook/services/cart/Domain"
import { Line } from "@daybook/services/cart/Events"
import { tables } from "@daybook/services/cart/Projections"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { SqlClient } from "effect/sql/SqlClient"
import { type Contestant, perCaller, type Settings } from "../Contestant.ts"
import { steps } from "../commands/CartLoad.ts"
import { Watch } from "../lag/Watch.ts"
import { round, until } from "./BrokerLoad.ts"
import * as Copy from "./Copy.ts"

const customers = 64
/** Commands under way at once while messages pile up. */
const callers = 256

/** A topic of its own for each run, since a cluster may have been used before. */
const Told = Contract.define(`bench-carts-${randomUUID()}`, {
  Opened: { cartId: Schema.String, currency: Schema.String },
  Filled: { cartId: Schema.String, ...Line.fields }
})

const publication = Publication.make({
  name: "bench-publication",
  source: "/bench",
  aggregate: makeCart(),
  contract: Told
})({
  CartOpened: ({ currency }, { stream }) => [{ _tag: "Opened", cartId: Partition.idOf(stream), currency }],
  ItemAdded: ({ _tag, ...line }, { stream }) => [{ _tag: "Filled", cartId: Partition.idOf(stream), ...line }],
  QuantityChanged: Publication.notPublished,
  ItemRemoved: Publication.notPublished,
  GuestCartMerged: Publication.notPublished,
  CheckoutBegun: Publication.notPublished,
  CartCompleted: Publication.notPublished,
  CartRestored: Publication.notPublished,
  CartAbandoned: Publication.notPublished
})

class Relay extends Context.Service<Relay, Projector.Projector>()("@daybook/benchmarks/Relay") {}

const copying = Consumer.layer(
  "bench-copy",
  [
    Consumer.gather(Told, Copy.count, {
      Opened: ({ cartId }) => Effect.succeed(cartId),
      Filled: ({ cartId }) => Effect.succeed(cartId)
    })
  ],
  // Of what is merely counted, hardly anything can fail.
  { mixed: true }
)

const services = Layer.merge(Layer.effect(Relay, Projector.make([publication])), copying).pipe(
  Layer.provideMerge(commandSide())
)

const layerOf = (databaseUrl: string, kafka: string | undefined) =>
  services.pipe(
    Layer.provide(kafka === undefined ? SqlBroker.layer() : KafkaBroker.layer({ brokers: [kafka] })),
    Layer.provide(Layer.merge(Stores.writeSide({ schema }), Stores.readSide({ schema, tables }))),
    Layer.provideMerge(
      Layer.effectDiscard(Effect.flatMap(SqlClient, (sql) => sql.unsafe(Copy.create))).pipe(
        Layer.provideMerge(Database.layer({ url: Redacted.make(databaseUrl) }))
      )
    )
  )

/** Starts both services, on Kafka where `kafka` names one, or else on the SQL broker. */
export const start = async (databaseUrl: string, settings: Settings): Promise<Contestant> => {
  const kafka = settings.kafka === undefined ? undefined : String(settings.kafka)
  const runtime = ManagedRuntime.make(layerOf(databaseUrl, kafka))
  const [carts, relay] = await runtime.runPromise(Effect.all([Carts, Relay]))
  const watch = new Watch((ids) => runtime.runPromise(Copy.countsOf(ids)))
  const stepsOf = perCaller(steps)
  let expected = 0
  const next = (caller: number) =>
    Effect.suspend(() => {
      const { cartId, command, sender } = stepsOf(caller)()
      expected++
      return carts.execute(cartId, command, sender)
    })
  const pileUp = (messages: number) =>
    runtime.runPromise(
      Effect.andThen(
        relay.pause(publication.name),
        Effect.forEach(Array.from({ length: messages }), (_, nth) => next(customers + (nth % callers)), {
          concurrency: callers,
          discard: true
        })
      )
    )
  return {
    round: (load) =>
      round(load, {
        pileUp,
        release: async () => {
          await runtime.runPromise(relay.resume(publication.name))
          await until(async () => (await runtime.runPromise(Copy.total)) >= expected)
        },
        send: async (nth) => {
          const { id, version } = await runtime.runPromise(next(nth % customers))
          return watch.until(id, version)
        }
      }),
    stored: () => runtime.runPromise(Copy.total),
    close: () => runtime.dispose()
  }
}
