/** What whoever searches relies on: days are whole days, instants are instants, and what was not said limits nothing. */
import * as Option from "effect/Option"
import { expect, it } from "vitest"
import { type Asked, filterOf } from "../src/AuditFilter.ts"

const nothing: Asked = {
  aggregate: Option.none(),
  stream: Option.none(),
  actor: Option.none(),
  type: Option.none(),
  correlation: Option.none(),
  from: Option.none(),
  to: Option.none(),
  by: "recorded",
  outcome: Option.none()
}

const period = (from: string, to: string) => {
  const { fromMillis, toMillis } = filterOf({ ...nothing, from: Option.some(from), to: Option.some(to) })
  return [fromMillis, toMillis].map((millis) => new Date(millis!).toISOString())
}

it("a day is meant from its beginning to its end", () => {
  expect(period("2011-03-31", "2011-03-31")).toEqual(["2011-03-31T00:00:00.000Z", "2011-04-01T00:00:00.000Z"])
  expect(period("2012-02-28", "2012-02-29")).toEqual(["2012-02-28T00:00:00.000Z", "2012-03-01T00:00:00.000Z"])
})

it("an instant is meant as it is, in its own zone", () => {
  expect(period("2011-03-31T09:30Z", "2011-03-31T12:00:00.500+02:00")).toEqual([
    "2011-03-31T09:30:00.000Z",
    "2011-03-31T10:00:00.500Z"
  ])
})

it("what was not said limits nothing", () => {
  const said = Object.entries(filterOf(nothing)).filter(([, value]) => value !== undefined)
  expect(said).toEqual([["by", "recorded"]])
})

it("what was said is looked for", () => {
  const asked = {
    ...nothing,
    actor: Option.some("ann"),
    outcome: Option.some("rejected" as const),
    by: "occurred" as const
  }
  expect(filterOf(asked)).toMatchObject({ actor: "ann", outcome: "rejected", by: "occurred" })
})
