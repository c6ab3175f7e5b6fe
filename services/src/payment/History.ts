/**
 * The past of payments: their view, made anew of one stream's events as the projection makes it. Used by the handlers.
 */
import * as Instant from "@daybook/core/Instant"
import type { Subject } from "../Past.ts"
import { make as makePayment } from "./Domain.ts"
import type { PaymentEvent } from "./Events.ts"
import { viewOf } from "./Queries.ts"
import {
  type Attention,
  Changes,
  chargebackRows,
  type Folded,
  fold,
  operationRows,
  paymentRow,
  type Resolution
} from "./ReadModels.ts"
import { type PaymentNotFound, paymentNotFound } from "./Rejection.ts"
import type { State } from "./State.ts"
import type { PaymentView } from "./Views.ts"

type AttentionView = PaymentView["attention"][number]

/** What needed attention, and what has been said to it. What does so again keeps its place. */
const attentionOf = (changes: ReadonlyArray<Attention | Resolution>): ReadonlyArray<AttentionView> => {
  const found = new Map<string, AttentionView>()
  for (const one of changes) {
    const known = found.get(one.attentionId)
    if ("note" in one) {
      if (known === undefined) continue
      found.set(one.attentionId, { ...known, note: one.note, resolvedAt: Instant.format(one.resolvedAtMillis) })
    } else {
      const { attentionId, kind, detail, requiredAtMillis } = one
      const requiredAt = Instant.format(requiredAtMillis)
      found.set(attentionId, { attentionId, kind, detail, requiredAt, resolvedAt: null, note: null })
    }
  }
  return [...found.values()]
}

const paymentOf = (payment: readonly [string, Folded], { attention }: Changes): PaymentView => {
  const { paymentId, begunAtMillis, updatedAtMillis, expiresAtMillis, ...row } = paymentRow(payment)
  return viewOf({
    ...row,
    id: paymentId,
    begunAt: Instant.format(begunAtMillis),
    updatedAt: Instant.format(updatedAtMillis),
    expiresAt: expiresAtMillis === null ? null : Instant.format(expiresAtMillis),
    operations: operationRows(payment).map((one) => ({
      operationId: one.operationId,
      kind: one.kind,
      amountMinor: one.amountMinor,
      status: one.status,
      providerReference: one.providerReference,
      code: one.code,
      reason: one.reason,
      requestedAt: Instant.format(one.requestedAtMillis),
      updatedAt: Instant.format(one.updatedAtMillis)
    })),
    chargebacks: chargebackRows(payment).map(({ chargebackId, amountMinor, stage, updatedAtMillis }) => ({
      chargebackId,
      amountMinor,
      stage,
      updatedAt: Instant.format(updatedAtMillis ?? begunAtMillis)
    })),
    attention: attentionOf(attention)
  })
}

/** Payments. */
export const pastPayments: Subject<Changes, PaymentView, State, PaymentEvent, PaymentNotFound> = {
  aggregate: makePayment(),
  notFound: paymentNotFound,
  begin: () => new Changes(),
  fold,
  view: (changes) => [...changes.payments].map((payment) => paymentOf(payment, changes))[0]
}
