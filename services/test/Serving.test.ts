/**
 * What a caller who sends a request again relies on: the ids that we make are the same again, and fit everywhere.
 */
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { defaultLimit } from "../src/Http.ts"
import { makeId, page } from "../src/Serving.ts"

const given = (commandId: string | undefined) => ({ commandId })

describe("an id that we make", () => {
  it("is the same for the same key and purpose, another for another, and never longer than an id may be", () => {
    const key = fc.string({ minLength: 1, maxLength: 200 })
    fc.assert(
      fc.property(key, key, (one, other) => {
        expect(makeId(given(one), "cart")).toBe(makeId(given(one), "cart"))
        expect(makeId(given(one), "cart")).toMatch(/^[\w-]{22}$/u)
        expect(makeId(given(one), "cart")).not.toBe(makeId(given(one), "line"))
        if (one !== other) expect(makeId(given(one))).not.toBe(makeId(given(other)))
        expect(makeId(given("c"), "a", "b")).not.toBe(makeId(given("c"), "ab"))
      })
    )
  })

  it("is a new one each time where no key is given", () => {
    expect(makeId(given(undefined))).not.toBe(makeId(given(undefined)))
  })
})

describe("a page", () => {
  it("is of so many unless told otherwise", () => {
    expect(page({})).toEqual({ limit: defaultLimit, after: undefined })
    expect(page({ limit: 3, after: "a" })).toEqual({ limit: 3, after: "a" })
  })
})
