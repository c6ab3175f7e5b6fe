/**
 * What has changed in a contract since it was recorded, and whether those who know the recorded one can live with it.
 *
 * A message stays in topics and inboxes for a while: old code reads new messages, and new code reads old ones. So a version stays
 * as it is but for fields that may be left out and that nobody has to read; any other change is a new version.
 */

import { isDeepStrictEqual } from "node:util"
import type { MessageSchema } from "@daybook/core/AsyncApi"

/** A JSON Schema (draft 2020-12), its definitions in `$defs`. */
export type JsonSchema = Readonly<Record<string, unknown>>

/** A contract as it was recorded: every version of each of its messages that was ever published. */
export type Recorded = Readonly<Record<string, Readonly<Record<string, JsonSchema>>>>

export interface Changes {
  /** What would break someone, a line each. */
  readonly broken: ReadonlyArray<string>
  /** What is new and breaks nobody. */
  readonly added: ReadonlyArray<string>
}

/** A message's schema in the form in which it is recorded. */
export const recordOf = ({ schema: { schema, definitions } }: MessageSchema): JsonSchema =>
  Object.keys(definitions).length === 0 ? schema : { ...schema, $defs: definitions }

/** Says nothing about what is valid. */
const annotations = ["title", "description", "examples", "default", "deprecated", "$comment", "$defs"]
/** Compared part by part. */
const parts = ["properties", "required", "items", "anyOf", "$ref"]

const isObject = (value: unknown): value is JsonSchema =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const without = (schema: JsonSchema, names: ReadonlyArray<string>): JsonSchema =>
  Object.fromEntries(Object.entries(schema).filter(([name]) => !names.includes(name)))

const listOf = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])

/** What has to be the same before the parts are looked at. */
const shapeOf = (schema: JsonSchema): JsonSchema => ({
  ...without(schema, [...annotations, ...parts]),
  // What it is when it is not said.
  additionalProperties: schema.additionalProperties ?? true,
  enum: listOf(schema.enum).toSorted(),
  choices: listOf(schema.anyOf).length,
  isList: schema.items !== undefined
})

const show = (schema: unknown): string => JSON.stringify(schema) ?? "nothing"

/** Compares two versions of one schema, each with the definitions that it refers to. */
class Comparison {
  readonly broken: Array<string> = []
  readonly added: Array<string> = []
  readonly #before: JsonSchema
  readonly #now: JsonSchema
  /** Pairs of references that are being compared, since definitions may refer to themselves. */
  readonly #under = new Set<string>()

  constructor(before: JsonSchema, now: JsonSchema) {
    this.#before = before
    this.#now = now
    this.#compare("", before, now)
  }

  /** A definition's name is nobody's business: what it stands for is compared. */
  #compare(path: string, before: unknown, now: unknown): void {
    if (!isObject(before) || !isObject(now)) {
      if (!isDeepStrictEqual(before, now)) this.#changed(path, before, now)
      return
    }
    const references = before.$ref === undefined && now.$ref === undefined ? undefined : `${before.$ref} ${now.$ref}`
    if (references === undefined) return this.#compareStructure(path, before, now)
    if (this.#under.has(references)) return
    this.#under.add(references)
    this.#compareStructure(path, resolve(before, this.#before), resolve(now, this.#now))
    this.#under.delete(references)
  }

  #compareStructure(path: string, before: JsonSchema, now: JsonSchema): void {
    if (!isDeepStrictEqual(shapeOf(before), shapeOf(now))) {
      return this.#changed(path, without(before, annotations), without(now, annotations))
    }
    this.#compareFields(path, before, now)
    if (before.items !== undefined) this.#compare(`${path}[]`, before.items, now.items)
    listOf(before.anyOf).forEach((choice, i) => {
      this.#compare(path, choice, listOf(now.anyOf)[i])
    })
  }

  #compareFields(path: string, before: JsonSchema, now: JsonSchema): void {
    const [fields, fieldsNow] = [before, now].map(({ properties }) => (isObject(properties) ? properties : {}))
    const [required, requiredNow] = [before, now].map(({ required }) => new Set(listOf(required)))
    for (const name of Object.keys({ ...fields, ...fieldsNow })) {
      const field = path === "" ? name : `${path}.${name}`
      if (!(name in fieldsNow!)) this.broken.push(`field ${field} is gone`)
      else if (!(name in fields!)) {
        if (requiredNow!.has(name)) this.broken.push(`field ${field} is new and required`)
        else this.added.push(`field ${field}, which may be left out`)
      } else {
        if (required!.has(name) && !requiredNow!.has(name)) this.broken.push(`field ${field} may now be left out`)
        if (!required!.has(name) && requiredNow!.has(name)) this.broken.push(`field ${field} is now required`)
        this.#compare(field, fields![name], fieldsNow![name])
      }
    }
  }

  #changed(path: string, before: unknown, now: unknown): void {
    this.broken.push(`${path === "" ? "the data" : `field ${path}`} was ${show(before)} and is ${show(now)}`)
  }
}

const resolve = (schema: JsonSchema, document: JsonSchema): JsonSchema => {
  if (typeof schema.$ref !== "string") return schema
  const name = schema.$ref.replace("#/$defs/", "").replaceAll("~1", "/").replaceAll("~0", "~")
  const found = (document.$defs as Readonly<Record<string, JsonSchema>> | undefined)?.[name]
  if (found === undefined) throw new Error(`${schema.$ref} stands for nothing`)
  return resolve(found, document)
}

/** How one message differs from what is recorded of it. */
const changesOf = (name: string, recorded: Recorded[string], current: MessageSchema | undefined): Changes => {
  const newest = Math.max(...Object.keys(recorded).map(Number))
  if (current === undefined) return { broken: [`${name} is gone`], added: [] }
  const { version } = current
  if (version < newest) return { broken: [`${name} was at version ${newest} and is at ${version}`], added: [] }
  const before = recorded[version]
  if (before === undefined) return { broken: [], added: [`${name}, version ${version}`] }
  const { broken, added } = new Comparison(before, recordOf(current))
  const said = (what: string) => `${name}, version ${version}: ${what}`
  return { broken: broken.map(said), added: added.map(said) }
}

/** How a contract differs from what is recorded of it. */
export const compare = (recorded: Recorded, current: ReadonlyArray<MessageSchema>): Changes => {
  const found = Object.entries(recorded).map(([name, versions]) =>
    changesOf(
      name,
      versions,
      current.find((message) => message.name === name)
    )
  )
  const unheard = current.filter(({ name }) => recorded[name] === undefined)
  return {
    broken: found.flatMap(({ broken }) => broken),
    added: [
      ...found.flatMap(({ added }) => added),
      ...unheard.map(({ name, version }) => `${name}, version ${version}`)
    ]
  }
}

/** The record with what is current added to it. Versions of the past stay. */
export const merge = (recorded: Recorded, current: ReadonlyArray<MessageSchema>): Recorded => {
  const merged: Record<string, Readonly<Record<string, JsonSchema>>> = { ...recorded }
  for (const message of current) {
    merged[message.name] = { ...merged[message.name], [message.version]: recordOf(message) }
  }
  return merged
}
