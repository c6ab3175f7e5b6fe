/**
 * What a person may see of something that concerns them: their own data opened, and nothing of anybody else, who may be named in the
 * same event where a checkout was refused because it mixed two people up. Used by `daybook subject export`.
 */
import { subjectOf, type Token, Token as TokenSchema } from "@daybook/core/PersonalToken"
import * as Schema from "effect/Schema"

/** What stands for data that nobody can open any more. */
const erased = { erased: true }

/** What stands for personal data of somebody else. */
export const sealedForAnother = "sealed for somebody else"

/** What stands for anything else of somebody else. */
export const ofAnother = "somebody else's"

const isToken = Schema.is(TokenSchema)

type Fields = Readonly<Record<string, unknown>>

const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null

/** Whom a field names: as whose something is, or as whose sealed data it holds. */
const namedBy = (key: string, item: unknown): string | undefined => {
  if (isToken(item)) return subjectOf(item)
  return (key === "customerId" || key === "customer_id") && typeof item === "string" ? item : undefined
}

const namesAnotherItself = (value: Fields, subject: string): boolean =>
  Object.entries(value).some(([key, item]) => {
    const named = namedBy(key, item)
    return named !== undefined && named !== subject
  })

/** Whether somebody else is named anywhere in a value. */
export const namesAnother = (value: unknown, subject: string): boolean =>
  isFields(value) &&
  (namesAnotherItself(value, subject) || Object.values(value).some((item) => namesAnother(item, subject)))

/** The tokens in a value that are sealed for the subject. */
export const tokensOf = (value: unknown, subject: string): ReadonlyArray<Token> => {
  if (isToken(value)) return subjectOf(value) === subject ? [value] : []
  return isFields(value) ? Object.values(value).flatMap((item) => tokensOf(item, subject)) : []
}

/**
 * The value as the subject may see it. Fields beside the name or the data of somebody else are that person's too; only what is named as
 * the subject's own among them is shown.
 */
export const shown = (value: unknown, subject: string, texts: ReadonlyMap<Token, string>): unknown => {
  if (isToken(value)) {
    if (subjectOf(value) !== subject) return sealedForAnother
    const text = texts.get(value)
    return text === undefined ? erased : JSON.parse(text)
  }
  if (Array.isArray(value)) return value.map((item) => shown(item, subject, texts))
  if (!isFields(value)) return value
  const isAnothers = namesAnotherItself(value, subject)
  const entries = Object.entries(value).map(([key, item]) => {
    const hide = isAnothers && key !== "_tag" && !isToken(item) && namedBy(key, item) !== subject
    return [key, hide ? ofAnother : shown(item, subject, texts)]
  })
  return Object.fromEntries(entries)
}

const customers = /"customerId"\s*:\s*("(?:[^"\\]|\\.)*")/gu
const tokens = /pd1\.[A-Za-z0-9_-]+\.[0-9]+\.[A-Za-z0-9_-]+/gu

const namesAnotherInText = (text: string, subject: string): boolean =>
  [...text.matchAll(customers)].some(([, name]) => name !== JSON.stringify(subject)) ||
  (text.match(tokens) ?? []).some((token) => subjectOf(token as Token) !== subject)

/** JSON that is kept as text. Where it is cut, it is left as it is, unless it names somebody else. */
export const parsed = (text: string, subject: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return namesAnotherInText(text, subject) ? ofAnother : text
  }
}
