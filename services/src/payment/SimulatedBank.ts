/**
 * The books of the simulated provider: what it was asked for, what it did, and what it has to tell. In memory and synchronous;
 * whatever takes time (pending, expiry, disputes) happens when someone looks at a later time.
 *
 * It is idempotent by operation id, and knows nothing of our events: its ledger is its own, to compare ours with.
 */
import type { Kind, Statement } from "./Events.ts"
import type { Ledger } from "./Ledger.ts"
import type { Answer, Notification, QueryAnswer } from "./Provider.ts"
import { type Behaviour, digest } from "./SimulatedBehaviour.ts"

/** A minute: until what is pending is approved, and until a buyer disputes. */
export const delayMillis = 60_000
/** How long a buyer may take to confirm (3-D Secure). */
export const actionMillis = 3_600_000
/** How long an authorisation holds, unless the token says otherwise. */
export const holdMillis = 7 * 24 * 3_600_000

/** A request as the provider sees it. */
export interface Asked {
  readonly kind: Kind
  readonly paymentId: string
  readonly operationId: string
  readonly authorisationId: string
  readonly amountMinor: number
  readonly currency: string
  readonly token: string
}

type EntryStatus = "approved" | "declined" | "action-required" | "pending" | "expired"

interface Entry extends Asked {
  readonly behaviour: Behaviour
  readonly providerReference: string
  status: EntryStatus
  code: string
  /** When it goes on by itself. */
  dueAtMillis: number | null
}

interface Dispute {
  readonly chargebackId: string
  readonly paymentId: string
  readonly amountMinor: number
  readonly currency: string
  readonly opensAtMillis: number
  stage: "due" | "open" | "won" | "lost"
}

/** The provider's books. Every method takes what time it is. */
export class SimulatedBank {
  readonly #entries = new Map<string, Entry>()
  readonly #disputes = new Map<string, Dispute>()
  #outbox: Array<Notification> = []

  /** Carries a request out, unless it has been: then it says again what came of it. */
  ask(asked: Asked, behaviour: Behaviour, nowMillis: number): Answer {
    this.settle(nowMillis)
    const known = this.#entries.get(asked.operationId)
    if (known !== undefined) {
      const isSame = known.kind === asked.kind && known.amountMinor === asked.amountMinor
      if (!isSame) return { _tag: "Declined", code: "idempotency_key_in_use" }
      const finding = this.#finding(known)
      return finding._tag === "Expired" ? this.#approved(known) : finding
    }
    const refusal = this.#refusal(asked)
    const result = refusal === undefined ? (behaviour.result ?? "approved") : "declined"
    const entry: Entry = {
      ...asked,
      behaviour,
      providerReference: `sim_${digest(asked.operationId).slice(0, 20)}`,
      status: result,
      code: refusal ?? behaviour.code ?? "declined",
      dueAtMillis: result === "pending" ? nowMillis + delayMillis : nowMillis + actionMillis
    }
    this.#entries.set(asked.operationId, entry)
    if (result === "approved") this.#approve(entry, nowMillis)
    else this.#tell(entry, nowMillis)
    return this.#finding(entry) as Answer
  }

  /** What became of an operation. */
  find(operationId: string, nowMillis: number): QueryAnswer {
    this.settle(nowMillis)
    const entry = this.#entries.get(operationId)
    return entry === undefined ? { _tag: "NotFound" } : this.#finding(entry)
  }

  /** The buyer confirms, or refuses to. False when there is nothing to confirm any more. */
  completeAction(operationId: string, isConfirmed: boolean, nowMillis: number): boolean {
    this.settle(nowMillis)
    const entry = this.#entries.get(operationId)
    if (entry?.status !== "action-required") return false
    if (isConfirmed) this.#approve(entry, nowMillis)
    else this.#decline(entry, "authentication_failed", nowMillis)
    return true
  }

  /** The buyer's bank disputes an amount. */
  dispute(paymentId: string, chargebackId: string, amountMinor: number, nowMillis: number): void {
    const currency = this.#of(paymentId)[0]?.currency ?? "XXX"
    this.#disputes.set(chargebackId, {
      chargebackId,
      paymentId,
      amountMinor,
      currency,
      opensAtMillis: nowMillis,
      stage: "due"
    })
    this.settle(nowMillis)
  }

  /** The dispute is decided: `won` by the shop, or `lost`. */
  decide(chargebackId: string, stage: "won" | "lost", nowMillis: number): void {
    this.settle(nowMillis)
    const dispute = this.#disputes.get(chargebackId)
    if (dispute?.stage !== "open") return
    dispute.stage = stage
    this.#tellDispute(dispute, stage, nowMillis)
  }

  /** Takes the notifications that wait to be delivered. */
  take(nowMillis: number): ReadonlyArray<Notification> {
    this.settle(nowMillis)
    const taken = this.#outbox
    this.#outbox = []
    return taken
  }

  /** What the provider's books say of a payment. */
  ledger(paymentId: string, nowMillis: number): Ledger {
    this.settle(nowMillis)
    const disputes = [...this.#disputes.values()].filter((dispute) => dispute.paymentId === paymentId)
    const taken = disputes.filter(({ stage }) => stage === "open" || stage === "lost")
    return {
      heldMinor: this.#held(paymentId),
      capturedMinor: this.#sum(paymentId, "capture", "approved"),
      refundedMinor: this.#sum(paymentId, "refund", "approved"),
      chargedBackMinor: taken.reduce((total, { amountMinor }) => total + amountMinor, 0)
    }
  }

  /** Lets happen whatever is due by now. */
  settle(nowMillis: number): void {
    for (const entry of this.#entries.values()) {
      if (entry.dueAtMillis === null || entry.dueAtMillis > nowMillis) continue
      if (entry.status === "pending") this.#approve(entry, entry.dueAtMillis)
      else if (entry.status === "action-required") this.#decline(entry, "action_expired", entry.dueAtMillis)
    }
    for (const entry of this.#entries.values()) {
      const isOver = entry.dueAtMillis !== null && entry.dueAtMillis <= nowMillis
      if (!isOver || entry.kind !== "authorise" || entry.status !== "approved") continue
      if (this.#held(entry.paymentId) === 0) continue
      entry.status = "expired"
      this.#tell(entry, entry.dueAtMillis ?? nowMillis)
    }
    for (const dispute of this.#disputes.values()) {
      if (dispute.stage !== "due" || dispute.opensAtMillis > nowMillis) continue
      dispute.stage = "open"
      this.#tellDispute(dispute, "open", dispute.opensAtMillis)
    }
  }

  #of(paymentId: string): ReadonlyArray<Entry> {
    return [...this.#entries.values()].filter((entry) => entry.paymentId === paymentId)
  }

  #sum(paymentId: string, kind: Kind, ...statuses: ReadonlyArray<EntryStatus>): number {
    return this.#of(paymentId).reduce(
      (total, entry) => (entry.kind === kind && statuses.includes(entry.status) ? total + entry.amountMinor : total),
      0
    )
  }

  #held(paymentId: string): number {
    const isVoided = this.#of(paymentId).some(({ kind, status }) => kind === "void" && status === "approved")
    const authorised = this.#sum(paymentId, "authorise", "approved")
    return isVoided || authorised === 0 ? 0 : authorised - this.#sum(paymentId, "capture", "approved")
  }

  /** Why a request makes no sense; undefined when it does. */
  #refusal({ kind, paymentId, authorisationId, amountMinor, currency }: Asked): string | undefined {
    if (kind === "authorise") return undefined
    const authorisation = this.#entries.get(authorisationId)
    if (authorisation === undefined) return "authorisation_not_found"
    if (authorisation.currency !== currency) return "currency_mismatch"
    const held = this.#held(paymentId)
    if (kind === "void") {
      if (authorisation.status === "pending") return "authorisation_pending"
      return held > 0 || authorisation.status === "action-required" ? undefined : "nothing_to_void"
    }
    if (kind === "capture") {
      return amountMinor > held - this.#sum(paymentId, "capture", "pending") ? "amount_too_large" : undefined
    }
    const refunds = this.#sum(paymentId, "refund", "approved", "pending")
    return amountMinor > this.#sum(paymentId, "capture", "approved") - refunds ? "amount_too_large" : undefined
  }

  #approve(entry: Entry, nowMillis: number): void {
    entry.status = "approved"
    entry.dueAtMillis = entry.kind === "authorise" ? nowMillis + (entry.behaviour.holdMillis ?? holdMillis) : null
    const authorisation = this.#entries.get(entry.authorisationId)
    if (entry.kind === "void" && authorisation?.status === "action-required") {
      authorisation.status = "declined"
      authorisation.code = "voided"
    }
    if (entry.kind === "capture" && authorisation?.behaviour.chargeback === true) {
      const { paymentId, amountMinor, currency } = entry
      const chargebackId = `dp_${digest(entry.operationId).slice(0, 20)}`
      const opensAtMillis = nowMillis + delayMillis
      this.#disputes.set(chargebackId, {
        chargebackId,
        paymentId,
        amountMinor,
        currency,
        opensAtMillis,
        stage: "due"
      })
    }
    this.#tell(entry, nowMillis)
  }

  #decline(entry: Entry, code: string, nowMillis: number): void {
    entry.status = "declined"
    entry.code = code
    this.#tell(entry, nowMillis)
  }

  #approved(entry: Entry): Extract<Answer, { readonly _tag: "Approved" }> {
    const { providerReference, amountMinor, currency, kind, dueAtMillis } = entry
    const expiresAtMillis = kind === "authorise" ? dueAtMillis : null
    return { _tag: "Approved", providerReference, amount: { amountMinor, currency }, expiresAtMillis }
  }

  #finding(entry: Entry): Exclude<QueryAnswer, { readonly _tag: "NotFound" }> {
    const { status, providerReference, code, operationId } = entry
    switch (status) {
      case "approved":
        return this.#approved(entry)
      case "declined":
        return { _tag: "Declined", code }
      case "action-required":
        return { _tag: "ActionRequired", providerReference, url: `https://provider.example/3ds/${operationId}` }
      case "pending":
        return { _tag: "Pending", providerReference }
      case "expired":
        return { _tag: "Expired" }
    }
  }

  #tell(entry: Entry, nowMillis: number): void {
    const { paymentId, operationId, behaviour, status } = entry
    const statement = this.#finding(entry)
    this.#post({ paymentId, operationId, statement, occurredAtMillis: nowMillis }, behaviour.webhooks)
    if (behaviour.webhooks !== "contradictory" || status !== "approved") return
    const opposite: Statement = { _tag: "Declined", code: "contradicted" }
    this.#post({ paymentId, operationId, statement: opposite, occurredAtMillis: nowMillis }, undefined)
  }

  #tellDispute(dispute: Dispute, stage: "open" | "won" | "lost", occurredAtMillis: number): void {
    const { chargebackId, paymentId, amountMinor, currency } = dispute
    const amount = { amountMinor, currency }
    const statement: Statement = { _tag: "Chargeback", chargebackId, amount, stage, code: "fraudulent" }
    this.#post({ paymentId, operationId: null, statement, occurredAtMillis }, undefined)
  }

  #post(message: Omit<Notification, "providerEventId">, how: Behaviour["webhooks"]): void {
    const what = JSON.stringify([message.paymentId, message.operationId, message.statement])
    const notification = { ...message, providerEventId: `evt_${digest(what).slice(0, 24)}` }
    if (how === "reordered") this.#outbox.unshift(notification)
    else this.#outbox.push(notification)
    if (how === "duplicated") this.#outbox.push(notification)
  }
}
