/**
 * What others are told of a payment: of money that moved or did not, and of what someone should look at. How the provider was
 * asked is the service's own business.
 */
import type { Recorded } from "@daybook/core/Event"
import * as Partition from "@daybook/core/Partition"
import * as Publication from "@daybook/core/Publication"
import { PaymentEvents as Contract } from "./Contract.ts"
import { type PaymentEvent, PaymentEvents } from "./Events.ts"
import { nameOf } from "./OperationId.ts"

const { notPublished } = Publication

/** A payment has its order's id. */
const orderOf = ({ stream }: Recorded<PaymentEvent>): string => Partition.idOf(stream)

/** The payment's publication, for its projector. */
export const paymentPublication = Publication.make({
  name: "payment-publication",
  source: "/payment",
  aggregate: { name: "payment", events: PaymentEvents },
  contract: Contract
})({
  AuthorisationRequested: notPublished,
  CaptureRequested: notPublished,
  VoidRequested: notPublished,
  RefundRequested: notPublished,
  ProviderCallBegun: notPublished,
  OutcomeUnknown: notPublished,
  OperationNotFound: notPublished,
  OperationPending: notPublished,
  AuthorisationActionRequired: ({ url }, at) => [{ _tag: "PaymentActionRequired", orderId: orderOf(at), url }],
  PaymentAuthorised: ({ operationId, amount, expiresAtMillis }, at) => [
    { _tag: "PaymentAuthorised", orderId: orderOf(at), authorisationId: operationId, amount, expiresAtMillis }
  ],
  AuthorisationDeclined: ({ code }, at) => [{ _tag: "PaymentDeclined", orderId: orderOf(at), code }],
  AuthorisationExpired: (_, at) => [{ _tag: "PaymentExpired", orderId: orderOf(at) }],
  PaymentCaptured: ({ operationId, amount }, at) => {
    const orderId = orderOf(at)
    return [{ _tag: "PaymentCaptured", orderId, captureId: nameOf(orderId, "capture", operationId), amount }]
  },
  CaptureDeclined: ({ operationId, code }, at) => {
    const orderId = orderOf(at)
    return [{ _tag: "CaptureDeclined", orderId, captureId: nameOf(orderId, "capture", operationId), code }]
  },
  PaymentVoided: (_, at) => [{ _tag: "PaymentVoided", orderId: orderOf(at) }],
  // It is told by the attention that it needs.
  VoidDeclined: notPublished,
  VoidUnneeded: (_, at) => [{ _tag: "PaymentVoided", orderId: orderOf(at) }],
  PaymentRefunded: ({ operationId, amount }, at) => {
    const orderId = orderOf(at)
    return [{ _tag: "PaymentRefunded", orderId, refundId: nameOf(orderId, "refund", operationId), amount }]
  },
  RefundDeclined: ({ operationId, code }, at) => {
    const orderId = orderOf(at)
    return [{ _tag: "RefundDeclined", orderId, refundId: nameOf(orderId, "refund", operationId), code }]
  },
  NotificationRecorded: notPublished,
  ChargebackOpened: ({ chargebackId, amount, code }, at) => [
    { _tag: "ChargebackOpened", orderId: orderOf(at), chargebackId, amount, code }
  ],
  ChargebackWon: ({ chargebackId, amount }, at) => [
    { _tag: "ChargebackWon", orderId: orderOf(at), chargebackId, amount }
  ],
  ChargebackLost: ({ chargebackId, amount }, at) => [
    { _tag: "ChargebackLost", orderId: orderOf(at), chargebackId, amount }
  ],
  AttentionRequired: ({ attentionId, kind, detail }, at) => [
    { _tag: "PaymentNeedsAttention", orderId: orderOf(at), attentionId, kind, detail }
  ],
  AttentionResolved: ({ attentionId }, at) => [{ _tag: "PaymentAttentionResolved", orderId: orderOf(at), attentionId }]
})
