/**
 * Schemas with a history: what goes to disk or to others under a name and a version, and is read for as long as it is kept.
 *
 * A record of names to fields declares tagged values; a changed shape is a new version with an upcaster from each earlier one.
 * Events (`Event.define`) and messages between services (`Contract.define`) are both made of it.
 */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as SchemaJITCompiler from "effect/schema/SchemaJITCompiler"

type Json = any

/** Raises data of one schema version to the next. Pure; sees and returns the encoded (JSON) form. */
export type Upcaster = (data: Json) => Json

type CountTo<N extends number, Counted extends ReadonlyArray<unknown>, Below = never> = Counted["length"] extends N
  ? Below
  : CountTo<N, readonly [...Counted, unknown], Below | Counted["length"]>

/** The versions before `N`: `Before<3>` is `1 | 2`. */
export type Before<N extends number> = CountTo<N, readonly [unknown]>

/**
 * The upcasters of fields at version `N`: one from each version before it. The index signature tells the compiler what an
 * upcaster's argument is before it knows `N`; the last part takes back what it would allow.
 */
export type Upcasters<N extends number> = { readonly [from: number]: Upcaster } & {
  readonly [K in Before<N>]: Upcaster
} & { readonly [K in Exclude<Before<50>, Before<N>>]?: never }

/** The newest version that a name has, or had, and the way there from each earlier one. */
export interface History<N extends number = number> {
  readonly version: N
  readonly upcasters: { readonly [from: number]: Upcaster }
}

/** Fields that have changed since version 1. */
export interface Versioned<Fields extends Schema.Struct.Fields, N extends number = number> extends History<N> {
  readonly "~daybook/versioned": true
  readonly fields: Fields
}

/**
 * Declares fields at schema version `version`, with one upcaster from each earlier version to the one after it.
 * A missing upcaster, or one from a version that is not in the past, does not compile.
 */
export const versioned = <const N extends number, const Fields extends Schema.Struct.Fields>(
  version: N,
  fields: Fields,
  upcasters: Upcasters<N>
): Versioned<Fields, N> => ({ "~daybook/versioned": true, version, fields, upcasters })

/** A record of names to fields, or to `versioned` fields. */
export type Definitions = { readonly [name: string]: Schema.Struct.Fields | Versioned<Schema.Struct.Fields> }

type FieldsOf<D> = D extends Versioned<infer F> ? F : D extends Schema.Struct.Fields ? D : never

/** The union of the values that a record of definitions declares, told apart by `_tag`. */
export type ValueOf<D extends Definitions> = {
  readonly [K in keyof D & string]: { readonly _tag: K } & Schema.Struct.Type<FieldsOf<D[K]>>
}[keyof D & string]

/** A value in its stored form: name, version, JSON. */
export interface Encoded {
  readonly type: string
  readonly schemaVersion: number
  readonly data: unknown
}

/** The way of declared values out and back. */
export interface Codecs<Value extends { readonly _tag: string }> {
  /** Names, in the order of declaration. */
  readonly names: ReadonlyArray<Value["_tag"]>
  /** The current version of a name, or `undefined` when the name is unknown. */
  readonly schemaVersion: (name: string) => number | undefined
  /** Throws `Schema.SchemaError` when the value does not fit its schema. */
  readonly encode: (value: Value) => Encoded
  /** Throws an `Error` that says why no schema or upcaster understands it. */
  readonly decode: (encoded: Encoded) => Value
}

interface Codec extends History {
  readonly encode: (event: unknown) => unknown
  readonly decode: (data: unknown) => Record<string, unknown>
}

export const isVersioned = (definition: object): definition is Versioned<Schema.Struct.Fields> =>
  "~daybook/versioned" in definition

/** Throws where a version is none, or an upcaster is missing or leads nowhere. What the compiler did not see. */
export const checkHistory = (name: string, { version, upcasters }: History): void => {
  if (!Number.isInteger(version) || version < 1) {
    throw new Error(`${name}: schema version ${version} is not a whole number of at least 1`)
  }
  const from = Object.keys(upcasters).map(Number)
  const missing = Array.from({ length: version - 1 }, (_, i) => i + 1).filter((v) => !from.includes(v))
  const extra = from.filter((v) => v >= version || v < 1)
  if (missing.length > 0) throw new Error(`${name}: add an upcaster from schema version ${missing.join(", ")}`)
  if (extra.length > 0) {
    throw new Error(
      `${name}: the upcaster from version ${extra.join(", ")} is not of a past version (current: ${version})`
    )
  }
}

const codecOf = (name: string, definition: Definitions[string]): Codec => {
  const current = isVersioned(definition) ? definition : versioned(1, definition, {} as never)
  checkHistory(name, current)
  return { version: current.version, upcasters: current.upcasters, ...fieldsCodec(current.fields) }
}

/** The way of fields out and back. Both ways give a new object, so that neither side can change the other's. */
const fieldsCodec = (fields: Schema.Struct.Fields): Pick<Codec, "encode" | "decode"> => {
  // A struct without fields lets every value pass as it is: `_tag` would be stored, and what is stored be tagged.
  if (Object.keys(fields).length === 0) return { encode: () => ({}), decode: decodeEmpty }
  const schema = Schema.toCodecJson(Schema.Struct(fields)) as unknown as Schema.Codec<Record<string, unknown>, unknown>
  // Both ways are compiled at their first use: a third of the time. Where that is forbidden, they are interpreted.
  SchemaJITCompiler.enable(schema.ast)
  SchemaJITCompiler.enable(SchemaAST.flip(schema.ast))
  return { encode: Schema.encodeUnknownSync(schema), decode: Schema.decodeUnknownSync(schema) }
}

const decodeEmpty = (data: unknown): Record<string, unknown> => {
  if (!Predicate.isObject(data)) throw new Error(`Expected an object, not ${JSON.stringify(data)}`)
  return {}
}

/** Raises data to the newest version of its name, step by step. Throws an `Error` that says why it cannot. */
export const raise = ({ version, upcasters }: History, { schemaVersion, data }: Encoded): unknown => {
  if (schemaVersion > version) {
    throw new Error(`this code knows versions up to ${version}; deploy the release that wrote it, or a later one`)
  }
  if (!(schemaVersion >= 1)) throw new Error("schema versions start at 1")
  let current = data
  for (let from = schemaVersion; from < version; from++) current = upcasters[from]!(current)
  return current
}

/** Makes the codecs of a record of definitions. `what` names a member in errors, `where` the place to declare it. */
export const codecsOf = <const D extends Definitions>(
  definitions: D,
  what: string,
  where: string
): Codecs<ValueOf<D>> => {
  const codecs = new Map<string, Codec>()
  for (const [name, definition] of Object.entries(definitions)) codecs.set(name, codecOf(`${what} ${name}`, definition))
  return {
    names: [...codecs.keys()] as never,
    schemaVersion: (name) => codecs.get(name)?.version,
    encode: (value) => {
      const codec = codecs.get(value._tag)
      if (codec === undefined) throw new Error(`${what} ${value._tag} is not declared; add it to ${where}`)
      return { type: value._tag, schemaVersion: codec.version, data: codec.encode(value) }
    },
    decode: (encoded) => {
      const codec = codecs.get(encoded.type)
      if (codec === undefined) throw new Error(`this code has no ${what.toLowerCase()} of that name`)
      const value = codec.decode(raise(codec, encoded))
      value._tag = encoded.type
      return value as never
    }
  }
}
