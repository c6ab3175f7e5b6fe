/**
 * Act at its best: the same cart as an Act state, on Act's PostgreSQL store.
 *
 * What was tried for it is told in `benchmarks/README.md`. Used by the `commands` benchmark.
 */
import { fileURLToPath } from "node:url"
import * as Aggregate from "@daybook/core/Aggregate"
import * as Cart from "@daybook/services/cart/Domain"
import type { CartEvent } from "@daybook/services/cart/Events"
import { type Contestant, closedLoop, measured, perCaller, type Settings } from "../Contestant.ts"
import { loadPeer } from "../Peers.ts"
import { steps } from "./CartLoad.ts"

/** An event in Act's form, as it is emitted. */
type Emitted = readonly [name: CartEvent["_tag"], data: object]

type Patch = (event: { readonly data: object }, state: Cart.State) => Partial<Cart.State>

interface Target {
  readonly stream: string
  readonly actor: { readonly id: string; readonly name: string }
}

interface Snapshot {
  /** Events applied since the last snapshot. */
  readonly patches: number
}

interface Actions {
  readonly on: (
    action: Cart.Command["_tag"],
    schema: unknown
  ) => {
    readonly emit: (decide: (payload: object, state: Cart.State) => ReadonlyArray<Emitted>) => Actions
  }
  readonly snap: (isDue: (snapshot: Snapshot) => boolean) => Actions
  readonly build: () => unknown
}

interface App {
  readonly do: (
    action: Cart.Command["_tag"],
    target: Target,
    payload: object,
    reactingTo: undefined,
    skipValidation: boolean
  ) => Promise<unknown>
}

interface Act {
  readonly state: (
    name: string,
    schema: unknown
  ) => {
    readonly init: (initial: () => Cart.State) => {
      readonly emits: (schemas: Readonly<Record<string, unknown>>) => {
        readonly patch: (patches: Readonly<Record<string, Patch>>) => Actions
      }
    }
  }
  readonly act: () => { readonly with: (state: unknown) => { readonly build: () => App } }
  readonly store: (adapter: Store) => Store
}

interface Store {
  readonly seed: () => Promise<void>
  readonly dispose: () => Promise<void>
}

interface ActPg {
  readonly PostgresStore: new (config: {
    readonly connectionString: string
    readonly max: number
    readonly options: string
  }) => Store
}

interface Driver {
  readonly Client: new (
    url: string
  ) => {
    readonly connect: () => Promise<void>
    readonly query: <Row>(text: string) => Promise<{ readonly rows: ReadonlyArray<Row> }>
    readonly end: () => Promise<void>
  }
  readonly types: {
    readonly builtins: { readonly JSONB: number }
    readonly setTypeParser: (type: number, parse: (text: string) => unknown) => void
  }
}

const cart = Cart.make()

/** Act merges what this answers into the state, so that only what has changed is given to it. */
const patchOf =
  (tag: CartEvent["_tag"]): Patch =>
  ({ data }, state) => {
    const after = cart.evolve[tag](state, data as never)
    return Object.fromEntries(
      Object.entries(after).filter(([field, value]) => value !== state[field as keyof Cart.State])
    )
  }

const emittedForm = ({ _tag, ...data }: CartEvent): Emitted => [_tag, data]

const decide =
  (tag: Cart.Command["_tag"]) =>
  (payload: object, state: Cart.State): ReadonlyArray<Emitted> => {
    const verdict = Aggregate.decide(cart, { _tag: tag, ...payload } as Cart.Command, state)
    if (verdict instanceof Error) throw verdict
    return verdict.map(emittedForm)
  }

const anything = (names: ReadonlyArray<string>) => Object.fromEntries(names.map((name) => [name, {}]))

/** The cart as a state of Act's. `snapshotEvery` 0 takes none. Nothing is validated, so that schemas are only names. */
const cartState = ({ state }: Act, snapshotEvery: number): unknown => {
  const events = Object.keys(cart.evolve) as ReadonlyArray<CartEvent["_tag"]>
  const begun = state("Cart", {})
    .init(() => cart.initial)
    .emits(anything(events))
    .patch(Object.fromEntries(events.map((tag) => [tag, patchOf(tag)])))
  const commands = Object.keys(cart.decide) as ReadonlyArray<Cart.Command["_tag"]>
  const whole = commands.reduce((actions, tag) => actions.on(tag, {}).emit(decide(tag)), begun)
  return (snapshotEvery === 0 ? whole : whole.snap(({ patches }) => patches >= snapshotEvery)).build()
}

/** Act names itself after the package in the working folder, which must have a version, and logs what it does unless told otherwise. */
const setUpProcess = (): void => {
  process.chdir(fileURLToPath(new URL("../../", import.meta.url)))
  process.env.NODE_ENV = "production"
  process.env.LOG_LEVEL = "fatal"
}

/** What the driver says when two have written the same version at the same moment; Act passes it on as it is. */
const uniqueViolation = "23505"

const isConflict = (error: unknown): boolean =>
  error instanceof Error && (error.name === "ERR_CONCURRENCY" || (error as { code?: unknown }).code === uniqueViolation)

/** A snapshot takes a version, some time after the command that led to it was answered, so that the next command may have to be given again. */
const untilNoConflict = async (command: () => Promise<unknown>): Promise<void> => {
  for (;;) {
    try {
      await command()
      return
    } catch (error) {
      if (!isConflict(error)) throw error
    }
  }
}

const countEvents = async ({ Client }: Driver, databaseUrl: string): Promise<number> => {
  const client = new Client(databaseUrl)
  await client.connect()
  const { rows } = await client.query<{ n: string }>(
    "SELECT count(*)::text AS n FROM events WHERE name <> '__snapshot__'"
  )
  await client.end()
  return Number(rows[0]!.n)
}

/** Its reads have a plan for each stream's own index and one that walks through the key of the whole table; the planner prefers that. */
const withoutBitmaps = "-c enable_bitmapscan=off"

/**
 * Starts Act with `connections` in its pool and a snapshot every so many events, or none. What it reads is parsed without looking
 * for dates, of which there are none here.
 */
export const start = async (databaseUrl: string, settings: Settings): Promise<Contestant> => {
  setUpProcess()
  const act = loadPeer<Act>("@rotorsoft/act")
  const { PostgresStore } = loadPeer<ActPg>("@rotorsoft/act-pg")
  const driver = loadPeer<Driver>("pg")
  driver.types.setTypeParser(driver.types.builtins.JSONB, JSON.parse)
  const store = act.store(
    new PostgresStore({
      connectionString: databaseUrl,
      max: Number(settings.connections),
      options: withoutBitmaps
    })
  )
  await store.seed()
  const app = act
    .act()
    .with(cartState(act, Number(settings.snapshotEvery)))
    .build()
  const stepsOf = perCaller(steps)
  const load = closedLoop((caller) => {
    const next = stepsOf(caller)
    return () => {
      const { cartId, command, sender } = next()
      const { _tag, ...payload } = command
      const target = { stream: `cart-${cartId}`, actor: { id: sender.actor, name: sender.actor } }
      return untilNoConflict(() => app.do(_tag, target, payload, undefined, true))
    }
  })
  return {
    round: (given) => measured(given, load),
    stored: () => countEvents(driver, databaseUrl),
    close: () => store.dispose()
  }
}
