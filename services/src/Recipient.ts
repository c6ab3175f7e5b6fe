/**
 * Whom an order goes to: personal data, which the checkout seals when it comes in and the order opens when it is shown. In between,
 * and on every disk, it is a token (`Personal`). Browser-safe.
 */
import * as Personal from "@daybook/core/Personal"
import * as Schema from "effect/Schema"
import { Text } from "./Text.ts"

/**
 * What is sealed, all of it together. As it was sealed, so that it is read for as long as it is kept: what a new one may be is said
 * by `NewRecipient`.
 */
export const Recipient = Schema.Struct({
  name: Schema.String,
  email: Schema.String,
  phone: Schema.NullOr(Schema.String),
  address: Schema.Struct({
    lines: Schema.Array(Schema.String),
    city: Schema.String,
    postalCode: Schema.String,
    country: Schema.String
  })
}).annotate({ identifier: "Recipient" })

/** Whom an order goes to. */
export type Recipient = typeof Recipient.Type

/** The personal value that checkouts and orders keep. */
export const recipient = Personal.make("the recipient of an order", Recipient)

const email = Text(254).check(
  Schema.isPattern(/^[^\s@]+@[^\s@]+$/u, { expected: "an e-mail address, such as jane@example.org" })
)

/** A recipient as a buyer gives it. */
export const NewRecipient = Schema.Struct({
  name: Text(200),
  email,
  phone: Schema.optionalKey(Schema.NullOr(Text(40))),
  address: Schema.Struct({
    /** From the most to the least particular; without city and postal code. */
    lines: Schema.Array(Text(200)).check(Schema.isMinLength(1), Schema.isMaxLength(6)),
    city: Text(100),
    postalCode: Text(20),
    country: Text(100)
  })
}).annotate({ identifier: "NewRecipient" })

/** What is sealed of what a buyer gave. */
export const recipientOf = ({ phone, ...given }: typeof NewRecipient.Type): Recipient => ({
  ...given,
  phone: phone ?? null
})

/** Whose data a checkout keeps: the customer's, or of a guest, whoever is behind that one checkout. */
export const subjectOf = (customerId: string | null, checkoutId: string): string => customerId ?? `guest:${checkoutId}`
