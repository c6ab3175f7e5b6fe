/**
 * Scenarios about receipts: a command id that a stream has carried out is answered with its first outcome, and never
 * carried out again.
 */
import { Journal } from "@daybook/core/Journal"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type Section, scenario } from "../Suite.ts"
import { append, appendTo, commandOn, expectAppended, freshTarget, numbered, store, written } from "./JournalFixture.ts"

const receiptOf = (stream: string, commandId: string) =>
  Effect.gen(function* () {
    return Option.getOrNull(yield* (yield* Journal).receipt(stream, commandId))
  })

const answered = scenario(
  "a receipt names the version after the command and the position of its last event",
  Effect.gen(function* () {
    const journal = yield* Journal
    const target = yield* written(1)
    const { position } = yield* store(commandOn(target, 1, "add", 3))
    const last = (yield* journal.readStream(target.stream)).at(-1)!
    assert.deepStrictEqual([last.position, last.version], [position + 2, 4])
    assert.deepStrictEqual(yield* receiptOf(target.stream, "add"), {
      commandId: "add",
      version: 4,
      position: last.position
    })
  })
)

const unknown = scenario(
  "a command that was not carried out has no receipt, on a known stream and on an unknown one",
  Effect.gen(function* () {
    const target = yield* freshTarget
    assert.isNull(yield* receiptOf(target.stream, "add"))
    yield* store(commandOn(target, 0, "add", 1))
    assert.isNull(yield* receiptOf(target.stream, "remove"))
  })
)

const repeated = scenario(
  "the same command again is answered with its first version and position, whatever version it expects",
  Effect.gen(function* () {
    const journal = yield* Journal
    const target = yield* freshTarget
    const { position } = yield* store(commandOn(target, 0, "add", 2))
    yield* store(appendTo(target, 2, numbered(3, 3)))
    const duplicate = { _tag: "Duplicate", receipts: [{ commandId: "add", version: 2, position: position + 1 }] }
    for (const expected of [3, 0, 2, 99]) {
      assert.deepStrictEqual<unknown>(yield* append(commandOn(target, expected, "add", 2)), duplicate)
    }
    assert.strictEqual(yield* journal.version(target.stream), 3)
  })
)

const withoutEvents = scenario(
  "a command that changed nothing is remembered too, with position 0",
  Effect.gen(function* () {
    const target = yield* written(2)
    const outcome = yield* append(commandOn(target, 2, "nothing", 0))
    assert.deepStrictEqual(outcome, { _tag: "Appended", version: 2, position: 0 })
    const receipt = { commandId: "nothing", version: 2, position: 0 }
    assert.deepStrictEqual(yield* receiptOf(target.stream, "nothing"), receipt)
    yield* store(appendTo(target, 2, numbered(3, 3)))
    assert.deepStrictEqual(yield* append(commandOn(target, 3, "nothing", 1)), {
      _tag: "Duplicate",
      receipts: [receipt]
    })
  })
)

const onUnwrittenStream = scenario(
  "a command that changed nothing on a stream not yet written is remembered, and the stream stays at version 0",
  Effect.gen(function* () {
    const journal = yield* Journal
    const target = yield* freshTarget
    yield* store(commandOn(target, 0, "nothing", 0))
    assert.strictEqual(yield* journal.version(target.stream), 0)
    assert.strictEqual((yield* append(commandOn(target, 0, "nothing", 1)))._tag, "Duplicate")
    yield* store(commandOn(target, 0, "create", 1))
  })
)

const severalInOne = scenario(
  "commands that share an append have a receipt each, one that changed nothing among them",
  Effect.gen(function* () {
    const target = yield* freshTarget
    const events = [
      ...numbered(1, 2, { commandId: "first" }),
      ...numbered(3, 3),
      ...numbered(4, 4, { commandId: "third" })
    ]
    const receipts = [
      { commandId: "first", version: 2 },
      { commandId: "nothing", version: 2 },
      { commandId: "third", version: 4 }
    ]
    const { position } = yield* store(appendTo(target, 0, events, { receipts }))
    assert.deepStrictEqual(yield* receiptOf(target.stream, "first"), { ...receipts[0]!, position: position + 1 })
    assert.deepStrictEqual(yield* receiptOf(target.stream, "nothing"), { ...receipts[1]!, position: 0 })
    assert.deepStrictEqual(yield* receiptOf(target.stream, "third"), { ...receipts[2]!, position: position + 3 })
  })
)

const oneRepeated = scenario(
  "one repeated command has its whole append refused, and the answer names the repeated ones alone",
  Effect.gen(function* () {
    const journal = yield* Journal
    const target = yield* freshTarget
    const { position } = yield* store(commandOn(target, 0, "known", 1))
    const events = [...numbered(2, 2, { commandId: "new" }), ...numbered(3, 3, { commandId: "known" })]
    const receipts = [
      { commandId: "new", version: 2 },
      { commandId: "known", version: 3 }
    ]
    assert.deepStrictEqual(yield* append(appendTo(target, 1, events, { receipts })), {
      _tag: "Duplicate",
      receipts: [{ commandId: "known", version: 1, position }]
    })
    assert.strictEqual(yield* journal.version(target.stream), 1)
    assert.isNull(yield* receiptOf(target.stream, "new"))
    yield* store(commandOn(target, 1, "new", 1))
  })
)

const perStream = scenario(
  "the same command id on another stream is another command, in the same batch too",
  Effect.gen(function* () {
    const journal = yield* Journal
    const [one, other, third] = [yield* freshTarget, yield* freshTarget, yield* freshTarget]
    yield* store(commandOn(one, 0, "add", 1))
    const outcomes = yield* journal.append([commandOn(other, 0, "add", 1), commandOn(third, 0, "add", 1)])
    for (const outcome of outcomes) expectAppended(outcome)
  })
)

const comparedExactly = scenario(
  "command ids are compared exactly, case, spaces and accents included",
  Effect.gen(function* () {
    const target = yield* freshTarget
    const ids = ["add", "ADD", "add ", " add", "é", "e\u0301", "", "a%", "x".repeat(255)]
    for (const [version, id] of ids.entries()) yield* store(commandOn(target, version, id, 1))
    for (const [i, id] of ids.entries()) assert.strictEqual((yield* receiptOf(target.stream, id))?.version, i + 1)
  })
)

const refusedLeavesNone = scenario(
  "an append that was refused leaves no receipt: the command may be tried again",
  Effect.gen(function* () {
    const target = yield* written(1)
    assert.strictEqual((yield* append(commandOn(target, 0, "add", 1)))._tag, "Conflict")
    assert.isNull(yield* receiptOf(target.stream, "add"))
    yield* store(commandOn(target, 1, "add", 1))
  })
)

const withoutKeptEvents = scenario(
  "a command whose events are not kept is remembered, with position 0",
  Effect.gen(function* () {
    const target = yield* freshTarget
    const inline = { keepEvents: false, state: { schemaVersion: 1, data: "state" } } as const
    yield* store({ ...commandOn(target, 0, "add", 2), ...inline })
    const receipt = { commandId: "add", version: 2, position: 0 }
    assert.deepStrictEqual(yield* receiptOf(target.stream, "add"), receipt)
    const again = yield* append({ ...commandOn(target, 2, "add", 1), ...inline })
    assert.deepStrictEqual(again, { _tag: "Duplicate", receipts: [receipt] })
  })
)

export const receipts: Section<Journal> = {
  title: "receipts of commands",
  scenarios: [
    answered,
    unknown,
    repeated,
    withoutEvents,
    onUnwrittenStream,
    severalInOne,
    oneRepeated,
    perStream,
    comparedExactly,
    refusedLeavesNone,
    withoutKeptEvents
  ]
}
