/** What whoever names a policy relies on: its defaults, and an error for a value that makes no sense. */
import * as Persistence from "@daybook/core/Persistence"
import { describe, expect, it } from "vitest"

const day = 86_400_000

describe("the policies", () => {
  it("keep nothing but the state at level 1", () => {
    expect(Persistence.inline).toEqual({ _tag: "Inline" })
  })

  it("keep events for 7 days after publication at level 2, unless told otherwise", () => {
    expect(Persistence.state()).toEqual({ _tag: "State", every: 200, retainMillis: 7 * day })
    expect(Persistence.state({ retain: "36 hours" }).retainMillis).toBe(1.5 * day)
    expect(Persistence.state({ retain: 0 }).retainMillis).toBe(0)
    expect(Persistence.state({ retain: "Infinity" as never }).retainMillis).toBe(Number.POSITIVE_INFINITY)
  })

  it("refuse to store the state every so many events when that is no number of events", () => {
    for (const every of [0, -1, 1.5, Number.NaN]) expect(() => Persistence.state({ every })).toThrow(/at least 1/)
  })

  it("take a snapshot every 100 events and keep 2 at level 3, unless told otherwise", () => {
    expect(Persistence.events()).toEqual({
      _tag: "Events",
      snapshotEvery: 100,
      keepSnapshots: 2,
      snapshotWhen: undefined
    })
    const closed = (state: { readonly closed: boolean }) => state.closed
    const policy = Persistence.events({ snapshotEvery: 1, keepSnapshots: 5, snapshotWhen: closed })
    expect(policy).toMatchObject({ snapshotEvery: 1, keepSnapshots: 5 })
    expect(policy.snapshotWhen?.({ closed: true }, {})).toBe(true)
  })

  it("may take snapshots only when asked to", () => {
    expect(Persistence.events({ snapshotEvery: Number.POSITIVE_INFINITY }).snapshotEvery).toBe(Number.POSITIVE_INFINITY)
  })

  it.each([0, -1, 0.5, Number.NaN])("refuse %s as a number of events or snapshots", (wrong) => {
    expect(() => Persistence.events({ snapshotEvery: wrong })).toThrow(`snapshotEvery must be at least 1, not ${wrong}`)
    expect(() => Persistence.events({ keepSnapshots: wrong })).toThrow(`keepSnapshots must be at least 1, not ${wrong}`)
  })
})
