/**
 * What the payment's read models hold, and how events change them: `Projections.ts` loads and saves it, `History.ts` begins with nothing.
 *
 * What folds events into a payment is the domain's own `evolve`, so that sums and statuses have one definition.
 */
import * as Aggregate from "@daybook/core/Aggregate"
import type { Recorded } from "@daybook/core/Event"
import * as Partition from "@daybook/core/Partition"
import type { PaymentEvent } from "./Events.ts"
import { capturableMinor, ledgerOf, refundableMinor, statusOf } from "./Ledger.ts"
import { evolve, initial, type State } from "./State.ts"
import { openOperations } from "./Timetable.ts"

/** When an operation was requested, and when it last changed. Milliseconds since 1970, as all times here. */
export interface Times {
  readonly requestedAtMillis: number
  readonly updatedAtMillis: number
}

/** A payment while a batch is folded into it. Notification ids are not needed here, and the method's token is none of a reader's business. */
export interface Folded {
  state: State
  version: number
  begunAtMillis: number
  updatedAtMillis: number
  recordedAtMillis: number
  readonly times: Map<string, Times>
  /** By chargeback id. */
  readonly disputedAtMillis: Map<string, number>
}

/** A row of `payment_attention`. */
export interface Attention {
  readonly paymentId: string
  readonly attentionId: string
  readonly kind: Extract<PaymentEvent, { readonly _tag: "AttentionRequired" }>["kind"]
  readonly detail: string
  readonly requiredAtMillis: number
}

export interface Resolution {
  readonly paymentId: string
  readonly attentionId: string
  readonly note: string
  readonly resolvedAtMillis: number
}

/** A change of one row of `ledger_day`. */
export interface Day {
  readonly day: string
  readonly currency: string
  authorisedMinor: number
  capturedMinor: number
  refundedMinor: number
  chargedBackMinor: number
}

/** What a batch changes, gathered in memory. */
export class Changes {
  readonly payments = new Map<string, Folded>()
  /** Both in the order of the events: what needs attention may do so again after it was resolved. */
  readonly attention: Array<Attention | Resolution> = []
  readonly days = new Map<string, Day>()

  dayOf(atMillis: number, currency: string): Day {
    const day = new Date(atMillis).toISOString().slice(0, 10)
    const key = `${day}|${currency}`
    const zero = { authorisedMinor: 0, capturedMinor: 0, refundedMinor: 0, chargedBackMinor: 0 }
    const sums = this.days.get(key) ?? { day, currency, ...zero }
    this.days.set(key, sums)
    return sums
  }
}

const begun = (recorded: Recorded<PaymentEvent>): Folded => ({
  state: initial,
  version: 0,
  begunAtMillis: recorded.occurredAtMillis,
  updatedAtMillis: recorded.occurredAtMillis,
  recordedAtMillis: recorded.recordedAtMillis,
  times: new Map(),
  disputedAtMillis: new Map()
})

const foldTimes = ({ times, disputedAtMillis }: Folded, before: State, after: State, atMillis: number): void => {
  const known = new Set<unknown>([...before.operations, ...before.chargebacks])
  for (const operation of after.operations) {
    if (known.has(operation)) continue
    const { requestedAtMillis = atMillis } = times.get(operation.operationId) ?? {}
    times.set(operation.operationId, { requestedAtMillis, updatedAtMillis: atMillis })
  }
  for (const dispute of after.chargebacks) {
    if (!known.has(dispute)) disputedAtMillis.set(dispute.chargebackId, atMillis)
  }
}

const foldDay = (
  changes: Changes,
  before: State,
  after: State,
  { event, occurredAtMillis }: Recorded<PaymentEvent>
) => {
  const [was, is] = [ledgerOf(before), ledgerOf(after)]
  const authorisedMinor = event._tag === "PaymentAuthorised" ? event.amount.amountMinor : 0
  const capturedMinor = is.capturedMinor - was.capturedMinor
  const refundedMinor = is.refundedMinor - was.refundedMinor
  const chargedBackMinor = is.chargedBackMinor - was.chargedBackMinor
  if (authorisedMinor === 0 && capturedMinor === 0 && refundedMinor === 0 && chargedBackMinor === 0) return
  const day = changes.dayOf(occurredAtMillis, after.currency)
  day.authorisedMinor += authorisedMinor
  day.capturedMinor += capturedMinor
  day.refundedMinor += refundedMinor
  day.chargedBackMinor += chargedBackMinor
}

const foldAttention = (changes: Changes, paymentId: string, { event, occurredAtMillis }: Recorded<PaymentEvent>) => {
  if (event._tag === "AttentionRequired") {
    const { attentionId, kind, detail } = event
    changes.attention.push({ paymentId, attentionId, kind, detail, requiredAtMillis: occurredAtMillis })
  }
  if (event._tag === "AttentionResolved") {
    const { attentionId, note } = event
    changes.attention.push({ paymentId, attentionId, note, resolvedAtMillis: occurredAtMillis })
  }
}

export const fold = (changes: Changes, recorded: Recorded<PaymentEvent>): void => {
  const paymentId = Partition.idOf(recorded.stream)
  if (recorded.version === 1) changes.payments.set(paymentId, begun(recorded))
  const payment = changes.payments.get(paymentId)
  if (payment === undefined)
    throw new Error(`Payment ${paymentId} is not in the read model, though its first event should have put it there`)
  const before = payment.state
  const after = Aggregate.evolve({ evolve }, before, recorded.event)
  foldTimes(payment, before, after, recorded.occurredAtMillis)
  foldDay(changes, before, after, recorded)
  foldAttention(changes, paymentId, recorded)
  payment.state = after
  payment.version = recorded.version
  payment.updatedAtMillis = recorded.occurredAtMillis
  payment.recordedAtMillis = recorded.recordedAtMillis
}

// --- rows ---

export const paymentRow = ([paymentId, { state, ...rest }]: readonly [string, Folded]) => ({
  paymentId,
  version: rest.version,
  begunAtMillis: rest.begunAtMillis,
  updatedAtMillis: rest.updatedAtMillis,
  recordedAtMillis: rest.recordedAtMillis,
  status: statusOf(state),
  ...ledgerOf(state),
  capturableMinor: capturableMinor(state),
  refundableMinor: refundableMinor(state),
  orderId: state.orderId,
  customerId: state.customerId,
  currency: state.currency,
  brand: state.paymentMethod?.brand ?? null,
  last4: state.paymentMethod?.last4 ?? null,
  actionUrl: state.actionUrl,
  expiresAtMillis: state.expiresAtMillis
})

export const operationRows = ([paymentId, { state, times }]: readonly [string, Folded]) =>
  state.operations.map((operation, number) => ({
    paymentId,
    number,
    ...operation,
    ...times.get(operation.operationId)!
  }))

export const chargebackRows = ([paymentId, { state, disputedAtMillis }]: readonly [string, Folded]) =>
  state.chargebacks.map((chargeback, number) => ({
    paymentId,
    number,
    ...chargeback,
    updatedAtMillis: disputedAtMillis.get(chargeback.chargebackId)
  }))

/** What a batch leaves of what needs attention: rows, with what was said to them since, and answers to what was required before. */
export const attentionAfter = (changes: ReadonlyArray<Attention | Resolution>) => {
  const required = new Map<
    string,
    Attention & (Resolution | { readonly note: null; readonly resolvedAtMillis: null })
  >()
  const resolved = new Map<string, Resolution>()
  for (const one of changes) {
    const key = JSON.stringify([one.paymentId, one.attentionId])
    if ("note" in one) {
      const known = required.get(key)
      if (known === undefined) resolved.set(key, one)
      else required.set(key, { ...known, ...one })
    } else {
      resolved.delete(key)
      required.set(key, { ...one, note: null, resolvedAtMillis: null })
    }
  }
  return { required: [...required.values()], resolved: [...resolved.values()] }
}

export const openRows = (nowMillis: number, [paymentId, { state, recordedAtMillis }]: readonly [string, Folded]) =>
  openOperations(paymentId, state, nowMillis).map((one) => ({ ...one, sinceMillis: recordedAtMillis }))
