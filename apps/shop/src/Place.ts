/**
 * Where a service of the shop runs: on which databases and broker, and which of its roles this process plays. Used by `Parts`.
 */
import type { Broker } from "@daybook/core/Broker"
import * as HeldUp from "@daybook/core/HeldUp"
import type { Inbox } from "@daybook/core/Inbox"
import type { Journal } from "@daybook/core/Journal"
import type { Persistence } from "@daybook/core/Persistence"
import { Problem } from "@daybook/core/Problem"
import type { ProjectionStore } from "@daybook/core/ProjectionStore"
import * as RejectionRecorder from "@daybook/core/RejectionRecorder"
import type { Snapshots } from "@daybook/core/Snapshot"
import * as Database from "@daybook/postgres/Database"
import type { MigrationSet } from "@daybook/postgres/Migrations"
import * as Pruner from "@daybook/postgres/Pruner"
import type { Pruned } from "@daybook/postgres/Retention"
import * as Sealer from "@daybook/postgres/Sealer"
import { SealKeys } from "@daybook/postgres/SealKeys"
import * as StorageGauge from "@daybook/postgres/StorageGauge"
import * as Stores from "@daybook/postgres/Stores"
import * as Erasure from "@daybook/services/Erasure"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { SqlClient } from "effect/sql/SqlClient"
import * as ArchivePlace from "./ArchivePlace.ts"
import type { Roles } from "./Settings.ts"

/** The client of a database, as a layer. With it comes the archive, where whatever is read from the database may have gone. */
export type DatabaseLayer = Layer.Layer<SqlClient | Database.Database, unknown>

const databases = new Map<Database.Location, DatabaseLayer>()

/** The client of a database: one layer, and so one pool, for each place. */
export const database = (location: Database.Location): DatabaseLayer => {
  const layer = databases.get(location) ?? Layer.merge(Database.layer(location), ArchivePlace.layer)
  databases.set(location, layer)
  return layer
}

/** Where a service runs. */
export interface Place {
  readonly write: DatabaseLayer
  /** The same layer as `write` where both sides share a database. */
  readonly read: DatabaseLayer
  /** Partitions of the journal; they count when it is created, and never again. */
  readonly partitions?: number | undefined
  readonly broker: Layer.Layer<Broker, unknown>
  readonly roles: Roles
  /** How long a process that died keeps its share of the background work from others. Default 15 seconds. */
  readonly leaseMillis?: number | undefined
  /** How the journal is sealed in the background, where this process keeps read models. Not at all unless told. */
  readonly seals?: { readonly keyFile: string; readonly afterMillis: number } | undefined
  /** How often level 2's old events are deleted, where this process keeps read models and seals. Not at all unless told. */
  readonly pruneEveryMillis?: number | undefined
}

/** A service of level 1 whose two sides are in different places. */
export class SidesApart extends Problem<SidesApart>()(
  "SidesApart",
  { status: 500, title: "A service of level 1 needs both of its sides in one database" },
  { service: Schema.String }
) {}

/** Level 1 writes read models in the transaction of the command, so that both sides have to be in one database. */
export const sidesFit = (
  service: string,
  { _tag }: Persistence,
  { write, read }: Pick<Place, "write" | "read">
): Effect.Effect<void, SidesApart> => {
  if (_tag !== "Inline" || write === read) return Effect.void
  const prefix = service.toUpperCase()
  return Effect.fail(
    new SidesApart({
      service,
      detail:
        `The ${service} runs at level 1, which writes its read models in the transaction of the command, and so needs both in one ` +
        `database. Leave out ${prefix}_WRITE_URL and ${prefix}_READ_URL, or give them the same value; or run the ${service} at level 2 ` +
        "(Persistence.state) or 3 (Persistence.events)."
    })
  )
}

/** Whose events are deleted when their time is over. */
type Pruning = Omit<Pruned, "schema">

/** A service, as the layers of its sides. */
export interface Sides<Entities, Queries, QueryNeeds, MessageNeeds> {
  readonly schema: string
  /** Takes an erased person out of its read models. */
  readonly eraseFromViews?: Erasure.Options["eraseFromViews"]
  readonly tables: MigrationSet | ReadonlyArray<MigrationSet>
  /** Of a service of level 2. */
  readonly pruned?: Pruning | undefined
  readonly commands: Layer.Layer<Entities, unknown, Journal | Snapshots | SqlClient>
  readonly queries: Layer.Layer<Queries, unknown, Journal | ProjectionStore | SqlClient | QueryNeeds>
  readonly messages: Layer.Layer<
    never,
    unknown,
    Entities | Queries | Journal | ProjectionStore | Inbox | Broker | SqlClient | MessageNeeds
  >
}

/** What is done for a service now and then, where this process keeps its read models. */
const upkeep = (schema: string, pruned: Pruning | undefined, { roles, seals, pruneEveryMillis = 0 }: Place) => {
  if (!roles.has("projection")) return Layer.empty
  const measuring = StorageGauge.layer(schema)
  if (seals === undefined) return measuring
  const sealing = Sealer.layer({ schema, idleMillis: seals.afterMillis })
  const pruning =
    pruned === undefined || pruneEveryMillis === 0
      ? Layer.empty
      : Pruner.layer({ schema, everyMillis: pruneEveryMillis, ...pruned })
  return Layer.merge(sealing, pruning).pipe(Layer.provide(SealKeys.layerFile(seals.keyFile)), Layer.merge(measuring))
}

/** The service at that place: its entities, its queries and its journal, and behind them whatever it runs there. */
export const at = <Entities, Queries, QueryNeeds = never, MessageNeeds = never>(
  {
    schema,
    tables,
    commands,
    queries,
    messages,
    eraseFromViews,
    pruned
  }: Sides<Entities, Queries, QueryNeeds, MessageNeeds>,
  place: Place
) => {
  const { write, read, partitions, broker, roles } = place
  const stores = Stores.writeSide({ schema, ...(partitions === undefined ? {} : { partitions }) }).pipe(
    Layer.provide(write)
  )
  const recorder = RejectionRecorder.layer({ service: schema }).pipe(Layer.provide(stores))
  const writeSide = Layer.mergeAll(stores, write, recorder)
  const readSide = Stores.readSide({ schema, tables }).pipe(Layer.provideMerge(read))
  // Both have a client, and it works on the write side.
  const keeping = upkeep(schema, pruned, place).pipe(Layer.provide(writeSide), Layer.provide(readSide))
  const running = Layer.merge(
    commands.pipe(Layer.provide(writeSide)),
    queries.pipe(Layer.provide(readSide), Layer.provide(stores))
  )
  // For all that works in the background: one outage is one for the service.
  const heldUp = HeldUp.layer(schema)
  if (!roles.has("consumer")) return Layer.mergeAll(running, stores, keeping).pipe(Layer.provide(heldUp))
  const writer = Layer.effect(Erasure.WriteSide, SqlClient).pipe(Layer.provide(write))
  const erasing = Erasure.layer({ schema, eraseFromViews }).pipe(Layer.provide(writer))
  const conversing = Layer.merge(messages, erasing).pipe(
    Layer.provide(running),
    Layer.provide(readSide),
    Layer.provide(stores),
    Layer.provide(broker)
  )
  return Layer.mergeAll(running, stores, keeping, conversing).pipe(Layer.provide(heldUp))
}
