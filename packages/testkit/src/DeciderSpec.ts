/**
 * Given / when / then for deciders: events that have happened, a command, and what must come of it.
 *
 * @example
 * DeciderSpec.for(Cart)
 *   .given([cartOpened, itemAdded])
 *   .when({ _tag: "RemoveItem", lineId: "1" })
 *   .then([{ _tag: "ItemRemoved", lineId: "1" }])
 *
 * Works under any test runner: an expectation that fails throws, with the whole story in its message.
 */

import type { Decider, Tagged } from "@daybook/core/Aggregate"
import { decide, evolveAll } from "@daybook/core/Aggregate"
import { layOut, matches, same, show, showAll } from "./internal/Values.ts"

/** An expectation that was not met. `expected` and `actual` are there for a runner that shows differences. */
export class SpecFailure extends Error {
  override readonly name = "SpecFailure"
  readonly expected: unknown
  readonly actual: unknown

  constructor(message: string, expected: unknown, actual: unknown) {
    super(message)
    this.expected = expected
    this.actual = actual
  }
}

type TagOf<Rejection> = Rejection extends { readonly _tag: infer Tag } ? Tag : never

/** The fields of a rejection, each a value, a matcher, or, for a text, a regular expression. */
export type Fields<Rejection> = { readonly [K in keyof Rejection]?: Rejection[K] | RegExp }

/** A decider, or an aggregate, under test. */
export interface Spec<State, Command extends Tagged, Event extends Tagged, Rejection> {
  /** What has happened before; nothing, when left out. */
  readonly given: (events: ReadonlyArray<Event>) => Spec<State, Command, Event, Rejection>
  /** The state to begin with, where it is easier to name than the events that lead to it. */
  readonly givenState: (state: State) => Spec<State, Command, Event, Rejection>
  readonly when: (command: Command) => Outcome<State, Event, Rejection>
}

/** What a command has led to, about which several things can be expected. */
export interface Checked<State> {
  /** The state afterwards: the same value, or whatever a function of it asserts. */
  readonly thenState: (expected: State | ((state: State) => void)) => Checked<State>
}

/** What a command has led to, about which nothing has been expected yet. */
export interface Outcome<State, Event, Rejection> extends Checked<State> {
  /** Exactly these events, in this order. */
  readonly then: (events: ReadonlyArray<Event>) => Checked<State>
  /** The command had nothing to do, and was not rejected. */
  readonly thenNothing: () => Checked<State>
  /** A rejection, named by its class or its tag, with these fields among others. */
  readonly thenRejected: <R extends Rejection>(
    kind: (abstract new (...args: never) => R) | TagOf<R>,
    fields?: Fields<R>
  ) => Checked<State>
}

interface Story {
  readonly name: string
  readonly given: readonly [label: string, text: string]
  readonly command: Tagged
  readonly actual: unknown
  readonly state: unknown
}

const isRejection = (actual: unknown): boolean => !Array.isArray(actual)

const showOutcome = (actual: unknown): string =>
  isRejection(actual) ? `rejected: ${show(actual)}` : showAll(actual as ReadonlyArray<unknown>, "nothing")

/** Throws the failure as if at `caller`'s call, which is the line that a reader wants to see. */
const fail = (
  { name, given, command }: Story,
  caller: Function,
  {
    what,
    expected,
    actual,
    values
  }: {
    readonly what: string
    readonly expected: string
    readonly actual: string
    readonly values: readonly [expected: unknown, actual: unknown]
  }
): never => {
  const rows = [given, ["when", show(command)], ["expected", expected], ["actual", actual]] as const
  const failure = new SpecFailure(`${name}: ${command._tag} ${what}\n\n${layOut(rows)}\n`, ...values)
  Error.captureStackTrace(failure, caller)
  throw failure
}

const outcomeOf = <State, Event, Rejection>(story: Story): Outcome<State, Event, Rejection> => {
  const { actual, state } = story
  const checked: Checked<State> = {
    thenState: (expected) => {
      if (typeof expected === "function") (expected as (state: State) => void)(state as State)
      else if (!same(state, expected)) {
        const values = [expected, state] as const
        const texts = { expected: show(expected), actual: show(state) }
        fail(story, checked.thenState, { what: "led to another state", ...texts, values })
      }
      return checked
    }
  }
  const expectEvents = (events: ReadonlyArray<Event>, caller: Function): Checked<State> => {
    if (isRejection(actual) || !same(actual, events)) {
      const texts = { expected: showAll(events, "nothing"), actual: showOutcome(actual) }
      fail(story, caller, { what: "led to something else", ...texts, values: [events, actual] })
    }
    return checked
  }
  const outcome: Outcome<State, Event, Rejection> = {
    ...checked,
    // biome-ignore lint/suspicious/noThenProperty: it reads as it is spoken, and awaiting it by mistake is explained
    then: (events, onRejected?: (reason: unknown) => void) => {
      if (typeof events !== "function") return expectEvents(events, outcome.then)
      onRejected?.(new Error(`${story.name}: nothing is expected of ${story.command._tag}; end with then…(…)`))
      return checked
    },
    thenNothing: () => expectEvents([], outcome.thenNothing),
    thenRejected: (kind, fields = {}) => {
      const expected = typeof kind === "function" ? kind.name : String(kind)
      const isKind = typeof kind === "function" ? actual instanceof kind : (actual as Tagged)._tag === kind
      const differing = Object.entries(fields).filter(
        ([key, value]) => !matches((actual as Record<string, unknown>)[key], value)
      )
      if (!isRejection(actual) || !isKind || differing.length > 0) {
        const named = Object.keys(fields).length === 0 ? expected : show({ _tag: expected, ...fields })
        const texts = { expected: `rejected: ${named}`, actual: showOutcome(actual) }
        const what = isKind
          ? `was rejected with another ${differing.map(([key]) => key).join(", ")}`
          : "was not rejected so"
        fail(story, outcome.thenRejected, { what, ...texts, values: [{ _tag: expected, ...fields }, actual] })
      }
      return checked
    }
  }
  return outcome
}

const specOf = <State, Command extends Tagged, Event extends Tagged, Rejection>(
  decider: Decider<State, Command, Event, Rejection> & { readonly name?: string },
  before: State,
  given: Story["given"]
): Spec<State, Command, Event, Rejection> => ({
  given: (events) => specOf(decider, evolveAll(decider, before, events), ["given", showAll(events, "nothing")]),
  givenState: (state) => specOf(decider, state, ["given state", show(state)]),
  when: (command) => {
    const actual = decide(decider, command, before)
    const state = isRejection(actual) ? before : evolveAll(decider, before, actual as ReadonlyArray<Event>)
    return outcomeOf({ name: decider.name ?? "decider", given, command, actual, state })
  }
})

const specFor = <State, Command extends Tagged, Event extends Tagged, Rejection>(
  decider: Decider<State, Command, Event, Rejection> & { readonly name?: string }
): Spec<State, Command, Event, Rejection> => specOf(decider, decider.initial, ["given", "nothing"])

export {
  /** Begins a specification of an aggregate, or of a bare decider. */
  specFor as for
}
