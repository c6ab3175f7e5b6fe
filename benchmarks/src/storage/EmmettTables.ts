/**
 * The same events in the tables of Emmett's PostgreSQL event store, appended by that store. Used by `storage`.
 */
import type { Stored } from "@daybook/core/Event"
import { loadPeer } from "../Peers.ts"

interface EmmettEvent {
  readonly type: string
  readonly data: unknown
  readonly metadata: object
}

interface EventStore {
  readonly schema: { readonly migrate: () => Promise<unknown> }
  readonly appendToStream: (
    stream: string,
    events: ReadonlyArray<EmmettEvent>,
    options: { readonly expectedStreamVersion: bigint | "STREAM_DOES_NOT_EXIST" }
  ) => Promise<unknown>
  readonly close: () => Promise<void>
}

interface EmmettPostgres {
  readonly getPostgreSQLEventStore: (
    url: string,
    options: { readonly connectionOptions: object; readonly schema: { readonly autoMigration: string } }
  ) => EventStore
}

interface Driver {
  readonly Pool: new (options: {
    readonly connectionString: string
    readonly max: number
  }) => { readonly end: () => Promise<void> }
}

const connections = 10

/** The same metadata; nothing for what is not there, and times as numbers, which take least. */
const emmettForm = ({ type, data, occurredAtMillis, actor, correlationId, commandId }: Stored): EmmettEvent => ({
  type,
  data,
  metadata: {
    occurredAt: occurredAtMillis,
    ...(actor === null ? {} : { actor }),
    ...(correlationId === null ? {} : { correlationId }),
    ...(commandId === null ? {} : { commandId })
  }
})

/** Appends every stream; `perAppend` events of it at a time, many streams at once. */
export const appendAll = async (
  databaseUrl: string,
  streams: ReadonlyMap<string, ReadonlyArray<Stored>>,
  perAppend: number
): Promise<void> => {
  const { getPostgreSQLEventStore } = loadPeer<EmmettPostgres>("@event-driven-io/emmett-postgresql")
  const { Pool } = loadPeer<Driver>("pg")
  const pool = new Pool({ connectionString: databaseUrl, max: connections })
  const storeWith = (autoMigration: string) =>
    getPostgreSQLEventStore(databaseUrl, { connectionOptions: { pool }, schema: { autoMigration } })
  await storeWith("CreateOrUpdate").schema.migrate()
  const store = storeWith("None")
  const left = streams.entries()
  const appendSome = async () => {
    for (const [stream, events] of left) {
      for (let from = 0; from < events.length; from += perAppend) {
        await store.appendToStream(stream, events.slice(from, from + perAppend).map(emmettForm), {
          expectedStreamVersion: from === 0 ? "STREAM_DOES_NOT_EXIST" : BigInt(from)
        })
      }
    }
  }
  try {
    await Promise.all(Array.from({ length: connections }, appendSome))
  } finally {
    await store.close()
    await pool.end()
  }
}
