/**
 * What the cart's HTTP API does: looks prices up, makes ids where the caller gave none, and passes commands and queries on.
 * No rules: those are the domain's.
 */
import type { Accepted, CommandOptions } from "@daybook/core/Entities"
import { Journal } from "@daybook/core/Journal"
import * as Partition from "@daybook/core/Partition"
import { Clock } from "effect/Clock"
import * as Effect from "effect/Effect"
import { HttpApiBuilder, HttpApiSchema } from "effect/http-api"
import * as Option from "effect/Option"
import { accepted, commandOptions } from "../Http.ts"
import { invalidRequest } from "../InvalidRequest.ts"
import * as Serving from "../Serving.ts"
import { derivedId, makeId, page, tagged, timed } from "../Serving.ts"
import { type AddItem, CartApi, type Checkout, type OpenCart } from "./Api.ts"
import { CartProjector, Carts } from "./Cart.ts"
import type { Command, State } from "./Domain.ts"
import { PriceList, type UnknownSku } from "./PriceList.ts"
import { cartViewsName } from "./Projections.ts"
import { CartQueries } from "./Queries.ts"
import { CartNotFound, cartNotFound } from "./Rejection.ts"

const mergedIntoItself = invalidRequest({
  path: ["body", "guestCartId"],
  message: "Expected the id of another cart than the one that it is merged into"
})

const guestCartNotFound = (guestCartId: string): CartNotFound =>
  new CartNotFound({ detail: `There is no guest cart ${guestCartId}. Check guestCartId; nothing was merged.` })

/** Line ids are unique in a cart, not among carts: two buyers' carts may both have a line "1". */
const mergeCommand = (guestCartId: string, guest: State): Command => ({
  _tag: "MergeGuestCart",
  guestCartId,
  lines: guest.lines.map((line) => ({ ...line, lineId: derivedId("merged line", guestCartId, line.lineId) }))
})

/** Adding an item, which needs the price looked up. */
const adding = Effect.gen(function* () {
  const carts = yield* Carts
  const prices = yield* PriceList
  const journal = yield* Journal

  /** The currency of a cart that is open never changes, so that a glance is enough. */
  const currencyOf = Effect.fnUntraced(function* (id: string) {
    const glanced = yield* carts.glance(id)
    const { version, state } = glanced.version > 0 ? glanced : yield* carts.read(id)
    return version === 0 ? yield* Effect.fail(cartNotFound()) : state.currency
  })

  /** What a key led to on a cart, where it has been used. */
  const outcomeOf = Effect.fnUntraced(function* (id: string, { commandId }: CommandOptions) {
    if (commandId === undefined) return Option.none()
    const receipt = yield* journal.receipt(Partition.streamOf("cart", id), commandId)
    return Option.map(receipt, ({ version, position }): Accepted => {
      const partition = Partition.ofId(id, journal.partitions)
      return { id, version, partition, position, duplicate: true }
    })
  })

  /** What is not for sale any more may have been when the same request was carried out: then that outcome stands. */
  const notForSale = (id: string, options: CommandOptions, unknown: UnknownSku) =>
    Effect.flatMap(
      outcomeOf(id, options),
      Option.match({ onNone: () => Effect.fail(unknown), onSome: (outcome) => Effect.succeed(outcome) })
    )

  return Effect.fnUntraced(function* (id: string, item: typeof AddItem.Type, options: CommandOptions) {
    const lineId = item.lineId ?? makeId(options, "line", id)
    const { sku, quantity } = item
    const currency = yield* currencyOf(id)
    const outcome = yield* Effect.matchEffect(prices.lookup(sku, currency), {
      onFailure: (unknown) => notForSale(id, options, unknown),
      onSuccess: ({ description, unitPrice }) =>
        carts.execute(id, { _tag: "AddItem", lineId, sku, description, quantity, unitPrice }, options)
    })
    return { ...accepted(outcome), lineId }
  })
})

const commands = Effect.gen(function* () {
  const carts = yield* Carts
  const addItem = yield* adding

  /**
   * Moves a guest cart's lines. The guest cart is closed first, so that nothing can be added to it meanwhile, but not before the
   * other cart is seen to take its lines: a refusal must leave the guest cart as it was. Both steps may be repeated.
   */
  const merge = Effect.fnUntraced(function* (id: string, guestCartId: string, options: CommandOptions) {
    if (guestCartId === id) return yield* mergedIntoItself
    const cart = yield* carts.read(id)
    const guest = yield* carts.read(guestCartId)
    if (guest.version === 0) return yield* guestCartNotFound(guestCartId)
    const command = mergeCommand(guestCartId, guest.state)
    const isStale = (options.expectedVersion ?? cart.version) !== cart.version
    // Refused; or, where the key has been used, answered as it was then.
    if (isStale || carts.refusalOf(command, cart.state) !== undefined) return yield* carts.execute(id, command, options)
    // Closing it again does nothing, so that this step needs no key. The version that the caller expects is the other cart's.
    const closing = { ...options, commandId: undefined, expectedVersion: undefined }
    yield* carts.execute(guestCartId, { _tag: "AbandonCart", reason: "merged" }, closing)
    const closed = yield* carts.read(guestCartId)
    return yield* carts.execute(id, mergeCommand(guestCartId, closed.state), options)
  })

  const open = (
    { id: chosen, customerId = null, country = null, currency }: typeof OpenCart.Type,
    options: CommandOptions
  ) => {
    const id = chosen ?? makeId(options, "cart")
    const command: Command = { _tag: "OpenCart", customerId, country, currency }
    return Effect.map(carts.execute(id, command, options), (outcome) =>
      HttpApiSchema.withHeaders({ body: accepted(outcome), headers: { location: `/carts/${encodeURIComponent(id)}` } })
    )
  }

  const checkout = (id: string, asked: typeof Checkout.Type, options: CommandOptions) => {
    const { checkoutId = makeId(options, "checkout", id), acceptedTotal = null } = asked
    return Effect.map(carts.execute(id, { _tag: "BeginCheckout", checkoutId, acceptedTotal }, options), (outcome) => ({
      ...accepted(outcome),
      checkoutId
    }))
  }

  /** For what needs nothing looked up. */
  const send = (id: string, command: Command, options: CommandOptions) =>
    Effect.map(carts.execute(id, command, options), accepted)

  return { open, addItem, checkout, merge, send }
})

const queries = Effect.gen(function* () {
  const read = yield* CartQueries
  const projector = yield* CartProjector

  /** The cart as the read model has it; when a version was asked for, not before it shows that. */
  const show = (id: string, atLeastVersion: number | undefined) => {
    const wanted = { projector, projection: cartViewsName, what: `Cart ${id}`, stream: Partition.streamOf("cart", id) }
    return Effect.flatMap(Serving.show({ ...wanted, atLeastVersion, look: read.cart(id) }), (cart) =>
      Option.isSome(cart) ? Effect.succeed(cart.value) : cartNotFound()
    )
  }

  return { read, show }
})

const recovered: Command = { _tag: "RestoreCart", checkoutId: null, reason: "recovered", shortages: [] }

/** The handlers of the cart's API. */
export const layer = HttpApiBuilder.group(
  CartApi,
  "carts",
  Effect.fnUntraced(function* (handlers) {
    const { open, addItem, checkout, merge, send } = yield* commands
    const { read, show } = yield* queries
    const clock = yield* Clock

    return handlers
      .handle("open", ({ payload, headers }) => open(payload, commandOptions(headers)))
      .handle("addItem", ({ params: { id }, payload, headers }) => addItem(id, payload, commandOptions(headers)))
      .handle("changeQuantity", ({ params: { id, lineId }, payload: { quantity }, headers }) =>
        send(id, { _tag: "ChangeQuantity", lineId, quantity }, commandOptions(headers))
      )
      .handle("removeItem", ({ params: { id, lineId }, headers }) =>
        send(id, { _tag: "RemoveItem", lineId }, commandOptions(headers))
      )
      .handle("merge", ({ params: { id }, payload: { guestCartId }, headers }) =>
        Effect.map(merge(id, guestCartId, commandOptions(headers)), accepted)
      )
      .handle("checkout", ({ params: { id }, payload, headers }) => checkout(id, payload, commandOptions(headers)))
      .handle("abandon", ({ params: { id }, payload: { reason }, headers }) =>
        send(id, { _tag: "AbandonCart", reason }, commandOptions(headers, reason))
      )
      .handle("recover", ({ params: { id }, headers }) => send(id, recovered, commandOptions(headers)))
      .handle("show", ({ params: { id }, query }) => timed("cart", Effect.map(show(id, query.atLeastVersion), tagged)))
      .handle("list", ({ query }) => timed("carts-of-customer", read.cartsOf(query.customerId, page(query))))
      .handle("abandoned", ({ query }) =>
        timed(
          "abandoned-carts",
          read.abandoned(clock.currentTimeMillisUnsafe() - (query.hours ?? 24) * 3_600_000, page(query))
        )
      )
      .handle("revenue", ({ query }) => timed("revenue", read.revenue(query)))
  })
)
