/**
 * Text from outside, for every service: bounded, and such that every store and message format can hold it.
 *
 * PostgreSQL refuses the NUL character in text and JSON, and a lone surrogate is no Unicode, so that neither may come in: found
 * any later, it would fail an append instead of a field.
 */
import { isStorable } from "@daybook/core/StorableText"
import * as Schema from "effect/Schema"

const storable = Schema.makeFilter<string>(
  (text) => isStorable(text) || "Expected text without NUL characters or lone surrogates"
)

/** Text of 1 to `maxLength` UTF-16 code units. */
export const Text = (maxLength: number) =>
  Schema.String.check(Schema.isNonEmpty(), Schema.isMaxLength(maxLength), storable)

/** An id or code that others give: a customer, a line, a SKU. At most 64 code units, which holds a UUID or a ULID with a prefix. */
export const Id = Text(64)
