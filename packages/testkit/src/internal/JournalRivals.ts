/**
 * Scenarios about rivals: writers that append to the same streams at the same time, on one connection or on two. Each version
 * of a stream goes to exactly one of them.
 */
import { type Append, Journal, type Outcome } from "@daybook/core/Journal"
import { assert } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { type Section, scenario, scenarioWith } from "../Suite.ts"
import {
  appendTo,
  commandOn,
  eventOf,
  expectDense,
  freshTarget,
  freshTargetIn,
  numbered,
  range,
  readAfter,
  store,
  type Target,
  versionsOf
} from "./JournalFixture.ts"

/** A store on which the layer, built again, is another connection. */
export type Store = Effect.Effect<Layer.Layer<Journal, unknown>, unknown, Scope.Scope>

/** Builds the layer anew: a connection of its own, until the end of the scenario. */
export const connection = (layer: Layer.Layer<Journal, unknown>) =>
  Effect.map(Layer.build(Layer.fresh(layer)), (context) => Context.get(context, Journal))

type Rivals = readonly [Journal["Service"], Journal["Service"]]

const appendOn = (journal: Journal["Service"], one: Append) =>
  Effect.map(journal.append([one]), ([outcome]) => outcome!)

const tally = (outcomes: ReadonlyArray<Outcome>) => {
  const count = (tag: Outcome["_tag"]) => outcomes.filter((outcome) => outcome._tag === tag).length
  return { appended: count("Appended"), conflicts: count("Conflict"), duplicates: count("Duplicate") }
}

const rivalCreators = ([one, other]: Rivals) =>
  Effect.gen(function* () {
    for (let round = 0; round < 10; round++) {
      const target = yield* freshTarget
      const create = (_: unknown, i: number) =>
        appendOn(i % 2 === 0 ? one : other, appendTo(target, 0, [eventOf({ writer: i })]))
      const outcomes = yield* Effect.all(Array.from({ length: 8 }, create), { concurrency: "unbounded" })
      assert.deepStrictEqual(tally(outcomes), { appended: 1, conflicts: 7, duplicates: 0 })
      const winner = outcomes.findIndex((outcome) => outcome._tag === "Appended")
      const events = yield* other.readStream(target.stream)
      assert.deepStrictEqual(
        events.map((event) => event.data),
        [{ writer: winner }]
      )
    }
  })

/** Appends at whatever version the stream has until it has `goal`, and answers the versions that it won. */
const writeUntil = (journal: Journal["Service"], target: Target, goal: number, writer: string) =>
  Effect.gen(function* () {
    const won: Array<number> = []
    let version = 0
    while (version < goal) {
      const outcome = yield* appendOn(journal, appendTo(target, version, [eventOf({ writer })]))
      if (outcome._tag === "Appended") won.push(outcome.version)
      if (outcome._tag === "Appended") version = outcome.version
      else if (outcome._tag === "Conflict") version = outcome.actualVersion
      else assert.fail(`unexpected: ${outcome._tag}`)
    }
    return won
  })

const rivalWriters = ([one, other]: Rivals) =>
  Effect.gen(function* () {
    const target = yield* freshTarget
    const before = (yield* one.heads)[target.partition]!
    const writers = ["a", "b", "c", "d"]
    const won = yield* Effect.forEach(
      writers,
      (writer, i) => writeUntil(i % 2 === 0 ? one : other, target, 25, writer),
      { concurrency: "unbounded" }
    )
    const events = yield* one.readStream(target.stream)
    assert.deepStrictEqual(versionsOf(events), range(1, 25))
    expectDense(events, before)
    for (const [i, writer] of writers.entries()) {
      const mine = events.filter((event) => (event.data as { readonly writer: string }).writer === writer)
      assert.deepStrictEqual(versionsOf(mine), won[i], `what ${writer} was told is what is stored`)
    }
  })

const rivalCommands = ([one, other]: Rivals) =>
  Effect.gen(function* () {
    for (let round = 0; round < 10; round++) {
      const target = yield* freshTarget
      const send = (_: unknown, i: number) => appendOn(i % 2 === 0 ? one : other, commandOn(target, 0, "add", 1))
      const outcomes = yield* Effect.all(Array.from({ length: 6 }, send), { concurrency: "unbounded" })
      const { appended, conflicts, duplicates } = tally(outcomes)
      assert.deepStrictEqual([appended, conflicts + duplicates], [1, 5])
      const again = yield* appendOn(other, commandOn(target, 1, "add", 1))
      assert.strictEqual(again._tag, "Duplicate")
      assert.strictEqual(yield* one.version(target.stream), 1)
    }
  })

const crossedBatches = ([one, other]: Rivals) =>
  Effect.gen(function* () {
    const { partitions } = one
    const targets = yield* Effect.forEach([0, partitions - 1, 0, partitions >> 1], freshTargetIn)
    const before = yield* one.heads
    for (let version = 0; version < 15; version++) {
      const batch = targets.map((target) => appendTo(target, version, numbered(version + 1, version + 1)))
      const both = [one.append(batch), other.append([...batch].reverse())]
      const outcomes = (yield* Effect.all(both, { concurrency: "unbounded" })).flat()
      assert.deepStrictEqual(tally(outcomes), { appended: 4, conflicts: 4, duplicates: 0 })
    }
    for (const { stream } of targets) assert.deepStrictEqual(versionsOf(yield* one.readStream(stream)), range(1, 15))
    for (const [partition, after] of before.entries()) expectDense(yield* readAfter(partition, after), after)
  })

/** What two writers do to one store, by name. */
const rivalries: ReadonlyArray<readonly [string, (rivals: Rivals) => Effect.Effect<void, unknown, Journal>]> = [
  ["of several creators of a stream, exactly one wins", rivalCreators],
  ["of several writers of a stream, exactly one wins each version, and is told so", rivalWriters],
  ["of several senders of one command, exactly one has it carried out", rivalCommands],
  ["batches that cross each other end, each stream won by one of them", crossedBatches]
]

const aloneWithItself = Effect.gen(function* () {
  const journal = yield* Journal
  return [journal, journal] as const
})

const onTwoConnections = (between: (rivals: Rivals) => Effect.Effect<void, unknown, Journal>) => (connect: Store) =>
  Effect.gen(function* () {
    const layer = yield* connect
    const [one, other] = [yield* connection(layer), yield* connection(layer)]
    assert.notStrictEqual(one, other, "two connections must be two journals")
    yield* Effect.provideService(between([one, other]), Journal, one)
  })

const seenByTheOther = (connect: Store) =>
  Effect.gen(function* () {
    const layer = yield* connect
    const [one, other] = [yield* connection(layer), yield* connection(layer)]
    const target = yield* Effect.provideService(freshTarget, Journal, one)
    yield* Effect.provideService(store(commandOn(target, 0, "add", 2)), Journal, one)
    assert.deepStrictEqual(yield* other.readStream(target.stream), yield* one.readStream(target.stream))
    assert.deepStrictEqual(yield* other.heads, yield* one.heads)
    assert.strictEqual((yield* appendOn(other, commandOn(target, 2, "add", 1)))._tag, "Duplicate")
    assert.strictEqual((yield* appendOn(other, commandOn(target, 2, "more", 1)))._tag, "Appended")
    assert.strictEqual(yield* one.version(target.stream), 3)
  })

export const rivals = (secondConnection: Store | undefined): Section<Journal> => ({
  title: "rivals",
  scenarios: [
    ...rivalries.map(([name, between]) => scenario(name, Effect.flatMap(aloneWithItself, between))),
    scenarioWith(
      "secondConnection",
      secondConnection,
      "what one connection appends, another reads, extends, and recognises when repeated",
      seenByTheOther
    ),
    ...rivalries.map(([name, between]) =>
      scenarioWith("secondConnection", secondConnection, `on two connections: ${name}`, onTwoConnections(between))
    )
  ]
})
