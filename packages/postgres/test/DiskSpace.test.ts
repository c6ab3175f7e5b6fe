/**
 * What someone with a full disk relies on: to be told, and to go on once there is room.
 */
import * as DiskSpace from "@daybook/postgres/DiskSpace"
import { assert, describe, it } from "vitest"

describe("an embedded store's watch on its disk", () => {
  it("says nothing while there is room, says why when there is not, and nothing again afterwards", () => {
    let free = DiskSpace.neededBytes
    let millis = 0
    const refusal = DiskSpace.watch(
      "/shop",
      () => free,
      () => millis
    )
    assert.isUndefined(refusal())
    free = DiskSpace.neededBytes - 1
    millis += 1_000
    assert.include(refusal(), "63 MB are free below /shop")
    free = DiskSpace.neededBytes
    millis += 1_000
    assert.isUndefined(refusal())
  })

  it("does not ask the system for every statement", () => {
    let asked = 0
    let millis = 0
    const count = () => {
      asked++
      return Number.MAX_SAFE_INTEGER
    }
    const refusal = DiskSpace.watch("/shop", count, () => millis)
    for (; millis < 100; millis++) refusal()
    assert.strictEqual(asked, 2)
  })

  it("asks a real disk", () => {
    assert.isUndefined(DiskSpace.watch(import.meta.dirname)())
  })
})
