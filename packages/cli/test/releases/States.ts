/**
 * The states of a release's aggregates, as the release's own code makes them from its journals. Used by `Record.ts`, which runs on
 * the release's sources: they are imported by path, and what they are is not known here.
 */
import { pathToFileURL } from "node:url"

/** The state of one aggregate, encoded by the release. */
export interface RecordedState {
  readonly schema: string
  readonly stream: string
  readonly version: number
  readonly schemaVersion: number
  readonly data: unknown
}

/** Where the release has its aggregates: schema, module, function. */
const aggregates: ReadonlyArray<readonly [schema: string, module: string, make: string]> = [
  ["checkout", "services/src/checkout/Saga.ts", "make"],
  ["cart", "services/src/cart/Domain.ts", "make"],
  ["orders", "services/src/order/Domain.ts", "make"],
  ["inventory", "services/src/inventory/StockItemDomain.ts", "makeStockItem"],
  ["inventory", "services/src/inventory/ReservationDomain.ts", "makeReservation"],
  ["payment", "services/src/payment/Domain.ts", "make"]
]

/** The states of all aggregates in a database, in the order of their streams. */
export const statesOf = async (source: string, url: string): Promise<ReadonlyArray<RecordedState>> => {
  const load = (path: string): Promise<any> => import(pathToFileURL(`${source}/${path}`).href)
  const core = "packages/core/src"
  const [Recovery, { Journal }, { Snapshots }] = await Promise.all([
    load(`${core}/Recovery.ts`),
    load(`${core}/Journal.ts`),
    load(`${core}/Snapshot.ts`)
  ])
  const [Database, Stores] = await Promise.all([
    load("packages/postgres/src/Database.ts"),
    load("packages/postgres/src/Stores.ts")
  ])
  const effect = (module: string): Promise<any> => import(`effect/${module}`)
  const [Effect, Layer, Redacted, Sql] = await Promise.all([
    effect("Effect"),
    effect("Layer"),
    effect("Redacted"),
    effect("sql/SqlClient")
  ])

  const ofSchema = (schema: string, aggregate: any) =>
    Effect.gen(function* (): Generator<any, ReadonlyArray<RecordedState>, any> {
      const sql = yield* Sql.SqlClient
      const stores = { journal: yield* Journal, snapshots: yield* Snapshots }
      const codec = Recovery.stateCodec(aggregate)
      const recover = Recovery.recover({ aggregate, stores, codec })
      const rows = yield* sql.unsafe(
        `SELECT DISTINCT stream FROM ${schema}.event WHERE stream LIKE '${aggregate.name}-%' ORDER BY stream`
      )
      const found: Array<RecordedState> = []
      for (const { stream } of rows) {
        const { version, state } = yield* recover(stream)
        found.push({ schema, stream, version, schemaVersion: aggregate.state.version, data: codec.encode(state) })
      }
      return found
    }).pipe(
      Effect.provide(Stores.writeSide({ schema }).pipe(Layer.provideMerge(Database.layer({ url: Redacted.make(url) }))))
    )

  const all: Array<RecordedState> = []
  for (const [schema, module, make] of aggregates) {
    const aggregate = (await load(module))[make]()
    all.push(...((await Effect.runPromise(ofSchema(schema, aggregate))) as ReadonlyArray<RecordedState>))
  }
  return all
}
