/**
 * Text from outside, for every service: bounded, and such that every store and message format can hold it.
 *
 * PostgreSQL refuses the NUL character in text and JSON, and a lone surrogate is no Unicode, so that neither may come in: found
 * any later, it would fail an append instead of a field.
 */
import * as Instant from "@daybook/core/Instant"
import { isStorable } from "@daybook/core/StorableText"
import * as Schema from "effect/Schema"

const storable = Schema.makeFilter<string>(
  (text) => isStorable(text) || "Expected text without NUL characters or lone surrogates"
)

/** Text of 1 to `maxLength` UTF-16 code units. */
export const Text = (maxLength: number) =>
  Schema.String.check(Schema.isNonEmpty(), Schema.isMaxLength(maxLength), storable)

const isDay = (text: string): boolean =>
  /^\d{4}-\d\d-\d\d$/.test(text) && !text.startsWith("0000") && Instant.isDay(text)

/** A day that the calendar has: not 2011-02-31. The years are PostgreSQL's, which has no year 0. */
export const Day = Schema.String.check(
  Schema.makeFilter((text: string) => isDay(text) || "Expected a day of the calendar, such as 2011-03-31")
)

/** An id or code that others give: a customer, a line, a SKU. At most 64 code units, which holds a UUID or a ULID with a prefix. */
export const Id = Text(64)

const padded = /^\s|\s$/u

/** For names of people: one with a blank more would be another person, whom nobody finds to export or to erase. */
export const unpadded = Schema.makeFilter<string>(
  (text) => !padded.test(text) || "Expected an id without blanks before or after it"
)

/** What a person may become known by, as a customer's id and a guest's checkout; and what a cart or a line is called from now on. */
export const NewId = Id.check(unpadded)
