/**
 * A model of a journal, and random batches played against both: after each, everything that can be read must agree.
 *
 * The model is the contract in its simplest form, one array of versions for each stream, written without a look at any
 * adapter. The memory journal is held to it like the others.
 */
import type { Append } from "@daybook/core/Journal"
import { Journal, type Outcome } from "@daybook/core/Journal"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as fc from "fast-check"
import { type Section, scenario } from "../Suite.ts"
import { appendTo, eventOf, expectDense, freshTargets, readAfter, type Target } from "./JournalFixture.ts"

/** An append as generated: relative to whatever the model says when its turn comes. */
interface Attempt {
  readonly stream: number
  /** How far the expected version is off; 0 is right. */
  readonly off: number
  readonly events: ReadonlyArray<{ readonly value: unknown; readonly ofCommand: boolean }>
  readonly command: number | null
  readonly state: boolean
  readonly keepEvents: boolean
}

type Step =
  | { readonly _tag: "Append"; readonly attempts: ReadonlyArray<Attempt>; readonly fails: boolean }
  | { readonly _tag: "Delete"; readonly stream: number; readonly share: number }

const streamCount = 6

const attempts: fc.Arbitrary<ReadonlyArray<Attempt>> = fc.uniqueArray(
  fc.record({
    stream: fc.nat({ max: streamCount - 1 }),
    off: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.constantFrom(-1, 1)),
    events: fc.array(
      fc.record({
        value: fc.oneof({ weight: 12, arbitrary: fc.jsonValue({ maxDepth: 2 }) }, fc.constant(1n)),
        ofCommand: fc.boolean()
      }),
      { maxLength: 4 }
    ),
    command: fc.option(fc.nat({ max: 3 })),
    state: fc.boolean(),
    keepEvents: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, fc.constant(false))
  }),
  { selector: (attempt) => attempt.stream, minLength: 1, maxLength: streamCount }
)

const steps: fc.Arbitrary<ReadonlyArray<Step>> = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        _tag: fc.constant("Append" as const),
        attempts,
        fails: fc.oneof({ weight: 6, arbitrary: fc.constant(false) }, fc.constant(true))
      })
    },
    fc.record({
      _tag: fc.constant("Delete" as const),
      stream: fc.nat({ max: streamCount - 1 }),
      share: fc.double({ min: 0, max: 1.2, noNaN: true })
    })
  ),
  { minLength: 1, maxLength: 12 }
)

interface ModelStream {
  readonly target: Target
  version: number
  events: Array<{ readonly version: number; readonly eventId: string; readonly data: unknown }>
  state: { readonly version: number; readonly data: unknown } | null
  /** Events that a command left are found by id later, when the store has given them positions. */
  receipts: Map<string, { readonly version: number; readonly lastEventId: string | null }>
  /** Receipts may go with the events that carried them, so ids are not used again after a deletion. */
  generation: number
}

const modelOf = (target: Target): ModelStream => ({
  target,
  version: 0,
  events: [],
  state: null,
  receipts: new Map(),
  generation: 0
})

const jsonOf = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

const appendOf = (attempt: Attempt, model: ModelStream): Append => {
  const commandId = attempt.command === null ? null : `${model.generation}-${attempt.command}`
  const expectedVersion = Math.max(0, model.version + attempt.off)
  const keepEvents = attempt.keepEvents
  // A command's events come after those without one, as they do when commands share an append.
  const events = [...attempt.events]
    .sort((a, b) => Number(a.ofCommand) - Number(b.ofCommand))
    .map(({ value, ofCommand }) => eventOf(value, { commandId: ofCommand ? commandId : null }))
  return appendTo(model.target, expectedVersion, events, {
    keepEvents,
    receipts: commandId === null ? [] : [{ commandId, version: expectedVersion + events.length }],
    // Only the state carries the version of a stream whose events are not kept.
    state: attempt.state || !keepEvents ? { schemaVersion: 1, data: { after: events.length } } : null
  })
}

/** What must become of an append, by its tag; and, if it is accepted, the change. */
const expectation = (append: Append, model: ModelStream): Outcome["_tag"] => {
  const stored = append.keepEvents ? append.events : []
  if (stored.some((event) => typeof event.data === "bigint")) return "Unserialisable"
  if (append.receipts.some(({ commandId }) => model.receipts.has(commandId))) return "Duplicate"
  return append.expectedVersion === model.version ? "Appended" : "Conflict"
}

const accept = (append: Append, model: ModelStream): void => {
  for (const event of append.events) {
    model.version++
    if (!append.keepEvents) continue
    model.events.push({ version: model.version, eventId: event.eventId, data: jsonOf(event.data) })
  }
  for (const { commandId, version } of append.receipts) {
    const last = append.keepEvents ? append.events.findLast((event) => event.commandId === commandId) : undefined
    model.receipts.set(commandId, { version, lastEventId: last?.eventId ?? null })
  }
  if (append.state !== null) model.state = { version: model.version, data: append.state.data }
}

const playAppend = (step: Extract<Step, { readonly _tag: "Append" }>, models: ReadonlyArray<ModelStream>) =>
  Effect.gen(function* () {
    const journal = yield* Journal
    const batch = step.attempts.map((attempt) => appendOf(attempt, models[attempt.stream]!))
    const modelAt = (i: number) => models[step.attempts[i]!.stream]!
    const expected = batch.map((append, i) => expectation(append, modelAt(i)))
    if (step.fails) {
      const failed = yield* Effect.flip(journal.append(batch, () => Effect.fail("undo")))
      assert.deepStrictEqual<unknown>(failed, "undo")
      return
    }
    const outcomes = yield* journal.append(batch)
    assert.deepStrictEqual(
      outcomes.map((outcome) => outcome._tag),
      expected
    )
    for (const [i, append] of batch.entries()) {
      const outcome = outcomes[i]!
      if (outcome._tag === "Appended") accept(append, modelAt(i))
      if (outcome._tag === "Appended" || outcome._tag === "Conflict") {
        const version = outcome._tag === "Appended" ? outcome.version : outcome.actualVersion
        assert.strictEqual(version, modelAt(i).version)
      }
    }
  })

const playDelete = (step: Extract<Step, { readonly _tag: "Delete" }>, model: ModelStream) =>
  Effect.gen(function* () {
    const version = Math.floor(step.share * model.version)
    const last = model.events.at(-1)
    const left = model.events.filter((event) => event.version > version || event === last)
    const deleted = yield* (yield* Journal).deleteTo(model.target.stream, version)
    assert.strictEqual(deleted, model.events.length - left.length)
    if (deleted > 0) {
      model.generation++
      model.receipts = new Map()
    }
    model.events = left
  })

const compareStream = (model: ModelStream) =>
  Effect.gen(function* () {
    const journal = yield* Journal
    const { stream } = model.target
    const events = yield* journal.readStream(stream)
    assert.deepStrictEqual(
      events.map(({ version, eventId, data }) => ({ version, eventId, data })),
      model.events
    )
    assert.strictEqual(yield* journal.version(stream), model.version)
    const state = Option.getOrNull(yield* journal.state(stream))
    assert.deepStrictEqual(state, model.state === null ? null : { ...model.state, schemaVersion: 1 })
    for (const [commandId, { version, lastEventId }] of model.receipts) {
      const position = events.find((event) => event.eventId === lastEventId)?.position ?? 0
      const receipt = Option.getOrNull(yield* journal.receipt(stream, commandId))
      assert.deepStrictEqual(receipt, { commandId, version, position })
    }
    return events
  })

/** Plays steps on new streams, and compares everything after each of them. */
const play = (script: ReadonlyArray<Step>) =>
  Effect.gen(function* () {
    const journal = yield* Journal
    const before = yield* journal.heads
    const models = (yield* freshTargets(streamCount)).map(modelOf)
    let deleted = false
    for (const step of script) {
      if (step._tag === "Append") yield* playAppend(step, models)
      else yield* playDelete(step, models[step.stream]!)
      deleted ||= step._tag === "Delete"
      const fromStreams = (yield* Effect.forEach(models, compareStream)).flat()
      const heads = yield* journal.heads
      for (const [partition, after] of before.entries()) {
        const events = yield* readAfter(partition, after)
        const mine = fromStreams.filter((event) => event.partition === partition)
        assert.deepStrictEqual(
          events,
          mine.sort((a, b) => a.position - b.position)
        )
        if (!deleted) expectDense(events, after)
        if (!deleted) assert.strictEqual(heads[partition], after + events.length)
      }
    }
  })

/** Random batches against the model, `runs` times. */
export const model = (runs: number): Section<Journal> => ({
  title: "model",
  scenarios: [
    scenario(
      `agrees with a simple model after ${runs} random histories of batches, failures and deletions`,
      Effect.gen(function* () {
        const context = yield* Effect.context<Journal>()
        const property = fc.asyncProperty(steps, (script) => Effect.runPromiseWith(context)(play(script)))
        yield* Effect.promise(() => fc.assert(property, { numRuns: runs }))
      }),
      120_000
    )
  ]
})
