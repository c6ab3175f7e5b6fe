/**
 * What operators rely on: every projection that a service runs is one that the command knows, those of its messages too; and one
 * that has stopped says so, and goes on when it is told to.
 */
import { rmSync } from "node:fs"
import { join } from "node:path"
import { ProjectionStore } from "@daybook/core/ProjectionStore"
import { Observer, type Projector } from "@daybook/core/Projector"
import { SubjectKeys } from "@daybook/core/SubjectKeys"
import * as Database from "@daybook/postgres/Database"
import * as SqlBroker from "@daybook/postgres/SqlBroker"
import * as SqlProjectionStore from "@daybook/postgres/SqlProjectionStore"
import type { Place } from "@daybook/shop/Place"
import * as Running from "@daybook/shop/Running"
import * as Settings from "@daybook/shop/Settings"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { afterAll, describe, expect, it } from "vitest"
import * as ServiceProjections from "../src/ServiceProjections.ts"
import { daybook, scratch } from "./Orders.ts"

const root = scratch()
const settings = { DAYBOOK_HOME: join(root, "store") }

afterAll(() => rmSync(root, { recursive: true, force: true }))

/** The names of the projections that each service runs, as it says itself. */
const running = Effect.gen(function* () {
  const database = Layer.succeedContext(yield* Layer.build(Database.layer({ folder: undefined })))
  const broker = Layer.succeedContext(yield* Layer.build(SqlBroker.layer().pipe(Layer.provide(database))))
  const place: Place = { write: database, read: database, broker, roles: new Set(Settings.roleNames) }
  const services: Record<Settings.ServiceName, Layer.Layer<never, unknown>> = {
    checkout: Layer.effectDiscard(Layer.build(Running.checkout(place))),
    cart: Layer.effectDiscard(Layer.build(Running.cart(place))),
    order: Layer.effectDiscard(Layer.build(Running.order(place))),
    inventory: Layer.effectDiscard(Layer.build(Running.inventory(place))),
    payment: Layer.effectDiscard(Layer.build(Running.payment(place, Running.simulatedProvider()))),
    privacy: Layer.effectDiscard(Layer.build(Running.privacy(place, SubjectKeys.layerMemory)))
  }
  const found: Array<readonly [string, ReadonlyArray<string>]> = []
  for (const [service, layer] of Object.entries(services)) {
    const projectors: Array<Projector> = []
    const noted = (projector: Projector) => Effect.sync(() => void projectors.push(projector))
    yield* Layer.build(layer).pipe(Effect.provideService(Observer, noted))
    const statuses = yield* Effect.forEach(projectors, ({ status }) => status)
    found.push([service, statuses.flatMap((all) => all.map(({ name }) => name)).sort()])
  }
  return found
}).pipe(Effect.scoped)

describe("the projections of the services", () => {
  it("are all known to the command, whatever they are for", async () => {
    const known = Settings.serviceNames.map((service) => [
      service,
      ServiceProjections.kept[service].projections.map(({ name }) => name).sort()
    ])
    expect(await Effect.runPromise(running)).toEqual(known)
  }, 60_000)

  it("have names of their own, by which the service is found", () => {
    const { names, serviceOf } = ServiceProjections
    expect(new Set(names).size).toBe(names.length)
    expect(["cart-views", "checkout-dispatch", "stock-views", "payment-provider"].map(serviceOf)).toEqual([
      "cart",
      "checkout",
      "inventory",
      "payment"
    ])
    expect(serviceOf("carts")).toBeUndefined()
  })
})

/** Does what a worker of the orders would, on the store that the commands work on. */
const onOrders = (work: (store: ProjectionStore["Service"]) => Effect.Effect<unknown, Error>) =>
  Effect.gen(function* () {
    const layer = SqlProjectionStore.layer("orders").pipe(
      Layer.provide(Database.layer({ folder: settings.DAYBOOK_HOME }))
    )
    yield* work(Context.get(yield* Layer.build(layer), ProjectionStore))
  }).pipe(Effect.scoped, Effect.runPromise)

describe("on a store", () => {
  it("on which nothing has run, none is listed, and none is made", async () => {
    const list = () => daybook(settings, "projection", "list")
    expect(await list()).toEqual({ code: 0, out: "No service has run here yet.", err: "" })
    expect(await list()).toMatchObject({ out: "No service has run here yet." })
    expect((await daybook(settings, "projection", "list", "--json")).out).toBe("[]")
  })

  it("those of a service are listed once it is there, with the service", async () => {
    expect((await daybook(settings, "projection", "pause", "order-publication")).code).toBe(0)
    const { out } = await daybook(settings, "projection", "list")
    expect(out).toMatch(/^PROJECTION +SERVICE +BEHIND {2}STATE\norder-views +order +0 {2}in order\n/)
    expect(out).toMatch(/^order-publication +order +0 {2}paused$/m)
    expect(out).not.toContain("cart-views")
  })

  it("a publication that has stopped says why, and goes on when it is resumed", async () => {
    const why = "Position 7 (OrderConfirmed, stream order-1): the message is too large"
    await onOrders((store) =>
      Effect.andThen(
        store.claim("order-publication", { owner: "gone", partitions: 8, leaseMillis: 1 }),
        store.stop("order-publication", 2, why)
      )
    )
    const { out } = await daybook(settings, "projection", "list")
    expect(out).toContain(
      `order-publication, partition 2: ${why}\n  Once that is mended: daybook projection resume order-publication`
    )
    const resumed = await daybook(settings, "projection", "resume", "order-publication")
    expect(resumed.out).toMatch(/^order-publication +order +0 {2}in order$/m)
  })
})
