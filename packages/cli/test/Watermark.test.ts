/**
 * The watermark never passes a line that is under way, and is never further back than it has to be.
 */
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Watermark } from "../src/online-retail/Watermark.ts"

describe("the watermark of a file", () => {
  it("is where an earlier run came to, until a line is read", () => {
    const mark = new Watermark(17)
    expect(mark.done).toBe(17)
    expect(mark.idle).toBe(true)
  })

  it("is the last line before the first that is under way, in whatever order they end", () => {
    const action = fc.oneof(
      { weight: 3, arbitrary: fc.constant("begin" as const) },
      { weight: 1, arbitrary: fc.constant("pass" as const) },
      { weight: 3, arbitrary: fc.nat(1_000).map((pick) => ({ pick })) }
    )
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
        const mark = new Watermark(1)
        const underWay: Array<number> = []
        let read = 1
        for (const step of actions) {
          if (step === "begin") {
            mark.begin(++read)
            underWay.push(read)
          } else if (step === "pass") {
            mark.pass(++read)
          } else if (underWay.length > 0) {
            mark.end(underWay.splice(step.pick % underWay.length, 1)[0]!)
          }
          expect(mark.done).toBe(underWay.length === 0 ? read : Math.min(...underWay) - 1)
          expect(mark.idle).toBe(underWay.length === 0)
        }
      })
    )
  })
})
