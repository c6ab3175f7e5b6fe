/**
 * The five services of a checkout as a process that can die, over stores and a payment provider that outlive it. For tests.
 *
 * Each service works in its own schema, through `CrashPoints`; nothing is migrated when a process starts, so that one starts in
 * milliseconds.
 */
import * as Database from "@daybook/postgres/Database"
import type { MigrationSet } from "@daybook/postgres/Migrations"
import * as SqlBroker from "@daybook/postgres/SqlBroker"
import * as Stores from "@daybook/postgres/Stores"
import * as Cart from "@daybook/services/cart/Cart"
import { tables as cartTables } from "@daybook/services/cart/Projections"
import type { CartQueries } from "@daybook/services/cart/Queries"
import * as Checkout from "@daybook/services/checkout/Checkout"
import type { Reservations, StockItems } from "@daybook/services/inventory/Entities"
import * as Inventory from "@daybook/services/inventory/Inventory"
import { tables as inventoryTables } from "@daybook/services/inventory/Projections"
import type { InventoryQueries } from "@daybook/services/inventory/Queries"
import * as Order from "@daybook/services/order/Order"
import { tables as orderTables } from "@daybook/services/order/Projections"
import type { OrderQueries } from "@daybook/services/order/Queries"
import * as Payment from "@daybook/services/payment/Payment"
import { tables as paymentTables } from "@daybook/services/payment/Projections"
import { Provider, ProviderUnavailable } from "@daybook/services/payment/Provider"
import { ProviderSimulator } from "@daybook/services/payment/ProviderSimulator"
import type { PaymentQueries } from "@daybook/services/payment/Queries"
import * as SimulatedWebhooks from "@daybook/services/payment/SimulatedWebhooks"
import { CrashPoints, type Ports } from "@daybook/testkit/CrashPoints"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import type { SqlClient } from "effect/sql/SqlClient"

/** Each service's schema and tables. */
const services = {
  checkout: { schema: Checkout.schema, tables: Checkout.tables },
  cart: { schema: Cart.schema, tables: cartTables },
  order: { schema: Order.schema, tables: orderTables },
  inventory: { schema: Inventory.schema, tables: inventoryTables },
  payment: { schema: Payment.schema, tables: paymentTables }
} as const satisfies Record<string, { schema: string; tables: MigrationSet | ReadonlyArray<MigrationSet> }>

type Service = keyof typeof services

/** The schemas of all services. */
export const schemas: ReadonlyArray<string> = Object.values(services).map(({ schema }) => schema)

/** What outlives a process. */
export interface Outside {
  readonly ports: Readonly<Record<Service, Context.Context<Ports>>>
  readonly sql: Context.Context<SqlClient>
  readonly provider: Context.Context<Provider | ProviderSimulator>
}

/** The stores of all services in one database, and a provider with its books in memory. */
export const openOutside = (location: Database.Location): Effect.Effect<Outside, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const database = yield* Layer.build(Database.layer(location))
    const built = <A>(layer: Layer.Layer<A, unknown, SqlClient | Database.Database>) =>
      Layer.build(layer.pipe(Layer.provide(Layer.succeedContext(database))))
    const broker = yield* built(SqlBroker.layer())
    const portsOf = (service: Service) => {
      const { schema, tables } = services[service]
      return Effect.map(
        built(Layer.merge(Stores.writeSide({ schema }), Stores.readSide({ schema, tables }))),
        (ports): Context.Context<Ports> => Context.merge(ports, broker)
      )
    }
    return {
      ports: {
        checkout: yield* portsOf("checkout"),
        cart: yield* portsOf("cart"),
        order: yield* portsOf("order"),
        inventory: yield* portsOf("inventory"),
        payment: yield* portsOf("payment")
      },
      sql: database,
      provider: yield* Layer.build(ProviderSimulator.layer())
    }
  })

/** What a process answers with. */
export type Answers =
  | Checkout.Checkouts
  | Checkout.CheckoutView
  | Cart.Carts
  | CartQueries
  | Order.Orders
  | OrderQueries
  | StockItems
  | Reservations
  | InventoryQueries
  | Payment.Payments
  | PaymentQueries
  | Provider
  | ProviderSimulator

/** A process. */
export interface Process {
  readonly points: CrashPoints
  readonly answers: Context.Context<Answers>
  /** The inventory begins to hear messages, if it does not yet. */
  readonly startInventory: Effect.Effect<void>
  /** The inventory hears no messages for a while. Others go on. */
  readonly stopInventory: Effect.Effect<void>
  /** Closes whatever is open. */
  readonly close: Effect.Effect<void>
}

/** The provider as a process has it: a call that it makes is a change to the world. */
const providerOf = (points: CrashPoints, real: Provider["Service"]): Provider["Service"] => {
  const gone = (operationId: string) => () =>
    new ProviderUnavailable({ operationId, detail: "Injected: the process is dead" })
  const call =
    <Request extends { readonly operationId: string }, A, E>(
      kind: string,
      ask: (request: Request) => Effect.Effect<A, E>
    ) =>
    (request: Request) =>
      points.change(`payment asks the provider to ${kind}`, ask(request), gone(request.operationId))
  return {
    name: real.name,
    signatureHeader: real.signatureHeader,
    authorise: call("authorise", real.authorise),
    capture: call("capture", real.capture),
    void: call("void", real.void),
    refund: call("refund", real.refund),
    query: (request) => points.while(real.query(request), gone(request.operationId)),
    readWebhook: real.readWebhook
  }
}

/** Nothing is waited for but what is under way: a lost message would be noticed. */
const patience = { firstMillis: 3_600_000, maxMillis: 3_600_000, attempts: 18 }
const options = {}
const checkoutOptions: Checkout.Options = {
  deadlines: { holdMillis: 48 * 3_600_000, service: patience, payment: patience }
}

/** Starts a process. */
export const startProcess = (outside: Outside): Effect.Effect<Process, unknown> =>
  Effect.gen(function* () {
    const points = new CrashPoints()
    const scope = yield* Scope.make()
    const at = (service: Service) =>
      Layer.succeedContext(Context.merge(points.wrap(service, outside.ports[service]), outside.sql))
    const provider = Layer.succeedContext(
      Context.add(outside.provider, Provider, providerOf(points, Context.get(outside.provider, Provider)))
    )
    const sides = Layer.mergeAll(
      Layer.merge(Checkout.commandSide(checkoutOptions), Checkout.querySide(checkoutOptions)).pipe(
        Layer.provide(at("checkout"))
      ),
      Layer.merge(Cart.commandSide(options), Cart.querySide(options)).pipe(Layer.provide(at("cart"))),
      Layer.merge(Order.commandSide(options), Order.querySide(options)).pipe(Layer.provide(at("order"))),
      Layer.merge(Inventory.commandSide(options), Inventory.querySide(options)).pipe(Layer.provide(at("inventory"))),
      Layer.merge(Payment.commandSide(options), Payment.querySide(options)).pipe(Layer.provide(at("payment")))
    ).pipe(Layer.provideMerge(provider))
    const answers = yield* Layer.buildWithScope(sides, scope)
    const running = Layer.succeedContext(answers)
    yield* Layer.buildWithScope(
      Layer.mergeAll(
        Checkout.messageSide(checkoutOptions).pipe(Layer.provide(at("checkout"))),
        Cart.messageSide(options).pipe(Layer.provide(at("cart"))),
        Order.messageSide(options).pipe(Layer.provide(at("order"))),
        Payment.messageSide(options).pipe(Layer.provide(at("payment"))),
        SimulatedWebhooks.layer
      ).pipe(Layer.provide(running)),
      scope
    )
    let inventory: Scope.Closeable | undefined
    const stopInventory = Effect.suspend(() => {
      const open = inventory
      inventory = undefined
      return open === undefined ? Effect.void : Scope.close(open, Exit.void)
    })
    const startInventory = Effect.suspend(() => {
      if (inventory !== undefined) return Effect.void
      inventory = Scope.makeUnsafe()
      const messages = Inventory.messageSide(options).pipe(Layer.provide(at("inventory")), Layer.provide(running))
      return Effect.asVoid(Layer.buildWithScope(messages, inventory))
    })
    const close = Effect.andThen(stopInventory, Scope.close(scope, Exit.void))
    return { points, answers, startInventory, stopInventory, close }
  })
