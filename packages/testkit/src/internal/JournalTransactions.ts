/**
 * Scenarios about work that joins an append's transaction: it happens with the events, or neither does.
 */
import { Journal, type Outcome } from "@daybook/core/Journal"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { type Section, scenario, scenarioWith } from "../Suite.ts"
import type { Witness } from "../Witness.ts"
import {
  append,
  appendTo,
  commandOn,
  expectAppended,
  expectDense,
  freshId,
  freshTarget,
  freshTargets,
  hold,
  letOthersRun,
  numbered,
  readAfter,
  store,
  type Target,
  versionsOf,
  written
} from "./JournalFixture.ts"

const runsWithOutcomes = scenario(
  "the work is run once, with the outcomes of the batch in its order, before the append answers",
  Effect.gen(function* () {
    const journal = yield* Journal
    const [one, other] = yield* freshTargets(2)
    const taken = yield* written(1)
    const seen: Array<ReadonlyArray<Outcome>> = []
    const outcomes = yield* journal.append(
      [appendTo(one!, 0, numbered(1, 1)), appendTo(taken, 0, numbered(1, 1)), appendTo(other!, 0, numbered(1, 2))],
      (given) => Effect.sync(() => void seen.push(given))
    )
    assert.deepStrictEqual(
      outcomes.map((outcome) => outcome._tag),
      ["Appended", "Conflict", "Appended"]
    )
    assert.deepStrictEqual(seen, [outcomes])
  })
)

/** Expects that nothing of an append to a new stream is left, and that the same append then succeeds. */
const expectUndone = (target: Target, heads: ReadonlyArray<number>) =>
  Effect.gen(function* () {
    const journal = yield* Journal
    assert.strictEqual(yield* journal.version(target.stream), 0)
    assert.deepStrictEqual(yield* journal.readStream(target.stream), [])
    assert.isTrue(Option.isNone(yield* journal.state(target.stream)), "no state")
    assert.isTrue(Option.isNone(yield* journal.receipt(target.stream, "add")), "no receipt")
    assert.deepStrictEqual(yield* journal.heads, heads)
    const { position } = yield* store(commandOn(target, 0, "add", 2))
    assert.strictEqual(position, heads[target.partition]! + 1, "the positions are used again")
  })

/** Runs an append whose work ends badly. */
const undoes = (
  name: string,
  work: Effect.Effect<void, string>,
  expected: (exit: Exit.Exit<unknown, unknown>) => boolean
) =>
  scenario(
    name,
    Effect.gen(function* () {
      const journal = yield* Journal
      const target = yield* freshTarget
      const heads = yield* journal.heads
      const state = { schemaVersion: 1, data: "undone" }
      const exit = yield* Effect.exit(journal.append([{ ...commandOn(target, 0, "add", 2), state }], () => work))
      assert.isTrue(expected(exit), `ended with ${exit}`)
      yield* expectUndone(target, heads)
    })
  )

const undoneByInterruption = scenario(
  "an interruption of the work undoes events, state and receipts",
  Effect.gen(function* () {
    const journal = yield* Journal
    const target = yield* freshTarget
    const heads = yield* journal.heads
    const { fiber } = yield* hold([commandOn(target, 0, "add", 2)])
    yield* Fiber.interrupt(fiber)
    yield* expectUndone(target, heads)
  })
)

const undoesItsOwn = scenario(
  "undoing one batch takes nothing of what others appended meanwhile",
  Effect.gen(function* () {
    const journal = yield* Journal
    const before = yield* journal.heads
    const [failing, ...others] = yield* freshTargets(6)
    const held = yield* hold<string>([appendTo(failing!, 0, numbered(1, 2))])
    const fibers = yield* Effect.forEach(others, (target) =>
      Effect.forkScoped(append(appendTo(target, 0, numbered(1, 2))))
    )
    yield* letOthersRun
    yield* held.release(Effect.fail("undo"))
    assert.deepStrictEqual(yield* Effect.flip(Fiber.join(held.fiber)), "undo")
    for (const fiber of fibers) expectAppended(yield* Fiber.join(fiber))
    assert.deepStrictEqual(yield* journal.readStream(failing!.stream), [])
    for (const { stream } of others) assert.deepStrictEqual(versionsOf(yield* journal.readStream(stream)), [1, 2])
    for (const [partition, after] of before.entries()) expectDense(yield* readAfter(partition, after), after)
  })
)

/** Everything through which an append could be seen, as numbers that are 0 before it. */
const visible = (target: Target, commandId: string, after: number) =>
  Effect.gen(function* () {
    const journal = yield* Journal
    return [
      (yield* journal.readStream(target.stream)).length,
      (yield* journal.readPartition(target.partition, { after, limit: 10 })).length,
      yield* journal.version(target.stream),
      (yield* journal.heads)[target.partition]! - after,
      Option.isSome(yield* journal.state(target.stream)) ? 1 : 0,
      Option.isSome(yield* journal.receipt(target.stream, commandId)) ? 1 : 0
    ]
  })

const unseenUntilDone = scenario(
  "nobody sees anything of an append before its transaction is over, and everything after",
  Effect.gen(function* () {
    const journal = yield* Journal
    const target = yield* freshTarget
    const after = (yield* journal.heads)[target.partition]!
    const held = yield* hold([{ ...commandOn(target, 0, "add", 1), state: { schemaVersion: 1, data: "state" } }])
    const look = visible(target, "add", after)
    let released = false
    const observer = yield* Effect.forkScoped(Effect.map(look, (seen) => (released ? [] : seen)))
    // A store with one connection answers only after the release: what it says then is no early view.
    yield* journal.lanes > 1 ? Fiber.await(observer) : letOthersRun
    released = true
    yield* held.release(Effect.void)
    yield* Fiber.join(held.fiber)
    const early = (yield* Fiber.join(observer)).filter((count) => count !== 0)
    assert.deepStrictEqual(early, [], "something was visible too early")
    assert.deepStrictEqual(yield* look, [1, 1, 1, 1, 1, 1])
  })
)

const witnessed = <R>(witness: Witness<R>, note: string, end: Effect.Effect<void, string>) =>
  Effect.gen(function* () {
    const journal = yield* Journal
    const target = yield* freshTarget
    const work = () => Effect.andThen(witness.write(note), end)
    yield* Effect.exit(journal.append([appendTo(target, 0, numbered(1, 1))], work))
    return { written: yield* witness.has(note), version: yield* journal.version(target.stream) }
  })

const keptTogether = <R>(witness: Witness<R>) =>
  Effect.gen(function* () {
    const result = yield* witnessed(witness, freshId(), Effect.void)
    assert.deepStrictEqual(result, { written: true, version: 1 })
  })

const undoneTogether = <R>(witness: Witness<R>) =>
  Effect.gen(function* () {
    const result = yield* witnessed(witness, freshId(), Effect.fail("undo"))
    assert.deepStrictEqual(result, { written: false, version: 0 })
  })

export const transactions = <R>(witness: Witness<R> | undefined): Section<Journal | R> => ({
  title: "work inside the transaction",
  scenarios: [
    runsWithOutcomes,
    undoes(
      "a failure of the work undoes events, state and receipts, and is the append's failure",
      Effect.fail("no"),
      (exit) => Option.getOrNull(Exit.findErrorOption(exit)) === "no"
    ),
    undoes("a defect in the work undoes events, state and receipts", Effect.die("broken"), Exit.hasDies),
    undoneByInterruption,
    undoesItsOwn,
    unseenUntilDone,
    scenarioWith("witness", witness, "what the work wrote in the store is kept with the events", keptTogether<R>),
    scenarioWith("witness", witness, "what the work wrote in the store is undone with the events", undoneTogether<R>)
  ]
})
