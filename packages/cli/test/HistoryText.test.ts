/** What whoever reads a history on a terminal relies on: short lines that say what was and what is, and nothing that a terminal obeys. */
import { patchOf } from "@daybook/core/Patch"
import { describe, expect, it } from "vitest"
import { differenceText, stateText, versionsText } from "../src/HistoryText.ts"

const at = Date.UTC(2011, 2, 31, 9)

const version = (number: number, given: { readonly actor?: string; readonly reason?: string } = {}) => ({
  version: number,
  eventId: `event-${number}`,
  type: "OrderConfirmed",
  schemaVersion: 1,
  occurredAtMillis: at,
  recordedAtMillis: at + 1,
  actor: null,
  reason: null,
  commandId: null,
  correlationId: null,
  causationId: null,
  ...given
})

/** What is said of a document that becomes others, one after the other. */
const differences = (documents: ReadonlyArray<object>, next: number | null = null) => {
  const changes = documents.slice(1).map((after, i) => ({ ...version(i + 1), patch: patchOf(documents[i], after) }))
  return differenceText("order-1", documents[0], { changes, next, patch: patchOf(documents[0], documents.at(-1)) })
}

describe("a change", () => {
  it("says what was there, and what is there now", () => {
    const before = { status: "pending", backing: null, "a/b": [1, 2], old: { x: 1 } }
    const after = { status: "confirmed", backing: { id: "p" }, "a/b": [1], added: true }
    expect(differences([before, after]).split("\n").slice(2)).toEqual([
      "version 1  OrderConfirmed  2011-03-31T09:00:00.000Z",
      '  replace /status "pending" → "confirmed"',
      '  replace /backing null → {"id":"p"}',
      "  remove /a~1b/1 2",
      '  remove /old {"x":1}',
      "  add /added true"
    ])
  })

  it("is told from the state after the one before it", () => {
    const lines = differences([{ list: [] }, { list: ["a"] }, { list: ["a", "b"] }, { list: ["b"] }]).split("\n")
    expect(lines.filter((line) => line.startsWith("  "))).toEqual([
      '  add /list/0 "a"',
      '  add /list/1 "b"',
      '  remove /list/0 "a"',
      '  add /list/0 "b"'
    ])
  })

  it("that changed nothing says so, and so does a difference without any", () => {
    expect(differences([{ a: 1 }, { a: 1 }])).toContain("  nothing of the state")
    expect(differences([{ a: 1 }])).toBe("order-1\n\nNothing happened between them.")
  })

  it("of a long value shows its beginning", () => {
    const [line] = differences([{}, { note: "x".repeat(500) }])
      .split("\n")
      .filter((one) => one.startsWith("  add"))
    expect(line!.length).toBeLessThan(150)
    expect(line).toMatch(/x …$/)
  })

  it("of a list that goes on is summed up all the same", () => {
    const text = differences([{ a: 1 }, { a: 2 }], 1)
    expect(text).toContain("These are the first 1 changes; see more with --limit.")
    expect(text).toContain("altogether\n  replace /a 1 → 2")
  })
})

describe("what others have written", () => {
  const nasty = "\u001b[2J\u0007\u009bx"

  it("reaches no terminal as it is", () => {
    const said = { actor: nasty, reason: nasty }
    const texts = [
      stateText(nasty, { version: 1, last: version(1, said), leftOut: [] }, { note: nasty }),
      versionsText({ stream: nasty, newestVersion: 9, firstVersion: 1, versions: [version(1, said)], next: 1 }),
      differenceText(
        nasty,
        {},
        { changes: [{ ...version(1, said), patch: patchOf({}, { [nasty]: nasty }) }], next: null, patch: [] }
      )
    ]
    for (const text of texts) expect(text).not.toMatch(/[^\P{Cc}\n]/u)
  })
})

describe("a list of versions", () => {
  const list = { stream: "order-1", newestVersion: 9, firstVersion: 5, versions: [version(5)], next: null }

  it("says from which one on they are kept", () => {
    expect(versionsText(list)).toContain("The events of versions before 5 are not kept any more.")
    expect(versionsText({ ...list, firstVersion: 1 })).not.toContain("kept")
  })

  it("says which ones are missing in it, also at the beginning of a page, and what tells why", () => {
    const some = (...numbers: ReadonlyArray<number>) => ({
      ...list,
      firstVersion: 1,
      versions: numbers.map((n) => version(n))
    })
    expect(versionsText(some(1, 2, 4, 5, 9))).toContain(
      "Missing, since their events are not in the journal any more: version 3, 6 to 8. npx daybook audit verify tells"
    )
    expect(versionsText(some(9), 7)).toContain("any more: version 8.")
    expect(versionsText(some(8, 9), 7)).not.toContain("Missing")
    // Those before the first that is kept are told of by themselves.
    expect(versionsText({ ...some(5, 6), firstVersion: 5 })).not.toContain("Missing")
  })

  it("that has come to its end says so", () => {
    expect(versionsText({ ...list, firstVersion: 1, versions: [] })).toBe(
      "order-1 has no later version: its newest is 9."
    )
  })
})

describe("a state", () => {
  it("says what is not in it", () => {
    const text = stateText("order-1", { version: 4, last: null, leftOut: [2, 3] }, {})
    expect(text).toBe("order-1 at version 4. Not in it, since they occurred later: version 2, 3.\n\n{}")
  })
})
