/**
 * Why a cart refuses a command: the problems that its domain answers with, and their texts.
 *
 * The type of each, `urn:daybook:problem:<name>`, is what clients switch on, so that names and statuses stay as they are. 409:
 * the cart's present state forbids it. 422: the values themselves do. A `detail` says what was wrong, with which value, and
 * what to do about it.
 */
import { Problem } from "@daybook/core/Problem"
import * as Schema from "effect/Schema"
import * as Money from "../Money.ts"
import { type Line, Status } from "./Events.ts"

export class CartNotFound extends Problem<CartNotFound>()("CartNotFound", { status: 404, title: "No such cart" }) {}

export class CartAlreadyOpened extends Problem<CartAlreadyOpened>()(
  "CartAlreadyOpened",
  { status: 409, title: "The cart has been opened before, for something else" },
  { customerId: Schema.NullOr(Schema.String), country: Schema.NullOr(Schema.String), currency: Schema.String }
) {}

export class CartNotEditable extends Problem<CartNotEditable>()(
  "CartNotEditable",
  { status: 409, title: "The cart cannot be changed now" },
  { cartStatus: Status, checkoutId: Schema.NullOr(Schema.String) }
) {}

export class QuantityOutOfRange extends Problem<QuantityOutOfRange>()(
  "QuantityOutOfRange",
  { status: 422, title: "The quantity is out of range" },
  { lineId: Schema.String, quantity: Schema.Int, maximum: Schema.Int }
) {}

export class CurrencyMismatch extends Problem<CurrencyMismatch>()(
  "CurrencyMismatch",
  { status: 422, title: "The price is in another currency than the cart" },
  { expected: Schema.String, actual: Schema.String }
) {}

export class TooManyLines extends Problem<TooManyLines>()(
  "TooManyLines",
  { status: 422, title: "The cart is full" },
  { maximum: Schema.Int }
) {}

export class TotalTooLarge extends Problem<TotalTooLarge>()(
  "TotalTooLarge",
  { status: 422, title: "The cart's total would be too large to be exact" },
  { lineId: Schema.String, maximumMinor: Schema.Int }
) {}

export class LineIdTaken extends Problem<LineIdTaken>()(
  "LineIdTaken",
  { status: 409, title: "The line id stands for another line" },
  { lineId: Schema.String }
) {}

export class UnknownLine extends Problem<UnknownLine>()(
  "UnknownLine",
  { status: 404, title: "No such line in the cart" },
  { lineId: Schema.String }
) {}

export class EmptyCart extends Problem<EmptyCart>()("EmptyCart", { status: 409, title: "The cart is empty" }) {}

export class CartTooLarge extends Problem<CartTooLarge>()(
  "CartTooLarge",
  { status: 422, title: "The cart's content is too large for one order" },
  { bytes: Schema.Int, maximumBytes: Schema.Int }
) {}

export class TotalChanged extends Problem<TotalChanged>()(
  "TotalChanged",
  { status: 409, title: "The cart's total is not the one that was accepted" },
  { accepted: Money.Money, actual: Money.Money }
) {}

export class CheckoutMismatch extends Problem<CheckoutMismatch>()(
  "CheckoutMismatch",
  { status: 409, title: "That checkout is not under way" },
  { cartStatus: Status, requested: Schema.String, current: Schema.NullOr(Schema.String) }
) {}

/** Every rejection of a cart, for the declarations of its API. */
export const rejections = [
  CartNotFound,
  CartAlreadyOpened,
  CartNotEditable,
  QuantityOutOfRange,
  CurrencyMismatch,
  TooManyLines,
  TotalTooLarge,
  LineIdTaken,
  UnknownLine,
  EmptyCart,
  CartTooLarge,
  TotalChanged,
  CheckoutMismatch
] as const

export type Rejection = InstanceType<(typeof rejections)[number]>

/** Whom and where a cart is for. */
interface Opening {
  readonly customerId: string | null
  readonly country: string | null
  readonly currency: string
}

export const cartNotFound = (): CartNotFound =>
  new CartNotFound({ detail: "There is no cart of this id. Check the id, or open the cart first." })

const describe = ({ customerId, country, currency }: Opening): string =>
  `${customerId === null ? "a guest" : `customer ${customerId}`}, ${country ?? "no country"}, ${currency}`

export const cartAlreadyOpened = (opened: Opening, asked: Opening): CartAlreadyOpened =>
  new CartAlreadyOpened({
    customerId: opened.customerId,
    country: opened.country,
    currency: opened.currency,
    detail: `The cart was opened for ${describe(opened)}; this asks for ${describe(asked)}. Open a cart of another id.`
  })

type Closed = Exclude<typeof Status.Type, "open" | "unopened">

const closedDetail: Record<Closed, (checkoutId: string | null) => string> = {
  "checking-out": (checkoutId) =>
    `The cart is frozen by checkout ${checkoutId}. Wait until that is completed or has restored the cart.`,
  completed: (checkoutId) => `The cart was bought in checkout ${checkoutId}. Open a new cart.`,
  abandoned: () => "The cart has been abandoned. Restore it, or open a new one.",
  merged: () => "The cart's lines have moved into its customer's cart. Use that one."
}

/** Why a cart that is not open takes no changes. */
export const notOpen = (status: Closed | "unopened", checkoutId: string | null): CartNotFound | CartNotEditable =>
  status === "unopened"
    ? cartNotFound()
    : new CartNotEditable({ cartStatus: status, checkoutId, detail: closedDetail[status](checkoutId) })

export const quantityOutOfRange = (lineId: string, quantity: number, maximum: number): QuantityOutOfRange =>
  new QuantityOutOfRange({
    lineId,
    quantity,
    maximum,
    detail:
      `The quantity of line ${lineId} would be ${quantity}; it must be 1 to ${maximum}. ` +
      (quantity === 0 ? "To take the line out, remove it." : "Correct the quantity, or split it over several carts.")
  })

export const currencyMismatch = (expected: string, price: Money.Money): CurrencyMismatch =>
  new CurrencyMismatch({
    expected,
    actual: price.currency,
    detail: `The price is ${Money.format(price)}, and the cart is in ${expected}. Give a price in ${expected}, or open a cart in ${price.currency}.`
  })

export const tooManyLines = (maximum: number): TooManyLines =>
  new TooManyLines({
    maximum,
    detail: `The cart holds ${maximum} lines, which is its limit. Remove a line, or put the rest into another cart.`
  })

export const totalTooLarge = (
  lineId: string,
  unitPrice: Money.Money,
  more: number,
  total: Money.Money
): TotalTooLarge => {
  const maximum = { amountMinor: Number.MAX_SAFE_INTEGER, currency: total.currency }
  return new TotalTooLarge({
    lineId,
    maximumMinor: maximum.amountMinor,
    detail:
      `${more} more of line ${lineId} at ${Money.format(unitPrice)} on top of ${Money.format(total)} is beyond ` +
      `${Money.format(maximum)}, the largest total that is exact. Lower the quantity, or split it over several carts.`
  })
}

/** `holder` is the line that has the id, `undefined` when it has been removed. */
export const lineIdTaken = (lineId: string, holder: Line | undefined): LineIdTaken => {
  const stands =
    holder === undefined
      ? "belonged to a line that was removed"
      : `stands for ${holder.quantity} of ${holder.sku} (${holder.description}) at ${Money.format(holder.unitPrice)}`
  return new LineIdTaken({
    lineId,
    detail: `Line id ${lineId} ${stands}. Add the item under a new line id, or change the quantity of the line.`
  })
}

export const unknownLine = (lineId: string, lines: number): UnknownLine =>
  new UnknownLine({
    lineId,
    detail: `None of the cart's ${lines} lines has the id ${lineId}. Read the cart again, and use one of its line ids.`
  })

export const emptyCart = (): EmptyCart =>
  new EmptyCart({ detail: "The cart has no lines, so that there is nothing to check out. Add an item first." })

export const cartTooLarge = (lines: number, bytes: number, maximumBytes: number): CartTooLarge =>
  new CartTooLarge({
    bytes,
    maximumBytes,
    detail:
      `The cart's ${lines} lines come to ${bytes} bytes, and an order takes ${maximumBytes}. ` +
      "Remove lines, and buy them with another cart."
  })

export const totalChanged = (accepted: Money.Money, actual: Money.Money): TotalChanged =>
  new TotalChanged({
    accepted,
    actual,
    detail:
      `The buyer accepted ${Money.format(accepted)}, and the cart comes to ${Money.format(actual)}. ` +
      "Show the cart again, and check out with the total that it has now."
  })

export const checkoutMismatch = (
  requested: string,
  { status, checkoutId }: { readonly status: typeof Status.Type; readonly checkoutId: string | null }
): CheckoutMismatch => {
  const last = checkoutId === null ? "it has had no checkout" : `its last checkout is ${checkoutId}`
  return new CheckoutMismatch({
    cartStatus: status,
    requested,
    current: checkoutId,
    detail:
      `Checkout ${requested} is not under way: the cart is ${status}, and ${last}. ` +
      "Begin a new checkout under a new id, or name the one that is under way."
  })
}
