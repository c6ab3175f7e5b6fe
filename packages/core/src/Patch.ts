/**
 * The JSON Patch (RFC 6902) from one JSON value to another, for people to read. Used by `Difference.ts`; `JsonPatch.apply` of Effect
 * carries it out.
 *
 * Effect's own `JsonPatch.get` compares lists place by place, so that a list which lost its first element is a list of which every
 * element was replaced. States have such lists, the newest so many of something. Here what stayed at either end of a list, and what
 * moved up together, is not mentioned.
 */
import type { JsonPatch, JsonPatchOperation } from "effect/JsonPatch"
import { escapeToken } from "effect/JsonPointer"

type Operations = Array<JsonPatchOperation>
type Value = Extract<JsonPatchOperation, { readonly op: "add" }>["value"]

/** A part of a list that became another: from `i0` up to `i1` before, and from `j0` up to `j1` afterwards. */
interface Gap {
  readonly i0: number
  readonly i1: number
  readonly j0: number
  readonly j1: number
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** How many elements two lists share from their beginning. */
const common = (a: ReadonlyArray<string>, b: ReadonlyArray<string>): number => {
  const length = Math.min(a.length, b.length)
  const differs = a.findIndex((text, i) => i >= length || text !== b[i])
  return differs === -1 ? length : differs
}

/** How many elements went from the beginning of a list while all others moved up; 0 where that is not what happened. */
const shift = (a: ReadonlyArray<string>, b: ReadonlyArray<string>): number => {
  const first = b[0] === undefined ? -1 : a.indexOf(b[0])
  if (first <= 0) return 0
  const moved = a.slice(first)
  return common(moved, b) === moved.length ? first : 0
}

/** What of a list became something else, from its beginning to its end. */
const gapsOf = (before: ReadonlyArray<unknown>, after: ReadonlyArray<unknown>): ReadonlyArray<Gap> => {
  const a = before.map((element) => JSON.stringify(element))
  const b = after.map((element) => JSON.stringify(element))
  const start = common(a, b)
  const end = common(a.slice(start).reverse(), b.slice(start).reverse())
  const [aEnd, bEnd] = [a.length - end, b.length - end]
  const gone = shift(a.slice(start, aEnd), b.slice(start, bEnd))
  const kept = aEnd - start - gone
  return gone === 0
    ? [{ i0: start, i1: aEnd, j0: start, j1: bEnd }]
    : [
        { i0: start, i1: start + gone, j0: start, j1: start },
        { i0: aEnd, i1: aEnd, j0: start + kept, j1: bEnd }
      ]
}

/** From the end to the beginning, so that the places before stay what they are. */
const lists = (
  before: ReadonlyArray<unknown>,
  after: ReadonlyArray<unknown>,
  path: string,
  found: Operations
): void => {
  for (const { i0, i1, j0, j1 } of gapsOf(before, after).toReversed()) {
    const both = Math.min(i1 - i0, j1 - j0)
    for (let i = i1 - 1; i >= i0 + both; i--) found.push({ op: "remove", path: `${path}/${i}` })
    for (let k = 0; k < both; k++) compare(before[i0 + k], after[j0 + k], `${path}/${i0 + k}`, found)
    for (let j = j0 + both; j < j1; j++)
      found.push({ op: "add", path: `${path}/${i0 + j - j0}`, value: after[j] as Value })
  }
}

const objects = (
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
  path: string,
  found: Operations
): void => {
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const at = `${path}/${escapeToken(key)}`
    if (!Object.hasOwn(after, key)) found.push({ op: "remove", path: at })
    else if (!Object.hasOwn(before, key)) found.push({ op: "add", path: at, value: after[key] as Value })
    else compare(before[key], after[key], at, found)
  }
}

function compare(before: unknown, after: unknown, path: string, found: Operations): void {
  if (Object.is(before, after)) return
  if (Array.isArray(before) && Array.isArray(after)) return lists(before, after, path, found)
  if (isObject(before) && isObject(after)) return objects(before, after, path, found)
  found.push({ op: "replace", path, value: after as Value })
}

/** What leads from one JSON value to another; nothing where they are the same. */
export const patchOf = (before: unknown, after: unknown): JsonPatch => {
  const found: Operations = []
  compare(before, after, "", found)
  return found
}
