/** What someone who asks about the past relies on: their instant is understood as they wrote it, or refused. */
import * as Instant from "@daybook/core/Instant"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"

const at = Date.UTC(2011, 2, 31, 22, 59, 59)

describe("an instant", () => {
  it.each([
    ["2011-03-31T22:59:59Z", at],
    ["2011-03-31t22:59:59z", at],
    ["2011-03-31T23:59:59+01:00", at],
    ["2011-03-31T17:29:59-05:30", at],
    ["2011-03-31T22:59:59.25Z", at + 250],
    ["2011-03-31T22:59:59.123999Z", at + 123],
    ["2012-02-29T00:00:00Z", Date.UTC(2012, 1, 29)],
    ["1969-12-31T23:59:59Z", -1_000]
  ])("%s is understood", (text, millis) => {
    expect(Instant.parse(text)).toBe(millis)
  })

  it.each([
    "2011-03-31",
    "2011-03-31T22:59:59",
    "2011-03-31T22:59Z",
    "2011-03-31 22:59:59Z",
    "2011-03-31T22:59:59 01:00",
    "2011-02-29T00:00:00Z",
    "2011-02-31T00:00:00Z",
    "2011-13-01T00:00:00Z",
    "2011-03-00T00:00:00Z",
    "2011-03-31T24:00:00Z",
    "2011-03-31T22:60:00Z",
    "2011-03-31T22:59:60Z",
    "2011-03-31T22:59:59+24:00",
    "2011-03-31T22:59:59+01:60",
    "2011-03-31T22:59:59.Z",
    "20110331T225959Z",
    "yesterday",
    "1301612399000",
    ""
  ])("%j is refused", (text) => {
    expect(Instant.parse(text)).toBeUndefined()
  })

  it("that we write is the same when it is read", () => {
    fc.assert(
      fc.property(
        fc.date({ noInvalidDate: true, min: new Date("0001-01-01"), max: new Date("9999-12-31") }),
        (date) => {
          expect(Instant.parse(Instant.format(date.getTime()))).toBe(date.getTime())
        }
      )
    )
  })
})
