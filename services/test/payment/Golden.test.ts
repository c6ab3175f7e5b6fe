/** The stored formats of the payment. */
import { expect, it } from "vitest"
import { PaymentEvents } from "../../src/payment/Events.ts"
import * as Golden from "../Golden.ts"
import * as Given from "./Given.ts"
import { payment } from "./Stored.ts"

Golden.holds(payment)

const providerReference = "pi_1"
const dispute = { chargebackId: "dp_1", stage: "open" as const, code: "fraudulent" }

it.each([
  { _tag: "Declined" as const, code: "x".repeat(10_000) },
  { _tag: "ActionRequired" as const, providerReference, url: "https://provider.example" },
  { _tag: "Pending" as const, providerReference },
  { _tag: "Expired" as const },
  { _tag: "Chargeback" as const, ...dispute, amount: { amountMinor: 1, currency: "ANG" } }
])("events keep whatever a provider said, also what commands may not bring: %j", (statement) => {
  const event = Given.notificationRecorded({ operationId: null, statement, verdict: "unmatched" })
  expect(PaymentEvents.decode({ ...Golden.metadata, ...PaymentEvents.encode(event) })).toStrictEqual([event])
})
