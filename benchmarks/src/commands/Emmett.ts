/**
 * Emmett at its best: the same cart behind Emmett's `CommandHandler` on its PostgreSQL event store.
 *
 * What was tried for it is told in `benchmarks/README.md`. Used by the `commands` benchmark.
 */
import * as Aggregate from "@daybook/core/Aggregate"
import * as Cart from "@daybook/services/cart/Domain"
import type { CartEvent } from "@daybook/services/cart/Events"
import { type Contestant, closedLoop, measured, perCaller, type Settings } from "../Contestant.ts"
import { loadPeer } from "../Peers.ts"
import { type Sender, steps } from "./CartLoad.ts"

/** An event in Emmett's form. */
interface EmmettEvent {
  readonly type: CartEvent["_tag"]
  readonly data: object
  readonly metadata: Sender
}

interface EventStore {
  readonly schema: { readonly migrate: () => Promise<unknown> }
  readonly close: () => Promise<void>
  readonly withSession: unknown
}

type Handle = (store: object, id: string, decide: (state: Cart.State) => ReadonlyArray<EmmettEvent>) => Promise<unknown>

interface Emmett {
  readonly CommandHandler: (options: {
    readonly evolve: (state: Cart.State, event: EmmettEvent) => Cart.State
    readonly initialState: () => Cart.State
    readonly mapToStreamId: (id: string) => string
  }) => Handle
}

interface EmmettPostgres {
  readonly getPostgreSQLEventStore: (
    url: string,
    options: { readonly connectionOptions: object; readonly schema: { readonly autoMigration: string } }
  ) => EventStore
}

interface Pool {
  readonly query: <Row>(text: string) => Promise<{ readonly rows: ReadonlyArray<Row> }>
  readonly end: () => Promise<void>
}

interface Driver {
  readonly Pool: new (options: {
    readonly connectionString: string
    readonly max: number
    readonly min: number
  }) => Pool
}

interface Dumbo {
  readonly setNodePostgresTypeRawParser: (options: { readonly force: boolean }) => void
}

const cart = Cart.make()

const evolve = (state: Cart.State, { type, data }: EmmettEvent): Cart.State => cart.evolve[type](state, data as never)

const emmettForm = ({ _tag, ...data }: CartEvent, metadata: Sender): EmmettEvent => ({ type: _tag, data, metadata })

const decide =
  (command: Cart.Command, sender: Sender) =>
  (state: Cart.State): ReadonlyArray<EmmettEvent> => {
    const verdict = Aggregate.decide(cart, command, state)
    if (verdict instanceof Error) throw verdict
    return verdict.map((event) => emmettForm(event, sender))
  }

/**
 * Starts Emmett with `connections` in its pool. With `sessions` it holds one connection from reading to appending, as it does by
 * default; without, it takes one for each. Numbers beyond 2^53 do not occur here, so JSON is parsed without looking for them.
 */
export const start = async (databaseUrl: string, settings: Settings): Promise<Contestant> => {
  const { CommandHandler } = loadPeer<Emmett>("@event-driven-io/emmett")
  const { getPostgreSQLEventStore } = loadPeer<EmmettPostgres>("@event-driven-io/emmett-postgresql")
  const { Pool } = loadPeer<Driver>("pg")
  const connections = Number(settings.connections)
  const pool = new Pool({ connectionString: databaseUrl, max: connections, min: connections })
  const storeWith = (autoMigration: string) =>
    getPostgreSQLEventStore(databaseUrl, { connectionOptions: { pool }, schema: { autoMigration } })
  await storeWith("CreateOrUpdate").schema.migrate()
  const store = storeWith("None")
  loadPeer<Dumbo>("@event-driven-io/dumbo").setNodePostgresTypeRawParser({ force: true })
  const { withSession: _, ...sessionless } = store
  const used = settings.sessions === false ? sessionless : store
  const handle = CommandHandler({ evolve, initialState: () => cart.initial, mapToStreamId: (id) => `cart-${id}` })
  const stepsOf = perCaller(steps)
  const load = closedLoop((caller) => {
    const next = stepsOf(caller)
    return () => {
      const { cartId, command, sender } = next()
      return handle(used, cartId, decide(command, sender))
    }
  })
  return {
    round: (given) => measured(given, load),
    stored: async () =>
      Number((await pool.query<{ n: string }>("SELECT count(*)::text AS n FROM emt_messages")).rows[0]!.n),
    close: async () => {
      await store.close()
      await pool.end()
    }
  }
}
