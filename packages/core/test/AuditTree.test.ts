/** What an auditor relies on: each entry of a conversation stands under what it follows from, once, whatever the ids say. */

import { conversationOf, type Entry, ofRejected } from "@daybook/core/AuditTrail"
import { missingCauses, type Node, treesOf } from "@daybook/core/AuditTree"
import type { RejectedCommand } from "@daybook/core/RejectedCommands"
import { nothingKnown } from "@daybook/testkit/Metadata"
import * as FastCheck from "fast-check"
import { assert, describe, it } from "vitest"

/** An event id that reads as a number. */
const id = (n: number): string => `00000000-0000-7000-8000-${String(n).padStart(12, "0")}`

const entry = (n: number, causationId: string | null, given: Partial<Entry> = {}): Entry => ({
  service: "cart",
  outcome: "accepted",
  id: id(n),
  stream: `stream-${n}`,
  type: `Event${n}`,
  recordedAtMillis: n * 10,
  occurredAtMillis: n * 10,
  data: {},
  version: 1,
  partition: 0,
  position: n,
  schemaVersion: 1,
  rejection: null,
  message: null,
  expectedVersion: null,
  ...nothingKnown,
  correlationId: "talk",
  causationId,
  ...given
})

/** The trees as numbers within numbers. */
const shape = (nodes: ReadonlyArray<Node>): ReadonlyArray<unknown> =>
  nodes.map((node) => [node.entry.type, ...shape(node.effects)])

const sizeOf = (nodes: ReadonlyArray<Node>): number => nodes.reduce((sum, { effects }) => sum + 1 + sizeOf(effects), 0)

describe("an entry stands under what it follows from:", () => {
  it("an event that its command names", () => {
    const trees = treesOf([entry(1, null), entry(2, id(1)), entry(3, id(1)), entry(4, id(2))])
    assert.deepStrictEqual(shape(trees), [["Event1", ["Event2", ["Event4"]], ["Event3"]]])
  })

  it("an event that was published as several messages", () => {
    const trees = treesOf([entry(1, null), entry(2, `${id(1)}-1`), entry(3, `${id(1)}-2`)])
    assert.deepStrictEqual(shape(trees), [["Event1", ["Event2"], ["Event3"]]])
  })

  it("what the receiver of a command did, where its answer is what came", () => {
    const saga = { stream: "checkout-o" }
    const trees = treesOf([
      entry(1, null, saga),
      entry(2, id(1), { stream: "order-o" }),
      entry(3, id(1), { stream: "order-o", version: 2 }),
      entry(4, `${id(1)}/Done`, saga)
    ])
    assert.deepStrictEqual(shape(trees), [["Event1", ["Event2"], ["Event3", ["Event4"]]]])
  })

  it("the command that was refused, where the answer says so", () => {
    const refused = { outcome: "rejected", stream: "order-o", version: null } as const
    const trees = treesOf([entry(1, null), entry(2, id(1), refused), entry(3, `${id(1)}/Refused`)])
    assert.deepStrictEqual(shape(trees), [["Event1", ["Event2", ["Event3"]]]])
  })

  it("the command itself, where its receiver had nothing to do", () => {
    const trees = treesOf([entry(1, null), entry(2, `${id(1)}/Done`)])
    assert.deepStrictEqual(shape(trees), [["Event1", ["Event2"]]])
  })

  it("and not what the receiver did later, to the same command sent again", () => {
    const trees = treesOf([entry(1, null), entry(2, `${id(1)}/Done`), entry(3, id(1))])
    assert.deepStrictEqual(shape(trees), [["Event1", ["Event2"], ["Event3"]]])
  })

  it("with how long after that", () => {
    const [root] = treesOf([entry(1, null), entry(4, id(1))])
    assert.strictEqual(root!.afterMillis, null)
    assert.strictEqual(root!.effects[0]!.afterMillis, 30)
  })
})

describe("what nothing here caused", () => {
  it("is a root, the oldest first", () => {
    const trees = treesOf([entry(3, null), entry(1, "a webhook's id"), entry(2, id(9))])
    assert.deepStrictEqual(shape(trees), [["Event1"], ["Event2"], ["Event3"]])
  })

  it("is named, so that it can be looked for elsewhere", () => {
    const entries = [entry(1, `${id(8)}-2`), entry(2, id(1)), entry(3, `${id(9)}/Done`)]
    assert.deepStrictEqual(missingCauses(entries), [id(8), id(9)])
  })

  it("stays in one place where ids go round in a circle", () => {
    const trees = treesOf([entry(1, id(2)), entry(2, id(1)), entry(3, id(2)), entry(4, id(4))])
    assert.strictEqual(sizeOf(trees), 4)
  })
})

it("events of one command stand in the order of their versions, also within a millisecond", () => {
  const same = { stream: "order-o", recordedAtMillis: 5 }
  const trees = treesOf([entry(2, null, { ...same, version: 1 }), entry(1, null, { ...same, version: 2 })])
  assert.deepStrictEqual(shape(trees), [["Event2"], ["Event1"]])
})

it("every entry is somewhere, once, whatever causes what", () => {
  const causes = FastCheck.array(FastCheck.option(FastCheck.integer({ min: 0, max: 12 })), { maxLength: 12 })
  FastCheck.assert(
    FastCheck.property(causes, FastCheck.boolean(), (all, isAnswer) => {
      const entries = all.map((cause, n) => entry(n, cause === null ? null : `${id(cause)}${isAnswer ? "/Done" : ""}`))
      assert.strictEqual(sizeOf(treesOf(entries)), entries.length)
    })
  )
})

describe("an entry", () => {
  const rejected: RejectedCommand = {
    rejectionId: id(1),
    stream: "order-o",
    command: "CancelOrder",
    data: '{"_tag":"CancelOrder"}',
    isDataCut: false,
    rejection: "OrderClosed",
    message: "too late",
    expectedVersion: 3,
    recordedAtMillis: 1,
    occurredAtMillis: 1,
    ...nothingKnown,
    actor: "ann",
    commandId: "c-1"
  }

  it("of a rejected command has its data, or the beginning of it where that is all there is", () => {
    assert.deepStrictEqual(ofRejected("order", rejected).data, { _tag: "CancelOrder" })
    assert.strictEqual(ofRejected("order", { ...rejected, data: '{"_tag":"Can', isDataCut: true }).data, '{"_tag":"Can')
  })

  it("belongs to the conversation that its sender named, else to its command, else to itself", () => {
    assert.strictEqual(conversationOf(entry(1, null, { commandId: "c-1" })), "talk")
    assert.strictEqual(conversationOf(ofRejected("order", rejected)), "c-1")
    assert.strictEqual(conversationOf(entry(1, null, { correlationId: null })), id(1))
  })
})
