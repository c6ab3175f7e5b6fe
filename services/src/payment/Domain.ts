/**
 * The payment: what may be done with it, and why not. Pure and synchronous: the provider is asked outside, and what it says
 * arrives inside the commands.
 *
 * A payment has one authorisation; whoever wants to try another card begins another payment. A command whose effect is there
 * already does nothing, so that every command may be sent again; `BeginProviderCall` alone is refused then, since whoever is not
 * refused may call the provider.
 *
 * `State.ts` has the state and `evolve`, `Ledger.ts` the sums, `Findings.ts` what follows from the provider's words, `NextCall.ts` what the provider is asked next.
 */
import * as Aggregate from "@daybook/core/Aggregate"
import * as Schema from "effect/Schema"
import * as Money from "../Money.ts"
import { Id, Text } from "../Text.ts"
import { answers, type Kind, type PaymentEvent, PaymentEvents, statements } from "./Events.ts"
import { attention, type Consequence, consequenceOf, consequenceOfChargeback } from "./Findings.ts"
import * as Ledger from "./Ledger.ts"
import {
  amountOutOfRange,
  captureExceedsAuthorised,
  captureInDoubt,
  currencyMismatch,
  notCapturable,
  nothingToVoid,
  operationIdTaken,
  paymentAlreadyBegun,
  paymentCancelled,
  paymentNotFound,
  providerCallNotDue,
  type Rejection,
  refundExceedsCaptured,
  tooManyOperations,
  unknownAttention,
  unknownOperation
} from "./Rejection.ts"
import { evolve, initial, type Operation, type State, StateSchema, stateVersion } from "./State.ts"

// --- commands ---

/** Digits of the length of a card number, however they are grouped, whose last one is the check digit (ISO/IEC 7812-1). */
export const isCardNumber = (text: string): boolean => {
  const digits = text.replaceAll(/[ -]/gu, "")
  if (!/^\d{12,19}$/u.test(digits)) return false
  const sum = [...digits].reverse().reduce((total, digit, i) => {
    const value = i % 2 === 0 ? Number(digit) : 2 * Number(digit)
    return total + (value > 9 ? value - 9 : value)
  }, 0)
  return sum % 10 === 0
}

const Token = Text(255).check(
  Schema.makeFilter<string>((text) => !isCardNumber(text) || "Expected the provider's token, never a card number")
)

const Last4 = Schema.String.check(Schema.isPattern(/^\d{4}$/u, { expected: "the last four digits of a card" }))

const bounded = answers(Text)

/** As `OperationId.ts` makes them of a payment's id, a kind and a name. Providers take idempotency keys of 255. */
const operationId = Text(200)

/** The commands. Operation ids are the sender's to choose, deterministically: the same id again means the same operation again. */
export const Command = Schema.TaggedUnion({
  Authorise: {
    operationId,
    orderId: Id,
    customerId: Schema.NullOr(Id),
    amount: Money.Price,
    /** `token` is the provider's. `brand` and `last4` are for receipts. */
    paymentMethod: Schema.Struct({ token: Token, brand: Schema.NullOr(Text(32)), last4: Schema.NullOr(Last4) })
  },
  Capture: { operationId, amount: Money.Price },
  /**
   * Releases what is held, or will be: while the authorisation is unknown, the void waits for it. For a payment that was never
   * begun, it sees to it that none will be.
   */
  Void: { operationId, reason: Text(200) },
  Refund: { operationId, amount: Money.Price, reason: Text(200) },
  /** Sent before each call of the provider. Only who is not refused may call it, so that one call at a time is under way. */
  BeginProviderCall: { operationId },
  /** What the provider answered to the call; `Unknown` when it did not. */
  RecordOutcome: {
    operationId,
    outcome: Schema.TaggedUnion({ ...bounded, Unknown: { why: Text(200) } })
  },
  /** What the provider says when it is queried for an operation. */
  Reconcile: { operationId, finding: Schema.TaggedUnion({ ...bounded, Expired: {}, NotFound: {} }) },
  /** Something that the provider said unasked; its signature has been verified. */
  RecordNotification: {
    providerEventId: Text(255),
    operationId: Schema.NullOr(operationId),
    occurredAtMillis: Schema.Int,
    statement: Schema.TaggedUnion(statements(Text))
  },
  ResolveAttention: { attentionId: Text(300), note: Text(1000) }
})

export type Command = typeof Command.Type

type CommandOf<Tag extends Command["_tag"]> = Extract<Command, { readonly _tag: Tag }>

/** How much a payment takes. */
export interface Limits {
  /** Largest amount of an operation. */
  readonly maxAmountMinor: number
  /** Most operations, after which nothing more is captured or refunded. */
  readonly maxOperations: number
}

/** Amount: what card networks can carry, twelve digits (ISO 8583, field 4). Operations: an order shipped and returned in 50 parts. */
export const defaultLimits: Limits = { maxAmountMinor: 999_999_999_999, maxOperations: 100 }

// --- rejections: their types and texts are in Rejection.ts ---

const refuseAmount = (limits: Limits, amount: Money.Money): Rejection | undefined =>
  amount.amountMinor >= 1 && amount.amountMinor <= limits.maxAmountMinor
    ? undefined
    : amountOutOfRange(amount, limits.maxAmountMinor)

const refuseCurrency = (state: State, amount: Money.Money): Rejection | undefined =>
  amount.currency === state.currency ? undefined : currencyMismatch(state.currency, amount)

const refuseFull = (limits: Limits, state: State): Rejection | undefined =>
  state.operations.length < limits.maxOperations ? undefined : tooManyOperations(limits.maxOperations)

const refuseUnbegun = (state: State): Rejection | undefined =>
  Ledger.authorisationOf(state) === undefined ? paymentNotFound() : undefined

// --- decide ---

type Outcome = ReadonlyArray<PaymentEvent> | Rejection

const nothing: ReadonlyArray<PaymentEvent> = []

const decide = (limits: Limits): Aggregate.Decide<State, Command, PaymentEvent, Rejection> => ({
  Authorise: (command, state) => authorise(limits, command, state),
  Capture: (command, state) => capture(limits, command, state),
  Void: voidPayment,
  Refund: (command, state) => refund(limits, command, state),
  BeginProviderCall: beginProviderCall,
  RecordOutcome: recordOutcome,
  Reconcile: reconcile,
  RecordNotification: recordNotification,
  ResolveAttention: resolveAttention
})

function authorise(limits: Limits, command: CommandOf<"Authorise">, state: State): Outcome {
  const { _tag, ...request } = command
  const { operationId, amount } = request
  const authorisation = Ledger.authorisationOf(state)
  const taken = Ledger.operationOf(state, operationId)
  if (authorisation !== undefined && taken === authorisation) {
    return isSameAuthorisation(command, state) ? nothing : operationIdTaken(taken, state.currency)
  }
  if (authorisation !== undefined) return paymentAlreadyBegun(authorisation)
  const voided = Ledger.voidOf(state)
  if (voided !== undefined) return paymentCancelled(voided)
  return refuseAmount(limits, amount) ?? [{ _tag: "AuthorisationRequested", ...request }]
}

const isSameAuthorisation = (command: CommandOf<"Authorise">, state: State): boolean => {
  const { amount, paymentMethod } = command
  const { operationId, amountMinor } = Ledger.authorisationOf(state)!
  return (
    command.operationId === operationId &&
    Money.equals(amount, { amountMinor, currency: state.currency }) &&
    command.orderId === state.orderId &&
    command.customerId === state.customerId &&
    paymentMethod.token === state.paymentMethod?.token
  )
}

/** Whether an operation is there already; a rejection when its id stands for something else. */
const known = (state: State, kind: Kind, operationId: string, amount: Money.Money | null): Outcome | undefined => {
  const taken = Ledger.operationOf(state, operationId)
  if (taken === undefined) return undefined
  const isSameAmount = amount === null || Money.equals(amount, { ...taken, currency: state.currency })
  return taken.kind === kind && isSameAmount ? nothing : operationIdTaken(taken, state.currency)
}

function capture(limits: Limits, { operationId, amount }: CommandOf<"Capture">, state: State): Outcome {
  const status = Ledger.statusOf(state)
  const capturable = Ledger.capturableMinor(state)
  return (
    refuseUnbegun(state) ??
    known(state, "capture", operationId, amount) ??
    refuseCurrency(state, amount) ??
    refuseAmount(limits, amount) ??
    (["authorised", "captured", "refunded"].includes(status) ? undefined : notCapturable(status)) ??
    (amount.amountMinor > capturable ? captureExceedsAuthorised(amount, capturable) : undefined) ??
    refuseFull(limits, state) ?? [{ _tag: "CaptureRequested", operationId, amount }]
  )
}

function voidPayment({ operationId, reason }: CommandOf<"Void">, state: State): Outcome {
  const there = known(state, "void", operationId, null)
  if (there !== undefined) return there
  const requested: PaymentEvent = { _tag: "VoidRequested", operationId, reason }
  const unneeded = (why: "never-authorised" | "not-sent" | "not-found"): Outcome => [
    requested,
    { _tag: "VoidUnneeded", operationId, why }
  ]
  const authorisation = Ledger.authorisationOf(state)
  if (Ledger.voidOf(state) !== undefined) return nothing
  if (authorisation === undefined) return unneeded("never-authorised")
  if (authorisation.status === "declined" || authorisation.status === "expired") return nothing
  const inDoubt = state.operations.find((operation) => operation.kind === "capture" && Ledger.isOpen(operation))
  if (inDoubt !== undefined) return captureInDoubt(inDoubt)
  const { heldMinor, capturedMinor } = Ledger.ledgerOf(state)
  if (authorisation.status === "succeeded" && heldMinor === 0) {
    return nothingToVoid({ amountMinor: capturedMinor, currency: state.currency })
  }
  if (authorisation.status !== "requested") return [requested]
  // Its call is refused from now on. If one was begun before and arrives after all, the void is requested again.
  return unneeded(authorisation.calls === 0 ? "not-sent" : "not-found")
}

function refund(limits: Limits, { operationId, amount, reason }: CommandOf<"Refund">, state: State): Outcome {
  const refundable = Ledger.refundableMinor(state)
  return (
    refuseUnbegun(state) ??
    known(state, "refund", operationId, amount) ??
    refuseCurrency(state, amount) ??
    refuseAmount(limits, amount) ??
    (amount.amountMinor > refundable ? refundExceedsCaptured(amount, refundable) : undefined) ??
    refuseFull(limits, state) ?? [{ _tag: "RefundRequested", operationId, amount, reason }]
  )
}

function withOperation(state: State, operationId: string, then: (operation: Operation) => Outcome): Outcome {
  if (state.operations.length === 0) return paymentNotFound()
  const operation = Ledger.operationOf(state, operationId)
  return operation === undefined ? unknownOperation(operationId) : then(operation)
}

function beginProviderCall({ operationId }: CommandOf<"BeginProviderCall">, state: State): Outcome {
  return withOperation(state, operationId, (operation) =>
    Ledger.callIsDue(state, operation) ? [{ _tag: "ProviderCallBegun", operationId }] : providerCallNotDue(operation)
  )
}

function recordOutcome({ operationId, outcome }: CommandOf<"RecordOutcome">, state: State): Outcome {
  return withOperation(state, operationId, (operation) => {
    if (outcome._tag !== "Unknown") return consequenceOf(state, operation, outcome).events
    return operation.status === "sent" ? [{ _tag: "OutcomeUnknown", operationId, why: outcome.why }] : nothing
  })
}

function reconcile({ operationId, finding }: CommandOf<"Reconcile">, state: State): Outcome {
  return withOperation(state, operationId, (operation) => consequenceOf(state, operation, finding).events)
}

function recordNotification(notification: CommandOf<"RecordNotification">, state: State): Outcome {
  if (state.operations.length === 0) return paymentNotFound()
  const { _tag, ...recorded } = notification
  if (state.notificationIds.includes(recorded.providerEventId)) return nothing
  const { verdict, events } = consequenceOfNotification(state, notification)
  return [{ _tag: "NotificationRecorded", ...recorded, verdict }, ...events]
}

const consequenceOfNotification = (state: State, notification: CommandOf<"RecordNotification">): Consequence => {
  const { operationId, statement, providerEventId } = notification
  if (statement._tag === "Chargeback") return consequenceOfChargeback(state, statement)
  const operation = operationId === null ? undefined : Ledger.operationOf(state, operationId)
  if (operation !== undefined) return consequenceOf(state, operation, statement)
  const detail =
    `The provider's notification ${providerEventId} says ${statement._tag} of operation ${operationId ?? "without an id"}, ` +
    "which is none of ours. Find out at the provider who did it, and resolve this with a note."
  return { verdict: "unmatched", events: attention(state, "unmatched", operationId ?? providerEventId, detail) }
}

function resolveAttention({ attentionId, note }: CommandOf<"ResolveAttention">, state: State): Outcome {
  const found = state.attentions.find((known) => known.attentionId === attentionId)
  if (found === undefined) return unknownAttention(attentionId)
  return found.resolved ? nothing : [{ _tag: "AttentionResolved", attentionId, note }]
}

/** The payment, with its limits. */
export const make = (limits: Limits = defaultLimits): Aggregate.Aggregate<State, Command, PaymentEvent, Rejection> =>
  Aggregate.make({
    name: "payment",
    initial,
    evolve,
    decide: decide(limits),
    state: { version: stateVersion, schema: StateSchema },
    events: PaymentEvents,
    commands: Command,
    isClosed: Ledger.isSettled
  })
