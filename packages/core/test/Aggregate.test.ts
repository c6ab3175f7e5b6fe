/** What an author of aggregates relies on: what cannot work does not compile, or says so at start-up. */
import * as Aggregate from "@daybook/core/Aggregate"
import * as Event from "@daybook/core/Event"
import { Problem } from "@daybook/core/Problem"
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"

class TooMany extends Problem<TooMany>()("TooMany", { status: 409, title: "Too many" }, { limit: Schema.Int }) {}

interface State {
  readonly count: number
}

const events = Event.define({ Counted: { by: Schema.Int }, Cleared: {} })
const Command = Schema.TaggedUnion({ Count: { by: Schema.Int }, Clear: {} })

type CountEvent = Event.Type<typeof events>
type CountCommand = typeof Command.Type

const definition: Aggregate.Aggregate<State, CountCommand, CountEvent, TooMany> = {
  name: "counter",
  initial: { count: 0 },
  evolve: {
    Counted: ({ count }, { by }) => ({ count: count + by }),
    Cleared: () => ({ count: 0 })
  },
  decide: {
    Count: ({ by }, { count }) =>
      count + by > 10 ? new TooMany({ limit: 10, detail: `At most 10, not ${count + by}` }) : [{ _tag: "Counted", by }],
    Clear: (_, { count }) => (count === 0 ? [] : [{ _tag: "Cleared" }])
  },
  state: { version: 1, schema: Schema.Struct({ count: Schema.Int }) },
  events,
  commands: Command
}

const Counter = Aggregate.make(definition)

/** The definition with a change that types would have refused. */
const changed = (change: object) => () => Aggregate.make({ ...definition, ...change } as typeof definition)

describe("an aggregate", () => {
  it("decides by the command's name: events, nothing, or a rejection", () => {
    expect(Aggregate.decide(Counter, { _tag: "Count", by: 2 }, { count: 3 })).toEqual([{ _tag: "Counted", by: 2 }])
    expect(Aggregate.decide(Counter, { _tag: "Clear" }, { count: 0 })).toEqual([])
    const rejection = Aggregate.decide(Counter, { _tag: "Count", by: 9 }, { count: 3 })
    expect(rejection).toBeInstanceOf(TooMany)
    expect(rejection).toMatchObject({ _tag: "TooMany", limit: 10, detail: "At most 10, not 12" })
  })

  it("evolves by the event's name, one event or many", () => {
    const counted = (by: number): CountEvent => ({ _tag: "Counted", by })
    expect(Aggregate.evolve(Counter, { count: 1 }, counted(2))).toEqual({ count: 3 })
    expect(Aggregate.evolveAll(Counter, Counter.initial, [counted(2), { _tag: "Cleared" }, counted(5)])).toEqual({
      count: 5
    })
    expect(Aggregate.evolveAll(Counter, Counter.initial, [])).toBe(Counter.initial)
  })

  it("has no answer to a command that it does not know", () => {
    const unknown = { _tag: "Explode" } as unknown as CountCommand
    expect(() => Aggregate.decide(Counter, unknown, Counter.initial)).toThrow("No decide case for command Explode")
  })
})

describe("at start-up, an aggregate is refused", () => {
  const { evolve, decide } = definition

  it.each([
    [
      "an event without an evolve case",
      { evolve: { Counted: evolve.Counted } },
      "evolve has no case for event Cleared"
    ],
    ["an evolve case without an event", { evolve: { ...evolve, Gone: () => 0 } }, "Gone, which is no declared event"],
    ["a command without a decide case", { decide: { Count: decide.Count } }, "decide has no case for command Clear"],
    ["a decide case without a command", { decide: { ...decide, Go: () => [] } }, "Go, which is no declared command"],
    [
      "an evolve case that is no function",
      { evolve: { ...evolve, Cleared: 1 } },
      "evolve has no case for event Cleared"
    ],
    ["state version 0", { state: { ...definition.state, version: 0 } }, "state version 0"],
    ["a state version that is no whole number", { state: { ...definition.state, version: 1.5 } }, "state version 1.5"],
    ["a name with a hyphen, which ends it in a stream's name", { name: "my-counter" }, "the name must match"],
    ["a name with capitals", { name: "Counter" }, "the name must match"],
    ["an empty name", { name: "" }, "the name must match"]
  ])("for %s", (_, change, message) => {
    expect(changed(change)).toThrow(message)
  })

  it("saying which aggregate it is", () => {
    expect(changed({ decide: {} })).toThrow(/^Aggregate counter: /)
  })
})

describe("what does not compile", () => {
  it("an event without an evolve case", () => {
    const { Counted } = definition.evolve
    // @ts-expect-error Cleared is missing
    const evolve: typeof definition.evolve = { Counted }
    expect(changed({ evolve })).toThrow()
  })

  it("a command without a decide case", () => {
    const { Clear } = definition.decide
    // @ts-expect-error Count is missing
    const decide: typeof definition.decide = { Clear }
    expect(changed({ decide })).toThrow()
  })

  it("an event that is not declared, or of another shape", () => {
    // @ts-expect-error there is no event Exploded
    const unknown: typeof definition.decide = { ...definition.decide, Clear: () => [{ _tag: "Exploded" }] }
    // @ts-expect-error `by` is a number
    const misshapen: typeof definition.decide = { ...definition.decide, Clear: () => [{ _tag: "Counted", by: "1" }] }
    expect([unknown, misshapen]).toHaveLength(2)
  })

  it("a state schema of another state", () => {
    // @ts-expect-error the state has a count
    const state: Aggregate.StateSchema<State> = { version: 1, schema: Schema.Struct({ total: Schema.Int }) }
    expect(state.version).toBe(1)
  })
})
