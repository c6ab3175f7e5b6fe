/**
 * The smallest aggregate there is, run as entities over a journal in memory.
 *
 * Shows: a decider, concurrent commands on one aggregate, an idempotent command, and reading the state back.
 */
import { Aggregate, Entities, Event, Journal, Persistence, Snapshot } from "@daybook/core"
import { Console, Effect, Layer, Schema } from "effect"

const Counter = Aggregate.make({
  name: "counter",
  state: { version: 1, schema: Schema.Struct({ count: Schema.Int }) },
  events: Event.define({ Counted: { by: Schema.Int } }),
  commands: Schema.TaggedUnion({ Count: { by: Schema.Int } }),
  initial: { count: 0 },
  evolve: { Counted: (state, { by }) => ({ count: state.count + by }) },
  decide: { Count: ({ by }) => (by === 0 ? [] : [{ _tag: "Counted", by }]) }
})

const program = Effect.gen(function* () {
  const counters = yield* Entities.make(Counter, { persistence: Persistence.events() })

  // A thousand at once, on one counter: each is decided on the state that the one before left.
  yield* Effect.forEach(Array.from({ length: 1_000 }), () => counters.execute("visits", { _tag: "Count", by: 1 }), {
    concurrency: "unbounded"
  })

  // The same command id twice is one command.
  const first = yield* counters.execute("visits", { _tag: "Count", by: 10 }, { commandId: "ten-more" })
  const again = yield* counters.execute("visits", { _tag: "Count", by: 10 }, { commandId: "ten-more" })

  const { state, version } = yield* counters.read("visits")
  yield* Console.log(`counted to ${state.count} in ${version} events`)
  yield* Console.log(
    `the repetition was answered with version ${again.version} of ${first.version}: ${again.duplicate}`
  )
  if (state.count !== 1_010) return yield* Effect.die(new Error(`expected 1010, not ${state.count}`))
})

const memory = Layer.merge(Journal.Journal.layerMemory(), Snapshot.Snapshots.layerMemory)
await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(memory)))
