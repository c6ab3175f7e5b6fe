/** What entities rely on: no delay, one batch under way in a lane, and each append told once what became of it. */

import { GroupCommit, type Refused, type Within } from "@daybook/core/GroupCommit"
import { type Append, Journal, type Outcome } from "@daybook/core/Journal"
import { ReadModelUnavailable } from "@daybook/core/ProjectionStore"
import * as FaultInjection from "@daybook/testkit/FaultInjection"
import { nothingKnown } from "@daybook/testkit/Metadata"
import { assert, describe } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { hold, letOthersRun, scenario, withJournal } from "./Bank.ts"

const append = (
  stream: string,
  given: { events?: number; partition?: number; expectedVersion?: number } = {}
): Append => ({
  stream,
  partition: given.partition ?? 0,
  expectedVersion: given.expectedVersion ?? 0,
  events: Array.from({ length: given.events ?? 1 }, (_, i) => ({
    eventId: `${stream}-${i}`,
    type: "Noted",
    schemaVersion: 1,
    occurredAtMillis: 0,
    ...nothingKnown,
    data: i
  })),
  receipts: [],
  state: null,
  keepEvents: true
})

/** What an append was told: its outcome's tag, or that of its failure. */
const told = (outcome: Outcome | Refused | undefined, failure: Cause.Cause<unknown> | undefined): string => {
  if (outcome !== undefined) return outcome._tag
  const error = failure === undefined ? undefined : Cause.squash(failure)
  return (error as { readonly _tag?: string })._tag ?? `defect: ${error}`
}

/** A group commit whose batches and answers are written down. */
const recorded = (within?: Within) =>
  Effect.gen(function* () {
    const batches: Array<ReadonlyArray<string>> = []
    const answers: Array<string> = []
    const durations: Array<number> = []
    const journal = yield* Journal
    const watched: Journal["Service"] = {
      ...journal,
      append: (batch, work) => {
        batches.push(batch.map(({ stream }) => stream))
        return journal.append(batch, work)
      }
    }
    const commit = new GroupCommit({
      journal: watched,
      fork: Effect.runForkWith(yield* Effect.context<never>()),
      within,
      onCommit: (millis) => durations.push(millis)
    })
    const submit = (...appends: ReadonlyArray<Append>) => {
      for (const one of appends) {
        commit.submit(one, (outcome, failure) => answers.push(`${one.stream} ${told(outcome, failure)}`))
      }
    }
    return { submit, batches, answers, durations }
  })

describe("an append", () => {
  scenario(
    "goes at once where nothing is under way, together with those of the same turn",
    Effect.gen(function* () {
      const { submit, batches, answers } = yield* recorded()
      submit(append("a"))
      submit(append("b"))
      assert.deepStrictEqual(batches, [])
      yield* Effect.promise(() => Promise.resolve())
      assert.deepStrictEqual(batches, [["a", "b"]])
      assert.deepStrictEqual(answers, ["a Appended", "b Appended"])
    })
  )

  scenario(
    "waits while a batch is under way, and then goes with all that wait",
    Effect.gen(function* () {
      const { submit, batches, answers } = yield* recorded()
      const held = yield* hold()
      submit(append("a"))
      yield* letOthersRun
      submit(append("b"))
      yield* letOthersRun
      submit(append("c"))
      yield* letOthersRun
      assert.deepStrictEqual([batches, answers], [[["a"]], []])
      yield* held.release
      assert.deepStrictEqual(batches, [["a"], ["b", "c"]])
      assert.deepStrictEqual(answers.sort(), ["a Appended", "b Appended", "c Appended"])
    })
  )

  scenario(
    "goes with half of all that is about where the journal works elsewhere, so that the other half is worked on here",
    Effect.gen(function* () {
      const { submit, batches } = yield* recorded()
      const callers = Array.from({ length: 200 }, (_, i) => `c${i}`)
      const held = yield* hold()
      submit(...callers.map((name) => append(name)))
      yield* letOthersRun
      assert.deepStrictEqual(batches, [callers.slice(0, 100)])
      yield* held.release
      yield* letOthersRun
      assert.deepStrictEqual(batches, [callers.slice(0, 100), callers.slice(100)])
    }).pipe(withJournal(() => ({ remote: true })))
  )

  scenario(
    "goes with all others where these are few, wherever the journal works",
    Effect.gen(function* () {
      const { submit, batches } = yield* recorded()
      const callers = Array.from({ length: 64 }, (_, i) => `c${i}`)
      submit(...callers.map((name) => append(name)))
      yield* letOthersRun
      assert.deepStrictEqual(batches, [callers])
    }).pipe(withJournal(() => ({ remote: true })))
  )

  scenario(
    "that is refused leaves its neighbours alone",
    Effect.gen(function* () {
      const { submit, answers } = yield* recorded()
      submit(append("a"), append("b", { expectedVersion: 7 }), append("c"))
      yield* letOthersRun
      assert.deepStrictEqual(answers, ["a Appended", "b Conflict", "c Appended"])
    })
  )
})

describe("a batch", () => {
  scenario(
    "holds about a thousand events at most",
    Effect.gen(function* () {
      const { submit, batches } = yield* recorded()
      const sizes = [400, 400, 400, 5_000, 1, 998, 1, 1]
      submit(...sizes.map((events, i) => append(`${i}`, { events })))
      yield* letOthersRun
      assert.deepStrictEqual(batches, [["0", "1", "2"], ["3"], ["4", "5", "6"], ["7"]])
    })
  )

  for (const [what, fault, answer] of [
    ["fails", FaultInjection.failBefore, "JournalUnavailable"],
    ["dies", FaultInjection.die(new Error("broken")), "defect: Error: broken"]
  ] as const) {
    scenario(
      `that ${what} has everyone in it told, and the next one goes out`,
      Effect.gen(function* () {
        const { submit, answers, durations } = yield* recorded()
        yield* (yield* FaultInjection.Faults).inject(fault)
        submit(append("a"), append("b"))
        yield* letOthersRun
        submit(append("c"))
        yield* letOthersRun
        assert.deepStrictEqual(answers, [`a ${answer}`, `b ${answer}`, "c Appended"])
        assert.strictEqual(durations.length, 1, "a failure is no duration of a commit")
      })
    )
  }

  scenario(
    "that an adapter throws on, instead of failing, has everyone in it told as well",
    Effect.gen(function* () {
      const { submit, answers } = yield* recorded()
      submit(append("a"))
      yield* letOthersRun
      submit(append("b"))
      yield* letOthersRun
      assert.deepStrictEqual(answers, ["a defect: Error: broken", "b defect: Error: broken"])
    }).pipe(
      withJournal(() => ({
        append: () => {
          throw new Error("broken")
        }
      }))
    )
  )

  scenario(
    "of each lane goes on its own",
    Effect.gen(function* () {
      const { submit, batches, answers } = yield* recorded()
      const held = yield* hold()
      submit(append("even", { partition: 2 }))
      yield* letOthersRun
      submit(append("odd", { partition: 3 }), append("even too", { partition: 4 }))
      yield* letOthersRun
      assert.deepStrictEqual([batches, answers], [[["even"], ["odd"]], ["odd Appended"]])
      yield* held.release
      assert.deepStrictEqual(batches, [["even"], ["odd"], ["even too"]])
    }).pipe(withJournal(() => ({ lanes: 2 })))
  )
})

describe("work within the transaction", () => {
  const refusing =
    (error: unknown): Within =>
    (batch) =>
      Effect.gen(function* () {
        if (batch.some(({ stream }) => stream.startsWith("bad"))) return yield* Effect.fail(error)
      })

  scenario(
    "that fails refuses the appends that it fails on, and no others",
    Effect.gen(function* () {
      const { submit, batches, answers } = yield* recorded(refusing(new Error("no")))
      submit(append("a"), append("bad"), append("b"))
      submit(append("bad too"))
      yield* letOthersRun
      assert.deepStrictEqual(answers, ["a Appended", "bad Refused", "b Appended", "bad too Refused"])
      assert.deepStrictEqual(batches.slice(1), [["a"], ["bad"], ["b"], ["bad too"]])
      assert.strictEqual((yield* (yield* Journal).heads)[0], 2)
    })
  )

  scenario(
    "that fails on one does not hold up those that come later, however many are tried again",
    Effect.gen(function* () {
      const { submit, batches, answers } = yield* recorded(refusing(new Error("no")))
      submit(append("bad"), ...Array.from({ length: 999 }, (_, i) => append(`${i}`)))
      submit(append("later"), append("and later"))
      yield* letOthersRun
      assert.strictEqual(answers.filter((answer) => answer.endsWith("Appended")).length, 1_001)
      assert.deepStrictEqual(batches.at(-1), ["later", "and later"])
    })
  )

  scenario(
    "that fails because its store is away is nobody's fault: all are told that the outcome is not known",
    Effect.gen(function* () {
      const down = new ReadModelUnavailable({ detail: "Out to lunch", retryAfterSeconds: 3 })
      const { submit, batches, answers } = yield* recorded(refusing(down))
      submit(append("a"), append("bad"))
      yield* letOthersRun
      assert.deepStrictEqual(answers, ["a JournalUnavailable", "bad JournalUnavailable"])
      assert.strictEqual(batches.length, 1)
    })
  )

  scenario(
    "does not make a lost answer look like a refusal",
    Effect.gen(function* () {
      const { submit, answers } = yield* recorded(() => Effect.void)
      yield* (yield* FaultInjection.Faults).inject(FaultInjection.failAfter, FaultInjection.die(new Error("broken")))
      submit(append("a"))
      yield* letOthersRun
      submit(append("b"))
      yield* letOthersRun
      assert.deepStrictEqual(answers, ["a JournalUnavailable", "b defect: Error: broken"])
    })
  )
})
