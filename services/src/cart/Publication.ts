/**
 * What other services are told of the cart's events.
 *
 * Filling a cart is between it and its buyer. From the checkout on, what becomes of it is of interest to others.
 */
import * as Partition from "@daybook/core/Partition"
import * as Publication from "@daybook/core/Publication"
import { CartEvents } from "./Contract.ts"
import { make as makeCart } from "./Domain.ts"

/** The cart's publication, for its projector. */
export const cartPublication = Publication.make({
  name: "cart-publication",
  source: "/cart",
  aggregate: makeCart(),
  contract: CartEvents
})({
  CartOpened: Publication.notPublished,
  ItemAdded: Publication.notPublished,
  QuantityChanged: Publication.notPublished,
  ItemRemoved: Publication.notPublished,
  GuestCartMerged: Publication.notPublished,
  CheckoutBegun: ({ checkoutId, customerId, country, total, lines }, { stream }) => [
    { _tag: "CartCheckedOut", cartId: Partition.idOf(stream), checkoutId, customerId, country, total, lines }
  ],
  CartCompleted: ({ checkoutId }, { stream }) => [
    { _tag: "CartCompleted", cartId: Partition.idOf(stream), checkoutId }
  ],
  CartRestored: ({ checkoutId, reason, shortages }, { stream }) => [
    { _tag: "CartRestored", cartId: Partition.idOf(stream), checkoutId, reason, shortages }
  ],
  CartAbandoned: ({ reason, customerId, country, total, lineCount }, { stream }) => [
    { _tag: "CartAbandoned", cartId: Partition.idOf(stream), reason, customerId, country, total, lineCount }
  ]
})
