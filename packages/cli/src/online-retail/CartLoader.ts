/**
 * Turns accepted order lines into the commands of carts: one cart for each invoice, opened by its first line and checked out when
 * every line up to its last has been answered.
 *
 * Many carts and many lines of each are under way at once, up to a bound. The lines of a cart are sent without waiting for one
 * another: its mailbox keeps their order, and the runtime decides whatever has queued in one commit. They do wait until the cart
 * is known to be open for this very invoice, so that nothing is ever added to a cart of somebody else's. Commands are idempotent
 * by line id and checkout id, and sending one again is harmless.
 */
import type { Accepted, Entities, RuntimeProblem } from "@daybook/core/Entities"
import type { Command, State } from "@daybook/services/cart/Domain"
import { checkoutMismatch, notOpen, type Rejection, rejections } from "@daybook/services/cart/Rejection"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { currency, type OrderLine } from "./OrderLine.ts"
import type { Invoice } from "./Survey.ts"

/** An accepted line, and where it was read. */
export interface Placed {
  readonly hash: string
  readonly line: number
  readonly cells: ReadonlyArray<string>
  readonly order: OrderLine
}

/** What a loader works with and whom it tells. */
export interface Options {
  readonly carts: Entities<State, Command, Rejection>
  readonly invoices: ReadonlyMap<string, Invoice>
  /** Lines under way at most. */
  readonly concurrency: number
  /** How long a command that fails for a passing reason is tried again before the import stops. */
  readonly patience: Duration.Input
  /** The cart has refused a line. Comes before `onDone`. */
  readonly onRejected: (placed: Placed, rejection: Rejection) => void
  /** Everything that follows from a line is durable, the checkout that it triggered included. */
  readonly onDone: (placed: Placed) => void
  /** A command failed for a passing reason and will be tried again. */
  readonly onRetry: (problem: Error) => void
  /**
   * Checks a filled cart out, where more is to follow from it than that it is frozen: ends when all of that has. May be called again
   * for a cart that was checked out, or given back, before.
   */
  readonly checkOut?: CheckOut | undefined
}

/** Carries the checkout of a cart to its end. `occurredAtMillis` is when the cart was bought, in the business. */
export type CheckOut = (checkoutId: string, cartId: string, occurredAtMillis: number) => Effect.Effect<void, Error>

/** The id of a checkout begins with this when an import has begun it. */
export const checkoutPrefix = "import-"

/** Line ids of a file begin with this: 64 bits of its hash are plenty to tell files apart, and short, since every line has them. */
export const linePrefixOf = (hash: string): string => `${hash.slice(0, 16)}-`

/** An invoice's cart while its lines are being sent. */
interface Cart {
  readonly id: string
  /** Makes sure, once, that the cart is open for this invoice; or why it is not. */
  readonly claimed: Effect.Effect<Rejection | undefined, RuntimeProblem>
  unanswered: number
  /** Set when the invoice's last line has been sent. */
  last: Placed | undefined
}

type Problem = Rejection | RuntimeProblem

const tagOf = (problem: Error): string => (problem as { readonly _tag?: string })._tag ?? ""

const rejectionTags: ReadonlySet<string> = new Set(rejections.map((rejection) => rejection.prototype._tag))

const isRejection = (problem: Problem): problem is Rejection => rejectionTags.has(problem._tag)

/** Failures after which the same command may well succeed a little later. */
const isPassing = (problem: Error): boolean =>
  ["Overloaded", "Contended", "RecoveryTimedOut", "JournalUnavailable"].includes(tagOf(problem))

/** The id of an invoice's checkout. */
export const checkoutIdOf = (invoice: string): string => `${checkoutPrefix}${invoice}`

const addItem = ({ hash, line, order }: Placed): Command => ({
  _tag: "AddItem",
  lineId: `${linePrefixOf(hash)}${line}`,
  sku: order.sku,
  description: order.description,
  quantity: order.quantity,
  unitPrice: order.unitPrice
})

/**
 * Why lines may not be added to a cart that was there before. One that an earlier run checked out takes the same lines again; one
 * that was given back does too, where its checkout `mayEndSo`.
 */
const refusalOf = (state: State, checkoutId: string, mayEndSo: boolean): Rejection | undefined => {
  const ours = state.checkoutId === checkoutId
  if (state.status === "open") return ours && !mayEndSo ? checkoutMismatch(checkoutId, state) : undefined
  if (ours && (state.status === "checking-out" || state.status === "completed")) return undefined
  return notOpen(state.status, state.checkoutId)
}

/** The carts of an import under way. */
export class CartLoader {
  readonly #options: Options
  readonly #scope: Scope.Scope
  readonly #places: Semaphore.Semaphore
  readonly #broken = Deferred.makeUnsafe<never, unknown>()
  readonly #carts = new Map<string, Cart>()
  /** After a tenth of a second at first and two at most, each a little different, so that thousands do not come back at once. */
  readonly #backoff: Schedule.Schedule<unknown>

  constructor(options: Options, scope: Scope.Scope) {
    this.#options = options
    this.#scope = scope
    this.#places = Semaphore.makeUnsafe(options.concurrency)
    this.#backoff = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("2 seconds")]).pipe(
      Schedule.jittered,
      Schedule.upTo({ duration: options.patience })
    )
  }

  /** Fails as soon as a command cannot be carried out, with what keeps it; never succeeds. */
  get broken(): Effect.Effect<never, unknown> {
    return Deferred.await(this.#broken)
  }

  /** Waits until nothing is under way. */
  get idle(): Effect.Effect<void> {
    return this.#places.withPermits(this.#options.concurrency)(Effect.void)
  }

  /** Sends a line. Waits for a free place among those under way, not for the answer. Lines come in the order of their files. */
  load(placed: Placed): Effect.Effect<void> {
    // Interrupted while it waits, it leaves nothing behind; after that it is not interrupted, or its place would stay taken.
    return Effect.uninterruptibleMask((restore) =>
      Effect.andThen(
        restore(this.#places.take(1)),
        Effect.suspend(() => this.#send(placed))
      )
    )
  }

  #send(placed: Placed): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const { invoice } = placed.order
      const cart = this.#carts.get(invoice) ?? (yield* this.#begin(invoice))
      const { lastHash, lastLine } = this.#options.invoices.get(invoice)!
      cart.unanswered++
      if (placed.hash === lastHash && placed.line === lastLine) cart.last = placed
      yield* Effect.forkIn(Effect.interruptible(this.#carry(cart, placed)), this.#scope, { startImmediately: true })
    })
  }

  #begin(id: string): Effect.Effect<Cart> {
    return Effect.map(Effect.cached(this.#claim(id)), (claimed) => {
      const cart: Cart = { id, claimed, unanswered: 0, last: undefined }
      this.#carts.set(id, cart)
      return cart
    })
  }

  /** Carries one line to its end, and the cart's checkout when it is the last to be answered. */
  #carry(cart: Cart, placed: Placed): Effect.Effect<void> {
    const { onDone, onRejected } = this.#options
    const done = (line: Placed) =>
      Effect.suspend(() => {
        onDone(line)
        return this.#places.release(1)
      })
    return Effect.gen({ self: this }, function* () {
      const refused = (yield* cart.claimed) ?? (yield* this.#tell(cart.id, addItem(placed), placed.order.atMillis))
      if (refused !== undefined) onRejected(placed, refused)
      cart.unanswered--
      if (cart.last !== placed) yield* done(placed)
      if (cart.last === undefined || cart.unanswered > 0) return
      this.#carts.delete(cart.id)
      const unsold = (yield* cart.claimed) === undefined ? yield* this.#checkOut(cart.id, cart.last) : undefined
      if (unsold !== undefined) onRejected(cart.last, unsold)
      yield* done(cart.last)
    }).pipe(
      Effect.catchCause((cause) =>
        Cause.hasInterruptsOnly(cause)
          ? Effect.failCause(cause as Cause.Cause<never>)
          : Effect.asVoid(Deferred.fail(this.#broken, Cause.squash(cause)))
      )
    )
  }

  #checkOut(id: string, last: Placed): Effect.Effect<Rejection | undefined, Error> {
    const { carts, checkOut } = this.#options
    if (checkOut === undefined) return this.#freeze(id, last)
    return Effect.gen({ self: this }, function* () {
      const { state } = yield* this.#insist(carts.read(id))
      // Every line was refused, and each has been told of already.
      if (state.lines.length > 0) yield* this.#insist(checkOut(checkoutIdOf(id), id, last.order.atMillis))
      return undefined
    })
  }

  #freeze(id: string, last: Placed): Effect.Effect<Rejection | undefined, RuntimeProblem> {
    const command: Command = { _tag: "BeginCheckout", checkoutId: checkoutIdOf(id), acceptedTotal: null }
    return Effect.map(this.#tell(id, command, last.order.atMillis), (refused) =>
      // Every line was refused, and each has been told of already.
      refused?._tag === "EmptyCart" ? undefined : refused
    )
  }

  /** A cart that was never written is ours as soon as it is opened. Any other is looked at first. */
  #claim(id: string): Effect.Effect<Rejection | undefined, RuntimeProblem> {
    const { customerId, country, openedAtMillis } = this.#options.invoices.get(id)!
    const command: Command = { _tag: "OpenCart", customerId, country, currency }
    const fresh = this.#execute(id, command, openedAtMillis, 0)
    return Effect.matchEffect(fresh, {
      onSuccess: () => Effect.succeed(undefined),
      onFailure: () =>
        Effect.gen({ self: this }, function* () {
          const refused = yield* this.#tell(id, command, openedAtMillis)
          if (refused !== undefined) return refused
          const { state } = yield* this.#insist(this.#options.carts.read(id))
          return refusalOf(state, checkoutIdOf(id), this.#options.checkOut !== undefined)
        })
    })
  }

  /** Sends a command until it is answered; why the cart refuses it, if it does. */
  #tell(id: string, command: Command, atMillis: number): Effect.Effect<Rejection | undefined, RuntimeProblem> {
    return this.#insist(this.#execute(id, command, atMillis)).pipe(
      Effect.as(undefined),
      Effect.catchIf(isRejection, (rejection) => Effect.succeed(rejection))
    )
  }

  #execute(
    id: string,
    command: Command,
    occurredAtMillis: number,
    expectedVersion?: number
  ): Effect.Effect<Accepted, Problem> {
    return this.#options.carts.execute(id, command, { actor: "import", occurredAtMillis, expectedVersion })
  }

  /** Tries again what fails for a passing reason. */
  #insist<A, E extends Error>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.catchIf(effect, isPassing, (first) => {
      this.#options.onRetry(first)
      return Effect.retry(effect, { while: isPassing, schedule: this.#backoff })
    })
  }
}
