/** What someone who keeps a patch relies on: it leads from the one value to the other, in whatever program, and says no more than needed. */
import { patchOf } from "@daybook/core/Patch"
import * as JsonPatch from "effect/JsonPatch"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"

type Json = Parameters<typeof JsonPatch.apply>[1]

const json = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>
const list = fc.array(fc.constantFrom<Json>("a", "b", "c", { d: 1 }, { d: 2 }), { maxLength: 8 })

const leads = (before: Json, after: Json) => {
  expect(JsonPatch.apply(patchOf(before, after), before)).toEqual(after)
}

describe("a patch", () => {
  it("leads from the one value to the other, whatever they are", () => {
    fc.assert(fc.property(json, json, leads))
  })

  it("leads from one list to another, whatever they share", () => {
    fc.assert(fc.property(list, list, leads), { numRuns: 1_000 })
  })

  it("leads from a list to what is left of it, with more in front, within and behind", () => {
    fc.assert(
      fc.property(list, list, list, fc.nat(8), fc.nat(8), (before, more, other, i, j) => {
        leads(before, before.slice(i))
        leads(before, [...before.slice(i), ...more])
        leads([...more, ...before], [...other, ...before])
        leads(before, [...before.slice(0, i), ...more, ...before.slice(j)])
      }),
      { numRuns: 500 }
    )
  })

  it("of what is the same is empty", () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(patchOf(value, structuredClone(value))).toEqual([])
      })
    )
  })

  it.each([
    ["what was replaced", { a: 1, b: [1, 2] }, { a: 2, b: [1, 3] }, ["replace /a 2", "replace /b/1 3"]],
    ["what came and went", { a: 1 }, { b: { c: null } }, ["remove /a", 'add /b {"c":null}']],
    ["names with the signs of pointers", { "a/b": 1, "c~d": 1 }, { "a/b": 2 }, ["replace /a~1b 2", "remove /c~0d"]],
    ["another kind of value", { a: [] }, { a: {} }, ["replace /a {}"]],
    ["a value as a whole", 1, "1", ['replace  "1"']],
    ["the end of a list", ["a"], ["a", "b", "c"], ['add /1 "b"', 'add /2 "c"']],
    ["the beginning of a list", ["b", "c"], ["a", "b", "c"], ['add /0 "a"']],
    ["what left the middle of a list", ["a", "b", "c"], ["a", "c"], ["remove /1"]],
    ["a list of the newest so many", ["a", "b", "c", "d"], ["b", "c", "d", "e"], ['add /4 "e"', "remove /0"]],
    ["a part of an element", [{ n: 1, q: 1 }, { n: 2 }], [{ n: 1, q: 2 }, { n: 2 }], ["replace /0/q 2"]]
  ] as ReadonlyArray<[string, Json, Json, ReadonlyArray<string>]>)("says %s", (_, before, after, said) => {
    const operations = patchOf(before, after).map((one) =>
      [one.op, one.path, ...("value" in one ? [JSON.stringify(one.value)] : [])].join(" ")
    )
    expect(operations).toEqual(said)
    leads(before, after)
  })
})
