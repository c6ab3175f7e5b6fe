/**
 * Fills the cart's journal the way it is filled in operation, one command after the other: by the import of order lines, and by
 * customers over the shop's API. Used by `storage`.
 */
import * as Import from "@daybook/cli/online-retail/Import"
import { ImportStore } from "@daybook/cli/online-retail/ImportStore"
import * as Survey from "@daybook/cli/online-retail/Survey"
import { Progress } from "@daybook/cli/Progress"
import type { Stored } from "@daybook/core/Event"
import { Journal } from "@daybook/core/Journal"
import type { Persistence } from "@daybook/core/Persistence"
import * as Database from "@daybook/postgres/Database"
import * as Stores from "@daybook/postgres/Stores"
import { Carts, commandSide, schema } from "@daybook/services/cart/Cart"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { steps } from "../commands/CartLoad.ts"

/** Lines, or customers, under way at once. The import's default. */
const concurrency = 1_000
const pageSize = 5_000

const databaseOf = (databaseUrl: string) => Database.layer({ url: Redacted.make(databaseUrl) })

const carts = (databaseUrl: string, persistence: Persistence) =>
  commandSide({ persistence }).pipe(
    Layer.provideMerge(Stores.writeSide({ schema })),
    Layer.provideMerge(ImportStore.layer),
    Layer.provideMerge(databaseOf(databaseUrl)),
    Layer.provideMerge(NodeServices.layer)
  )

/** Imports a folder of order lines: a cart for each invoice, an item for each line, and a checkout. */
export const importOrders = (databaseUrl: string, persistence: Persistence, folder: string): Promise<Import.Outcome> =>
  Effect.gen(function* () {
    const survey = yield* Survey.survey(folder, { onBegin: () => {}, onRead: () => {} })
    const progress = new Progress({ columns: () => undefined }, () => 0)
    const store = yield* ImportStore
    return yield* Import.run({ survey, carts: yield* Carts, store, progress, concurrency, patience: "30 seconds" })
  }).pipe(Effect.provide(carts(databaseUrl, persistence)), Effect.runPromise)

/** Customers fill carts, each sending so many commands with everything that the API sends: actor, correlation id, idempotency key. */
export const fillCarts = (
  databaseUrl: string,
  persistence: Persistence,
  { customers, commands }: { readonly customers: number; readonly commands: number }
): Promise<void> =>
  Effect.gen(function* () {
    const running = yield* Carts
    const shop = (customer: number) => {
      const next = steps(customer)
      const command = Effect.suspend(() => {
        const { cartId, command, sender } = next()
        return running.execute(cartId, command, sender)
      })
      return Effect.replicateEffect(command, commands, { discard: true })
    }
    const all = Array.from({ length: customers }, (_, customer) => customer)
    yield* Effect.forEach(all, shop, { concurrency: "unbounded", discard: true })
  }).pipe(Effect.provide(carts(databaseUrl, persistence)), Effect.runPromise)

/** Every event of a cart's journal, stream by stream. */
export const streamsOf = (databaseUrl: string): Promise<ReadonlyMap<string, ReadonlyArray<Stored>>> =>
  Effect.gen(function* () {
    const journal = yield* Journal
    const streams = new Map<string, Array<Stored>>()
    for (let partition = 0; partition < journal.partitions; partition++) {
      for (let after = 0, more = true; more; ) {
        const page = yield* journal.readPartition(partition, { after, limit: pageSize })
        for (const event of page) {
          const events = streams.get(event.stream)
          if (events === undefined) streams.set(event.stream, [event])
          else events.push(event)
          after = event.position
        }
        more = page.length === pageSize
      }
    }
    return streams
  }).pipe(Effect.provide(Stores.writeSide({ schema }).pipe(Layer.provide(databaseOf(databaseUrl)))), Effect.runPromise)
