import { describe, expect, it } from "vitest"
import { atRate } from "../src/FixedRate.ts"
import { Watch } from "../src/lag/Watch.ts"

describe("an onlooker", () => {
  it("tells each who waits when its version, or a later one, can be read", async () => {
    const answers: ReadonlyArray<ReadonlyArray<readonly [string, number]>> = [
      [],
      [["a", 1]],
      [
        ["a", 3],
        ["b", 1]
      ]
    ]
    const asked: Array<ReadonlyArray<string>> = []
    const watch = new Watch(async (ids) => {
      asked.push(ids)
      return new Map(answers[asked.length - 1])
    })
    const seen: Array<string> = []
    const until = async (id: string, version: number) => {
      expect(await watch.until(id, version)).toBeGreaterThanOrEqual(0)
      seen.push(`${id}${version}`)
    }
    await Promise.all([until("a", 1), until("a", 2), until("b", 1)])
    expect(seen).toEqual(["a1", "a2", "b1"])
    expect(asked).toEqual([["a"], ["a", "b"], ["a", "b"]])
  })

  it("asks nothing while nothing is awaited, and goes on afterwards", async () => {
    let looks = 0
    const watch = new Watch(async (ids) => {
      looks++
      return new Map(ids.map((id) => [id, 1]))
    })
    await watch.until("a", 1)
    await watch.until("b", 1)
    expect(looks).toBe(2)
  })

  it("tells everybody who waits when the store cannot be asked", async () => {
    const watch = new Watch(() => Promise.reject(new Error("the store is down")))
    const waits = await Promise.allSettled([watch.until("a", 1), watch.until("b", 1)])
    expect(waits.map(({ status }) => status)).toEqual(["rejected", "rejected"])
  })
})

describe("a fixed rate", () => {
  it("issues every call once, in order, and not before its time", async () => {
    const began = performance.now()
    const early: Array<number> = []
    const issued: Array<number> = []
    await atRate(5_000, 0.02, (nth) => {
      issued.push(nth)
      if (performance.now() - began < nth / 5 - 0.1) early.push(nth)
    })
    expect(issued).toEqual(Array.from({ length: 100 }, (_, nth) => nth))
    expect(early).toEqual([])
  })
})
