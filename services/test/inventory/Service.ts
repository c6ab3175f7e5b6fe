/** The whole inventory over an empty store, with a clock that can be put forward, and ways to ask for its stock. */
import type * as Consumer from "@daybook/core/Consumer"
import * as Database from "@daybook/postgres/Database"
import * as SqlBroker from "@daybook/postgres/SqlBroker"
import * as Stores from "@daybook/postgres/Stores"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as References from "effect/References"
import { type InventoryCommand, InventoryCommands, InventoryEvents } from "../../src/inventory/Contract.ts"
import { StockItems } from "../../src/inventory/Entities.ts"
import { commandSide, messageSide, querySide, schema } from "../../src/inventory/Inventory.ts"
import { tables } from "../../src/inventory/Projections.ts"
import { InventoryQueries } from "../../src/inventory/Queries.ts"
import type { StockItemCommand } from "../../src/inventory/StockItemDomain.ts"
import { stockItemId } from "../../src/inventory/StockItemState.ts"
import { commandMessage, hear } from "../Conversation.ts"

/** Puts the service's clock forward. */
export class Future extends Context.Service<Future, { readonly skip: (millis: number) => Effect.Effect<void> }>()(
  "@daybook/services/test/inventory/Future"
) {}

/** The machine's clock, and what it was put forward by. */
const clock = Layer.effectContext(
  Effect.map(Clock.Clock, (real) => {
    let ahead = 0
    const nanos = () => BigInt(ahead) * 1_000_000n
    const shifted: Clock.Clock = {
      ...real,
      currentTimeMillisUnsafe: () => real.currentTimeMillisUnsafe() + ahead,
      currentTimeMillis: Effect.map(real.currentTimeMillis, (now) => now + ahead),
      currentTimeNanosUnsafe: () => real.currentTimeNanosUnsafe() + nanos(),
      currentTimeNanos: Effect.map(real.currentTimeNanos, (now) => now + nanos()),
      monotonicTimeNanosUnsafe: () => real.monotonicTimeNanosUnsafe(),
      sleep: (duration) => real.sleep(duration)
    }
    const skip = (millis: number) =>
      Effect.sync(() => {
        ahead += millis
      })
    return Context.add(Context.make(Clock.Clock, shifted), Future, { skip })
  })
)

const consumer: Consumer.Options = { firstBackoffMillis: 5, pollMillis: 5 }

/** The service on a database, all sides of it running. Dead letters are logged as errors, and in some tests they are wanted. */
export const serviceOn = (database: ReturnType<typeof Database.layer>) =>
  messageSide({ consumer, expiryPollMillis: 5 }).pipe(
    Layer.provideMerge(Layer.merge(commandSide(), querySide())),
    Layer.provideMerge(
      Layer.mergeAll(Stores.writeSide({ schema }), Stores.readSide({ schema, tables }), SqlBroker.layer())
    ),
    Layer.provide(database),
    Layer.provideMerge(clock),
    Layer.provide(Layer.succeed(References.MinimumLogLevel, "None"))
  )

/** The service on an embedded store in memory. */
export const service = serviceOn(Database.layer({ folder: undefined }))

/** Until it finds something. */
export const until = <A, E, R>(find: Effect.Effect<A | undefined, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(find, (found) =>
    found === undefined ? Effect.andThen(Effect.sleep(5), until(find)) : Effect.succeed(found)
  )

/** Sends commands to stock items, and waits until the read model shows what came of them. */
export const stockUp = (...commands: ReadonlyArray<StockItemCommand>) =>
  Effect.gen(function* () {
    const stockItems = yield* StockItems
    const queries = yield* InventoryQueries
    for (const command of commands) {
      const { version } = yield* stockItems.execute(stockItemId(command), command)
      yield* until(
        Effect.map(queries.level(command), (level) =>
          Option.isSome(level) && level.value.version >= version ? true : undefined
        )
      )
    }
  })

let deliveries = 0

/** A SKU of a test's own, with so many units at each location. */
export const skuWith = (stock: Readonly<Record<string, number>>) =>
  Effect.gen(function* () {
    const sku = `sku-${++deliveries}`
    const receipts = Object.entries(stock).map(
      ([location, quantity]): StockItemCommand => ({ _tag: "ReceiveStock", sku, location, quantity, reference: sku })
    )
    yield* stockUp(...receipts)
    return sku
  })

/** A command, as a message to the reservation of an order. */
export const toReservation = (
  orderId: string,
  command: InventoryCommand,
  given: Parameters<typeof commandMessage>[3] = {}
) => commandMessage(InventoryCommands, orderId, command, { correlationId: orderId, ...given })

/** What the service has said about an order, from the beginning, in a list that grows. */
export const hearOutcomes = Effect.map(
  hear(InventoryEvents.topic),
  (heard) => (orderId: string) =>
    heard.filter(({ key }) => key === orderId).map((message) => InventoryEvents.decode(message))
)
