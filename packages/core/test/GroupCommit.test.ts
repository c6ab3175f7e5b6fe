/** What entities rely on: no delay, one batch under way for a partition, and each append told once what became of it. */

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

/** A group commit whose batches and answers are written down. `onAnswer` is told of each stream that is answered. */
const recorded = (within?: Within, onAnswer: (stream: string) => void = () => {}) =>
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
        commit.submit(one, (outcome, failure) => {
          answers.push(`${one.stream} ${told(outcome, failure)}`)
          onAnswer(one.stream)
        })
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
      yield* letOthersRun
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
})

const lanes = withJournal(() => ({ lanes: 2 }))
const inPartition = (partition: number, count: number, name: string) =>
  Array.from({ length: count }, (_, i) => append(`${name}${i}`, { partition }))
const names = (appends: ReadonlyArray<Append>) => appends.map(({ stream }) => stream)

describe("a lane's callers", () => {
  scenario(
    "go with those who ask again as soon as they are answered, while the journal has the other's batch",
    Effect.gen(function* () {
      const askAgain = (stream: string) => {
        if (stream.startsWith("even")) submit(append(`again-${stream}`, { partition: 2 }))
      }
      const { submit, batches } = yield* recorded(undefined, askAgain)
      const [even, waiting] = [inPartition(2, 64, "even"), inPartition(2, 64, "waiting")]
      const heldEven = yield* hold()
      const heldOdd = yield* hold()
      submit(...even, ...inPartition(3, 64, "odd"))
      yield* letOthersRun
      submit(...waiting)
      yield* heldEven.release
      yield* letOthersRun
      assert.deepStrictEqual(batches.slice(2), [[...names(waiting), ...names(even).map((name) => `again-${name}`)]])
      yield* heldOdd.release
    }).pipe(lanes)
  )
})

describe("lanes", () => {
  scenario(
    "with enough go by themselves, at once, and not for their own partitions while these are under way",
    Effect.gen(function* () {
      const { submit, batches, answers } = yield* recorded()
      const [even, odd, later] = [inPartition(2, 64, "even"), inPartition(3, 70, "odd"), inPartition(4, 80, "later")]
      const held = yield* hold()
      submit(...even.slice(0, 1), ...odd, ...even.slice(1))
      yield* letOthersRun
      assert.deepStrictEqual(batches, [names(even), names(odd)])
      submit(...later)
      yield* letOthersRun
      assert.strictEqual(batches.length, 2)
      assert.deepStrictEqual(
        answers,
        names(odd).map((name) => `${name} Appended`)
      )
      yield* held.release
      yield* letOthersRun
      assert.deepStrictEqual(batches.slice(2), [names(later)])
    }).pipe(lanes)
  )

  scenario(
    "with little go together, once nothing is under way",
    Effect.gen(function* () {
      const { submit, batches } = yield* recorded()
      const held = yield* hold()
      submit(...inPartition(2, 1, "a"))
      yield* letOthersRun
      submit(...inPartition(3, 1, "b"), ...inPartition(4, 1, "c"))
      yield* letOthersRun
      assert.deepStrictEqual(batches, [["a0"]])
      yield* held.release
      yield* letOthersRun
      assert.deepStrictEqual(batches, [["a0"], ["c0", "b0"]])
    }).pipe(lanes)
  )

  scenario(
    "with little wait for one batch at most, however much the other lane has",
    Effect.gen(function* () {
      const { submit, batches, answers } = yield* recorded()
      const [first, second] = [inPartition(2, 64, "first"), inPartition(2, 64, "second")]
      const held = yield* hold()
      submit(...first)
      yield* letOthersRun
      submit(append("odd", { partition: 3 }), ...second)
      yield* letOthersRun
      assert.deepStrictEqual(batches, [names(first)])
      yield* held.release
      yield* letOthersRun
      assert.deepStrictEqual(batches, [names(first), names(second), ["odd"]])
      assert.strictEqual(answers.length, 129)
    }).pipe(lanes)
  )

  scenario(
    "of appends that were refused together try them one by one, each in its own lane",
    Effect.gen(function* () {
      const refusing: Within = (batch) => (names(batch).includes("bad") ? Effect.fail(new Error("no")) : Effect.void)
      const { submit, batches, answers } = yield* recorded(refusing)
      submit(...[2, 3, 5].map((partition, i) => append(["a", "bad", "b"][i]!, { partition })))
      yield* letOthersRun
      assert.deepStrictEqual(batches[0], ["a", "bad", "b"])
      assert.deepStrictEqual(batches.slice(1).flat().sort(), ["a", "b", "bad"])
      assert.deepStrictEqual(answers.sort(), ["a Appended", "b Appended", "bad Refused"])
    }).pipe(lanes)
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
