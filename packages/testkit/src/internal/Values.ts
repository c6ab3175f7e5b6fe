/**
 * Comparing and showing domain values: events, commands, rejections and states, for `DeciderSpec` and `DeciderLaws`.
 */
import { inspect } from "node:util"
import * as Equal from "effect/Equal"
import * as Predicate from "effect/Predicate"

const isPlain = (value: unknown): value is Record<string, unknown> =>
  Predicate.isObject(value) &&
  (Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null)

/** Without the properties that are undefined, which stored data does not tell from those that are missing. */
const defined = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(defined)
  if (!isPlain(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, property]) => property !== undefined)
      .map(([key, property]) => [key, defined(property)])
  )
}

/** Equal by value. */
export const same = (a: unknown, b: unknown): boolean => Equal.equals(defined(a), defined(b))

/** Whether a value is what was expected: equal, or matched by a regular expression or by one of vitest's matchers. */
export const matches = (actual: unknown, expected: unknown): boolean => {
  if (Predicate.hasProperty(expected, "asymmetricMatch") && typeof expected.asymmetricMatch === "function") {
    return expected.asymmetricMatch(actual) === true
  }
  if (expected instanceof RegExp && typeof actual === "string") return expected.test(actual)
  return same(actual, expected)
}

/** What an error says besides being one. */
const fieldsOf = (value: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(value).filter(([key]) => !["_tag", "name", "stack", "cause"].includes(key)))

const inspected = (value: unknown): string => inspect(value, { depth: 12, breakLength: 110, compact: 3, sorted: false })

/** One value: its tag if it has one, then the rest. */
export const show = (value: unknown): string => {
  if (!Predicate.hasProperty(value, "_tag") || typeof value._tag !== "string") return inspected(value)
  const fields = fieldsOf(value as object)
  return Object.keys(fields).length === 0 ? value._tag : `${value._tag} ${inspected(fields)}`
}

/** Several values, one below the other. */
export const showAll = (values: ReadonlyArray<unknown>, none: string): string =>
  values.length === 0 ? none : values.map(show).join("\n")

/** Labelled paragraphs, labels in a column of their own. */
export const layOut = (rows: ReadonlyArray<readonly [label: string, text: string]>): string => {
  const width = Math.max(...rows.map(([label]) => label.length)) + 2
  return rows
    .map(([label, text]) => `  ${label.padEnd(width)}${text.replaceAll("\n", `\n  ${" ".repeat(width)}`)}`)
    .join("\n")
}
