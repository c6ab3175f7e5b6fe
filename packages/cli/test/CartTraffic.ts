/**
 * Customers of the cart while something else goes on: commands at a steady rate, each followed by the question for what it has done,
 * and people who look at carts and reports all the time. For the test of rebuilds, and for measuring them at full size.
 */
import { Journal } from "@daybook/core/Journal"
import * as Partition from "@daybook/core/Partition"
import * as Cart from "@daybook/services/cart/Cart"
import type { Command } from "@daybook/services/cart/Domain"
import { cartViewsName } from "@daybook/services/cart/Projections"
import { CartQueries } from "@daybook/services/cart/Queries"
import * as Serving from "@daybook/services/Serving"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"

/** What came of it. */
export interface Traffic {
  commands: number
  queries: number
  seconds: number
  /** What failed, in words; the first hundred. */
  readonly failures: Array<string>
  /** Answers that did not show what they had to. */
  stale: number
  /** How long queries took, in milliseconds. */
  readonly queryMillis: Array<number>
}

const cartCount = 400

/** Customers that are not answered yet. Beyond that others come later. */
const mostAtOnce = 500

const lineOf = (nth: number): Command => ({
  _tag: "AddItem",
  lineId: `line-${nth}`,
  sku: `S${nth % 97}`,
  description: "LANTERN",
  quantity: (nth % 5) + 1,
  unitPrice: { amountMinor: 100 + (nth % 11), currency: "GBP" }
})

/** Counts a query, how long it took, and what went wrong with it. */
const counted = <A, E, R>(traffic: Traffic, query: Effect.Effect<A, E, R>, isStale: (answer: A) => boolean) =>
  Effect.suspend(() => {
    const begun = performance.now()
    return Effect.matchEffect(query, {
      onFailure: (error) =>
        Effect.sync(
          () => traffic.failures.length < 100 && void traffic.failures.push(`${new Date().toISOString()} ${error}`)
        ),
      onSuccess: (answer) =>
        Effect.sync(() => {
          traffic.queries++
          traffic.queryMillis.push(performance.now() - begun)
          if (isStale(answer)) traffic.stale++
        })
    })
  })

/** One customer's step: a command, and then the question for the cart at the version that the command has made. */
const step = (traffic: Traffic, nth: number) =>
  Effect.gen(function* () {
    const carts = yield* Cart.Carts
    const queries = yield* CartQueries
    const projector = yield* Cart.CartProjector
    const id = `traffic-${nth % cartCount}`
    const accepted = yield* carts.execute(id, lineOf(nth))
    traffic.commands++
    const shown = Serving.show({
      projector,
      projection: cartViewsName,
      what: `Cart ${id}`,
      stream: Partition.streamOf("cart", id),
      atLeastVersion: accepted.version,
      look: queries.cart(id)
    })
    yield* counted(
      traffic,
      shown,
      (found) =>
        Option.isNone(found) ||
        found.value.version < accepted.version ||
        !found.value.lines.some(({ lineId }) => lineId === `line-${nth}`)
    )
  }).pipe(
    Effect.catch((error) =>
      Effect.sync(() => traffic.failures.length < 100 && void traffic.failures.push(`Command: ${error}`))
    )
  )

/** Looks at a cart, a list and a report, again and again; revenue that was there does not go away. */
const looking = (traffic: Traffic) =>
  Effect.gen(function* () {
    const queries = yield* CartQueries
    let revenue = 0
    const look = Effect.gen(function* () {
      yield* counted(traffic, queries.cart("traffic-0"), Option.isNone)
      yield* counted(traffic, queries.abandoned(0, { limit: 5 }), () => false)
      yield* counted(traffic, queries.revenue({}), (days) => {
        const sum = days.reduce((all, { total }) => all + total.amountMinor, 0)
        const less = sum < revenue
        revenue = Math.max(sum, revenue)
        return less
      })
      yield* Effect.sleep("10 millis")
    })
    return yield* Effect.forever(look)
  })

/** Sends what is due by now, again and again: also on a machine that is too busy to be woken every few milliseconds. */
const sending = (traffic: Traffic, commandsPerSecond: number) =>
  Effect.suspend(() => {
    const begun = performance.now()
    let sent = 0
    let atOnce = 0
    const due = Effect.suspend(() => {
      const until = Math.floor(((performance.now() - begun) / 1_000) * commandsPerSecond)
      const steps: Array<Effect.Effect<unknown, never, Cart.Carts | Cart.CartProjector | CartQueries>> = []
      while (sent < until && atOnce + steps.length < mostAtOnce) {
        const left = Effect.sync(() => void atOnce--)
        steps.push(Effect.forkChild(Effect.ensuring(step(traffic, sent++), left)))
      }
      atOnce += steps.length
      return Effect.all(steps, { discard: true })
    })
    return Effect.forever(Effect.andThen(due, Effect.sleep("5 millis")))
  })

/** Customers at so many commands a second, for as long as something else takes. Ends when every command is shown. */
export const during = <A, E, R>(commandsPerSecond: number, work: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const carts = yield* Cart.Carts
    const traffic: Traffic = { commands: 0, queries: 0, seconds: 0, failures: [], stale: 0, queryMillis: [] }
    for (let i = 0; i < cartCount; i++) {
      yield* carts.execute(`traffic-${i}`, { _tag: "OpenCart", customerId: null, country: "France", currency: "GBP" })
    }
    const customers = yield* Effect.forkChild(sending(traffic, commandsPerSecond))
    // What has just started is slow for a moment, on a busy machine for seconds; that is not what is measured.
    yield* Effect.sleep("2 seconds")
    yield* shown
    traffic.failures.length = 0
    traffic.queryMillis.length = 0
    traffic.commands = 0
    traffic.queries = 0
    const onlooker = yield* Effect.forkChild(looking(traffic))
    const begun = performance.now()
    const result = yield* work
    traffic.seconds = Math.round((performance.now() - begun) / 1_000)
    yield* Fiber.interrupt(customers)
    yield* shown
    yield* Fiber.interrupt(onlooker)
    return { result, traffic }
  })

/** Waits until the read model shows everything that is in the journal by now. */
const shown = Effect.gen(function* () {
  const projector = yield* Cart.CartProjector
  for (const [partition, position] of (yield* (yield* Journal).heads).entries()) {
    const reached = yield* projector.awaitPosition(cartViewsName, { partition, position }, "30 seconds")
    if (!reached) yield* Effect.die(new Error(`The read model does not get to position ${position} of ${partition}`))
  }
})
