/**
 * Sealed personal data as text: what stands for a personal value everywhere but at the edge. Used by `Personal`, whose fields hold
 * it, by `SubjectKeys`, which seals and opens it, and by whoever has to find or redact what is about a person.
 */
import * as Base64Url from "effect/encoding/Base64Url"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

const tokenPattern = /^pd1\.[A-Za-z0-9_-]{2,}\.[1-9][0-9]{0,8}\.[A-Za-z0-9_-]{38,}$/u

/**
 * A sealed value: `pd1.<subject>.<version of the key>.<nonce, ciphertext and tag>`, the parts in base64url. On disk. It has no
 * character that JSON, SQL or a pattern would have to escape, so that it can be found in any text.
 */
export const Token = Schema.String.check(
  // What is refused here may be the very thing that was to be sealed: no message repeats it.
  Schema.isPattern(tokenPattern, { expected: "sealed personal data, not a value in clear" })
).pipe(Schema.brand("PersonalToken"))

/** A sealed value. */
export type Token = typeof Token.Type

/** What a token says in clear. */
export interface Header {
  /** Whose data it is. */
  readonly subject: string
  /** The version of the subject's key. */
  readonly version: number
}

/** How all tokens of a subject begin, and none of another's. */
export const prefixOf = (subject: string): string => `pd1.${Base64Url.encode(subject)}.`

/** The part of a token that is in clear, and is authenticated with the rest. */
export const headerTextOf = ({ subject, version }: Header): string => `${prefixOf(subject)}${version}`

/** A token of its parts. */
export const tokenOf = (header: Header, sealed: Uint8Array): Token =>
  `${headerTextOf(header)}.${Base64Url.encode(sealed)}` as Token

/** The parts of a token; `undefined` where it names no subject. */
export const parse = (token: Token): (Header & { readonly sealed: Uint8Array }) | undefined => {
  const [, subject, version, sealed] = token.split(".")
  const name = Base64Url.decodeString(subject ?? "")
  const bytes = Base64Url.decode(sealed ?? "")
  if (Result.isFailure(name) || Result.isFailure(bytes)) return undefined
  return { subject: name.success, version: Number(version), sealed: bytes.success }
}

/** Whose data a token is. */
export const subjectOf = (token: Token): string | undefined => parse(token)?.subject

/** Matches the tokens of a subject within any text, as a regular expression that JavaScript and PostgreSQL understand. */
export const patternOf = (subject: string): string =>
  `${prefixOf(subject).replaceAll(".", "\\.")}[0-9]+\\.[A-Za-z0-9_-]+`
