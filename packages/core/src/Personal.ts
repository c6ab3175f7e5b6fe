/**
 * Personal data as it is everywhere but at the edge: an opaque token, sealed under a key of the person whom it is about.
 *
 * A value is sealed when the command that brings it comes in, and opened where it is shown; commands, events, states, messages
 * and read models carry the token. So a person is erased by destroying a key, and no domain, journal or projection knows about
 * it. Used by the schemas of services, and by `SubjectKeys`, which seals and opens.
 *
 * A personal field is declared `Schema.NullOr(personal.token)`: what was erased may be taken out where it can be.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import { Token } from "./PersonalToken.ts"
import {
  type PersonalDataUnreadable,
  type SubjectErased,
  SubjectKeys,
  type SubjectKeysUnavailable
} from "./SubjectKeys.ts"

const annotation = "daybook/personal"

/** Something personal that a service keeps: the schema of its token, and the way in and out. */
export interface Personal<A> {
  /** Its stored form: what fields of commands, events, states and messages are declared as. Clear text does not pass. */
  readonly token: typeof Token
  /** Seals a value under the key of a subject, which is made if it has none. The same value gives the same token. */
  readonly seal: (
    subject: string,
    value: A
  ) => Effect.Effect<Token, SubjectErased | SubjectKeysUnavailable | PersonalDataUnreadable, SubjectKeys>
  /** The value of a token; none when its subject has been erased. */
  readonly open: (
    token: Token
  ) => Effect.Effect<Option.Option<A>, SubjectKeysUnavailable | PersonalDataUnreadable, SubjectKeys>
}

/**
 * Declares something personal: what it is called where personal fields are listed, and its schema.
 *
 * @example
 * const recipient = Personal.make("the recipient of an order", Recipient)
 * const Command = Schema.TaggedUnion({ SubmitOrder: { recipient: Schema.NullOr(recipient.token) } })
 */
export const make = <A>(what: string, schema: Schema.Codec<A, any>): Personal<A> => {
  const json = Schema.fromJsonString(Schema.toCodecJson(schema) as Schema.Codec<A, unknown>)
  const encode = Schema.encodeSync(json)
  const decode = Schema.decodeSync(json)
  return {
    token: Token.annotate({ [annotation]: what }) as typeof Token,
    seal: (subject, value) => Effect.flatMap(SubjectKeys, (keys) => keys.seal(subject, encode(value))),
    open: (token) =>
      Effect.flatMap(SubjectKeys, (keys) =>
        Effect.map(keys.open([token]), (opened) => Option.map(Option.fromNullishOr(opened.get(token)), decode))
      )
  }
}

/** A field that holds personal data. */
export interface Field {
  /** From the root of the schema; `*` stands for any item or key. */
  readonly path: string
  /** What it was declared as. */
  readonly what: string
}

const whatOf = (ast: SchemaAST.AST): string | undefined => SchemaAST.resolveAt<string>(annotation)(ast)

/** The parts of a schema that a value goes through, each with its place. */
const partsOf = (ast: SchemaAST.AST): ReadonlyArray<readonly [name: string, ast: SchemaAST.AST]> => {
  if (SchemaAST.isUnion(ast)) return ast.types.map((type) => ["", type])
  if (SchemaAST.isArrays(ast)) return [...ast.elements, ...ast.rest].map((type) => ["*", type])
  if (!SchemaAST.isObjects(ast)) return []
  return [
    ...ast.propertySignatures.map(({ name, type }) => [String(name), type] as const),
    ...ast.indexSignatures.map(({ type }) => ["*", type] as const)
  ]
}

const collect = (ast: SchemaAST.AST, path: string, seen: ReadonlySet<SchemaAST.AST>): ReadonlyArray<Field> => {
  const what = whatOf(ast)
  if (what !== undefined) return [{ path, what }]
  if (SchemaAST.isSuspend(ast)) return seen.has(ast) ? [] : collect(ast.thunk(), path, new Set([...seen, ast]))
  return partsOf(ast).flatMap(([name, part]) =>
    collect(part, name === "" || path === "" ? `${path}${name}` : `${path}.${name}`, seen)
  )
}

/** The personal fields of a schema, each path once: for documentation, and for a privacy officer. */
export const fieldsOf = (schema: Schema.Top): ReadonlyArray<Field> => {
  const fields = new Map(collect(schema.ast, "", new Set()).map((field) => [field.path, field]))
  return [...fields.values()]
}
