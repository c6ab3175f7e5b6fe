/** Random lives of payments, for properties: whatever may be asked and whatever a provider may say, in any order. */
import * as fc from "fast-check"
import * as Domain from "../../src/payment/Domain.ts"
import {
  authorise,
  beginCall,
  capture,
  gbp,
  notify,
  reconcile,
  recordOutcome,
  refund,
  resolveAttention,
  voidPayment
} from "./Given.ts"

export const limits: Domain.Limits = { maxAmountMinor: 20_000, maxOperations: 4 }
/** A payment with limits that random commands reach. */
export const payment = Domain.make(limits)

/** Ids belong to kinds, nearly always, and so do the amounts that the provider confirms. */
const amounts: Record<string, number> = {
  auth: 10_000,
  "auth-2": 10_000,
  "capture-1": 4_000,
  "capture-2": 6_000,
  "capture-3": 10_000,
  "refund-1": 3_000,
  "refund-2": 1_000,
  void: 0,
  "void-2": 0
}
const captureId = fc.constantFrom("capture-1", "capture-2", "capture-3")
const refundId = fc.constantFrom("refund-1", "refund-2")
const voidId = fc.constantFrom("void", "void-2")
const operationId = fc.oneof(
  { weight: 3, arbitrary: fc.constant("auth") },
  { weight: 3, arbitrary: captureId },
  { weight: 3, arbitrary: refundId },
  { weight: 3, arbitrary: voidId },
  { weight: 1, arbitrary: fc.constantFrom("auth-2", "nobody") }
)

const amountOf = (id: string) =>
  fc.oneof(
    { weight: 12, arbitrary: fc.constant(gbp(amounts[id] ?? 500)) },
    fc.constantFrom(gbp(0), gbp(20_000), gbp(20_001), { amountMinor: 4_000, currency: "EUR" })
  )

const approved = (id: string) =>
  amountOf(id).map((amount) => ({
    _tag: "Approved" as const,
    providerReference: `pr_${id}`,
    amount,
    expiresAtMillis: null
  }))
const answer = (id: string) =>
  fc.oneof(
    { weight: 6, arbitrary: approved(id) },
    fc.constant({ _tag: "Declined" as const, code: "declined" }),
    fc.constant({ _tag: "Pending" as const, providerReference: `pr_${id}` }),
    fc.constant({ _tag: "ActionRequired" as const, providerReference: `pr_${id}`, url: "https://provider.example" })
  )
const chargeback = fc.record({
  _tag: fc.constant("Chargeback" as const),
  chargebackId: fc.constantFrom("dp_1", "dp_2"),
  amount: fc.constantFrom(gbp(4_000), gbp(4_000), gbp(5_000)),
  stage: fc.constantFrom("open" as const, "won" as const, "lost" as const),
  code: fc.constant("fraudulent")
})

const outcome = operationId.chain((id) =>
  fc
    .oneof({ weight: 4, arbitrary: answer(id) }, fc.constant({ _tag: "Unknown" as const, why: "timed out" }))
    .map((outcome) => recordOutcome({ operationId: id, outcome }))
)
const found = operationId.chain((id) =>
  fc
    .oneof(
      { weight: 4, arbitrary: answer(id) },
      { weight: 2, arbitrary: fc.constant({ _tag: "NotFound" as const }) },
      fc.constant({ _tag: "Expired" as const })
    )
    .map((finding) => reconcile({ operationId: id, finding }))
)
const notification = fc
  .tuple(fc.oneof({ weight: 9, arbitrary: operationId }, fc.constant(null)), fc.nat({ max: 30 }))
  .chain(([id, n]) =>
    fc
      .oneof(
        { weight: 4, arbitrary: answer(id ?? "nobody") },
        { weight: 2, arbitrary: chargeback },
        fc.constant({ _tag: "Expired" as const })
      )
      .map((statement) => notify({ providerEventId: `evt_${n}`, operationId: id, statement }))
  )

const amountFor = <A>(ids: fc.Arbitrary<string>, make: (given: { operationId: string; amount: any }) => A) =>
  ids.chain((id) => amountOf(id).map((amount) => make({ operationId: id, amount })))

const command: fc.Arbitrary<Domain.Command> = fc.oneof(
  fc.constantFrom(authorise(), authorise({ operationId: "auth-2" }), authorise({ orderId: "order-2" })),
  { weight: 5, arbitrary: amountFor(captureId, capture) },
  { weight: 4, arbitrary: amountFor(refundId, refund) },
  fc.constantFrom(voidPayment(), voidPayment({ operationId: "void-2" }), voidPayment({ operationId: "auth" })),
  { weight: 3, arbitrary: operationId.map((id) => beginCall({ operationId: id })) },
  { weight: 6, arbitrary: outcome },
  { weight: 4, arbitrary: found },
  { weight: 6, arbitrary: notification },
  fc
    .constantFrom("void-declined:void", "refund-declined:refund-1", "contradiction:auth", "overdrawn:dp_1", "no:thing")
    .map((attentionId) => resolveAttention({ attentionId }))
)

const allCaptured = [
  capture({ operationId: "capture-3", amount: gbp(10_000) }),
  recordOutcome({
    operationId: "capture-3",
    outcome: { _tag: "Approved", providerReference: "pr", amount: gbp(10_000), expiresAtMillis: null }
  })
]

/** A payment's whole life, which mostly begins with its authorisation, and often with an approved one. */
export const commands = fc
  .tuple(
    fc.oneof(
      { weight: 3, arbitrary: fc.constant([authorise(), beginCall(), recordOutcome()]) },
      { weight: 4, arbitrary: fc.constant([authorise()]) },
      fc.constant([authorise(), recordOutcome(), ...allCaptured]),
      fc.constant([authorise({ amount: gbp(0) })]),
      fc.constant([])
    ),
    fc.array(command, { maxLength: 60, size: "max" })
  )
  .map(([first, rest]): ReadonlyArray<Domain.Command> => [...first, ...rest])
