/**
 * The simulated provider's bank: what it does with what it is asked for, and what it has to tell. Synchronous; whatever takes
 * time (pending, expiry, disputes) happens when someone looks at a later time. Used by the provider simulator.
 *
 * It is idempotent by operation id, and knows nothing of our events: its ledger is its own, to compare ours with. Its books are
 * in `SimulatedBooks.ts`; every public method changes them as a whole or not at all.
 */
import type { Kind, Statement } from "./Events.ts"
import type { Ledger } from "./Ledger.ts"
import type { Answer, Notification, QueryAnswer } from "./Provider.ts"
import { type Behaviour, digest } from "./SimulatedBehaviour.ts"
import type { Asked, Dispute, Entry, SimulatedBooks } from "./SimulatedBooks.ts"

/** A minute: until what is pending is approved, and until a buyer disputes. */
export const delayMillis = 60_000
/** How long a buyer may take to confirm (3-D Secure). */
export const actionMillis = 3_600_000
/** How long an authorisation holds, unless the token says otherwise. */
export const holdMillis = 7 * 24 * 3_600_000

/** The bank. Every method takes what time it is. */
export class SimulatedBank {
  readonly #books: SimulatedBooks

  constructor(books: SimulatedBooks) {
    this.#books = books
  }

  /** Carries a request out, unless it has been: then it says again what came of it. */
  ask(asked: Asked, behaviour: Behaviour, nowMillis: number): Answer {
    return this.#at(nowMillis, () => {
      const known = this.#books.entry(asked.operationId)
      if (known === undefined) return this.#carryOut(asked, behaviour, nowMillis)
      const isSame = known.kind === asked.kind && known.amountMinor === asked.amountMinor
      if (!isSame) return { _tag: "Declined", code: "idempotency_key_in_use" }
      const finding = findingOf(known)
      return finding._tag === "Expired" ? approvalOf(known) : finding
    })
  }

  /** What became of an operation. */
  find(operationId: string, nowMillis: number): QueryAnswer {
    return this.#at(nowMillis, () => {
      const entry = this.#books.entry(operationId)
      return entry === undefined ? { _tag: "NotFound" } : findingOf(entry)
    })
  }

  /** The buyer confirms, or refuses to. False when there is nothing to confirm any more. */
  completeAction(operationId: string, isConfirmed: boolean, nowMillis: number): boolean {
    return this.#at(nowMillis, () => {
      const entry = this.#books.entry(operationId)
      if (entry?.status !== "action-required") return false
      if (isConfirmed) this.#approve(entry, nowMillis)
      else this.#decline(entry, "authentication_failed", nowMillis)
      return true
    })
  }

  /** The buyer's bank disputes an amount. */
  dispute(paymentId: string, chargebackId: string, amountMinor: number, nowMillis: number): void {
    this.#at(nowMillis, () => {
      const currency = this.#books.of(paymentId)[0]?.currency ?? "XXX"
      const dispute: Dispute = {
        chargebackId,
        paymentId,
        amountMinor,
        currency,
        opensAtMillis: nowMillis,
        stage: "due"
      }
      this.#openDispute(dispute)
    })
  }

  /** The dispute is decided: `won` by the shop, or `lost`. */
  decide(chargebackId: string, stage: "won" | "lost", nowMillis: number): void {
    this.#at(nowMillis, () => {
      const dispute = this.#books.dispute(chargebackId)
      if (dispute?.stage !== "open") return
      this.#books.putDispute({ ...dispute, stage })
      this.#tellDispute(dispute, stage, nowMillis)
    })
  }

  /** Lets happen whatever is due by now, so that it can be told. */
  settle(nowMillis: number): void {
    this.#at(nowMillis, () => undefined)
  }

  /** What the provider's books say of a payment. */
  ledger(paymentId: string, nowMillis: number): Ledger {
    return this.#at(nowMillis, () => {
      const entries = this.#books.of(paymentId)
      const taken = this.#books.disputesOf(paymentId).filter(({ stage }) => stage === "open" || stage === "lost")
      return {
        heldMinor: heldOf(entries),
        capturedMinor: sum(entries, "capture", "approved"),
        refundedMinor: sum(entries, "refund", "approved"),
        chargedBackMinor: taken.reduce((total, { amountMinor }) => total + amountMinor, 0)
      }
    })
  }

  #at<A>(nowMillis: number, run: () => A): A {
    return this.#books.transact(() => {
      this.#settle(nowMillis)
      return run()
    })
  }

  #settle(nowMillis: number): void {
    for (const entry of this.#books.awake(nowMillis)) {
      const dueAtMillis = entry.dueAtMillis ?? nowMillis
      if (entry.status === "pending") this.#approve(entry, dueAtMillis)
      else if (entry.status === "action-required") this.#decline(entry, "action_expired", dueAtMillis)
    }
    for (const entry of this.#books.awake(nowMillis)) {
      // What is held no more does not run out.
      if (heldOf(this.#books.of(entry.paymentId)) === 0) this.#books.rest(entry.operationId)
      else this.#tell(this.#put({ ...entry, status: "expired" }), entry.dueAtMillis ?? nowMillis)
    }
    for (const dispute of this.#books.disputesDue(nowMillis)) this.#openDispute(dispute)
  }

  #carryOut(asked: Asked, behaviour: Behaviour, nowMillis: number): Answer {
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
    if (result === "approved") return findingOf(this.#approve(entry, nowMillis)) as Answer
    this.#tell(this.#put(entry), nowMillis)
    return findingOf(entry) as Answer
  }

  /** Why a request makes no sense; undefined when it does. */
  #refusal({ kind, paymentId, authorisationId, amountMinor, currency }: Asked): string | undefined {
    if (kind === "authorise") return undefined
    const authorisation = this.#books.entry(authorisationId)
    if (authorisation === undefined) return "authorisation_not_found"
    if (authorisation.currency !== currency) return "currency_mismatch"
    const entries = this.#books.of(paymentId)
    const held = heldOf(entries)
    if (kind === "void") {
      if (authorisation.status === "pending") return "authorisation_pending"
      return held > 0 || authorisation.status === "action-required" ? undefined : "nothing_to_void"
    }
    if (kind === "capture") {
      return amountMinor > held - sum(entries, "capture", "pending") ? "amount_too_large" : undefined
    }
    const refunds = sum(entries, "refund", "approved", "pending")
    return amountMinor > sum(entries, "capture", "approved") - refunds ? "amount_too_large" : undefined
  }

  #approve(entry: Entry, nowMillis: number): Entry {
    const dueAtMillis = entry.kind === "authorise" ? nowMillis + (entry.behaviour.holdMillis ?? holdMillis) : null
    const approved = this.#put({ ...entry, status: "approved", dueAtMillis })
    const authorisation = this.#books.entry(entry.authorisationId)
    if (entry.kind === "void" && authorisation?.status === "action-required") {
      this.#put({ ...authorisation, status: "declined", code: "voided" })
    }
    if (entry.kind === "capture" && authorisation?.behaviour.chargeback === true) {
      const { paymentId, amountMinor, currency } = entry
      const chargebackId = `dp_${digest(entry.operationId).slice(0, 20)}`
      const opensAtMillis = nowMillis + delayMillis
      this.#books.putDispute({ chargebackId, paymentId, amountMinor, currency, opensAtMillis, stage: "due" })
    }
    this.#tell(approved, nowMillis)
    return approved
  }

  #decline(entry: Entry, code: string, nowMillis: number): void {
    this.#tell(this.#put({ ...entry, status: "declined", code }), nowMillis)
  }

  #put(entry: Entry): Entry {
    this.#books.put(entry)
    return entry
  }

  #openDispute(dispute: Dispute): void {
    this.#books.putDispute({ ...dispute, stage: "open" })
    this.#tellDispute(dispute, "open", dispute.opensAtMillis)
  }

  #tell(entry: Entry, nowMillis: number): void {
    const { paymentId, operationId, behaviour, status } = entry
    const statement = findingOf(entry)
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
    this.#books.post(notification, how === "reordered" ? "first" : "last")
    if (how === "duplicated") this.#books.post(notification, "last")
  }
}

const sum = (entries: ReadonlyArray<Entry>, kind: Kind, ...statuses: ReadonlyArray<Entry["status"]>): number =>
  entries.reduce(
    (total, entry) => (entry.kind === kind && statuses.includes(entry.status) ? total + entry.amountMinor : total),
    0
  )

const heldOf = (entries: ReadonlyArray<Entry>): number => {
  const isVoided = entries.some(({ kind, status }) => kind === "void" && status === "approved")
  const authorised = sum(entries, "authorise", "approved")
  return isVoided || authorised === 0 ? 0 : authorised - sum(entries, "capture", "approved")
}

const approvalOf = (entry: Entry): Extract<Answer, { readonly _tag: "Approved" }> => {
  const { providerReference, amountMinor, currency, kind, dueAtMillis } = entry
  const expiresAtMillis = kind === "authorise" ? dueAtMillis : null
  return { _tag: "Approved", providerReference, amount: { amountMinor, currency }, expiresAtMillis }
}

const findingOf = (entry: Entry): Exclude<QueryAnswer, { readonly _tag: "NotFound" }> => {
  const { status, providerReference, code, operationId } = entry
  switch (status) {
    case "approved":
      return approvalOf(entry)
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
