/**
 * Laws that hold for every decider that is stored as events, checked on random commands.
 *
 * Whoever relies on replay, snapshots, retries or moving an aggregate to another process relies on these. A law that is broken
 * is reported with the shortest history of commands that breaks it.
 */

import type { Aggregate, Tagged } from "@daybook/core/Aggregate"
import { decide, evolve } from "@daybook/core/Aggregate"
import type { Stored } from "@daybook/core/Event"
import { reasonOf } from "@daybook/core/Problem"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { layOut, same, show } from "./internal/Values.ts"
import { nothingKnown } from "./Metadata.ts"

/** The laws, in the order in which they are checked. */
export const laws = {
  command: "a command is the same after it was sent",
  decide: "decide answers every command with events or a rejection",
  pure: "decide and evolve give the same answer to the same question",
  unchanged: "decide and evolve change nothing that they are given",
  evolve: "evolve accepts whatever decide emits",
  event: "an event is the same after it was stored",
  replay: "replaying stored events gives the live state",
  state: "a state is the same after it was stored",
  snapshot: "a stored state and the later events give the live state"
} as const

/** One command of a history, and what came of it. */
export interface Step<State, Command, Event, Rejection> {
  readonly command: Command
  readonly before: State
  /** None when there was nothing to do, or when the command was rejected. */
  readonly events: ReadonlyArray<Event>
  readonly rejection: Rejection | undefined
  readonly after: State
}

export interface Options {
  /** Random histories to check. Default 200. */
  readonly runs?: number
  /** Repeats a run: what a failure names. */
  readonly seed?: number
  readonly path?: string
}

/** How often each event and each rejection came up, by name. Laws say nothing about what never did. */
export interface Coverage {
  readonly events: ReadonlyMap<string, number>
  readonly rejections: ReadonlyMap<string, number>
}

class LawBroken extends Error {
  constructor(law: keyof typeof laws, why: string) {
    super(`the law "${laws[law]}" is broken: ${why}`)
  }
}

const require = (law: keyof typeof laws, holds: boolean, why: () => string): void => {
  if (!holds) throw new LawBroken(law, why())
}

const difference = (expected: unknown, actual: unknown): string =>
  `\n\n${layOut([
    ["expected", show(expected)],
    ["actual", show(actual)]
  ])}\n`

/** Freezes plain data, so that code which changes what it is given throws. */
const frozen = <A>(value: A): A => {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== Array.prototype && prototype !== null) return value
  Object.freeze(value)
  for (const property of Object.values(value)) frozen(property)
  return value
}

const isWriteToFrozen = (error: unknown): boolean =>
  error instanceof TypeError && /read only property|not extensible|Cannot delete property/.test(error.message)

/** Runs domain code, which throws for no command and no event. */
const attempt = <A>(law: keyof typeof laws, what: string, run: () => A): A => {
  try {
    return frozen(run())
  } catch (error) {
    throw new LawBroken(isWriteToFrozen(error) ? "unchanged" : law, `${what} threw ${error}`)
  }
}

/** The way to disk and back. */
const stored = <A>(law: keyof typeof laws, what: string, run: () => A): A => {
  try {
    return run()
  } catch (error) {
    throw new LawBroken(law, `${what} threw ${error}`)
  }
}

const throughText = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

const roundTrip = <A>(schema: Schema.Codec<A, any>): ((value: A) => A) => {
  const json = Schema.toCodecJson(schema) as Schema.Codec<A, unknown>
  const encode = Schema.encodeUnknownSync(json)
  const decode = Schema.decodeUnknownSync(json)
  return (value) => decode(throughText(encode(value)))
}

const storedAs = (aggregate: { readonly name: string }, version: number, encoded: object): Stored =>
  throughText({
    ...encoded,
    stream: `${aggregate.name}-laws`,
    version,
    partition: 0,
    position: version,
    eventId: "0192f0c1-7a5b-7c3d-8e4f-0123456789ab",
    occurredAtMillis: 0,
    recordedAtMillis: 0,
    ...nothingKnown
  }) as Stored

/** Plays commands against one aggregate, and holds every step to the laws. */
class Walk<State, Command extends Tagged, Event extends Tagged, Rejection> {
  readonly #aggregate: Aggregate<State, Command, Event, Rejection>
  readonly #sent: (command: Command) => Command
  readonly #remembered: (state: State) => State
  #live: State
  /** The state of one who reads the stored events. */
  #replayed: State
  /** The state of one who stores and reads back the state after every event. */
  #restored: State
  #version = 0

  constructor(aggregate: Aggregate<State, Command, Event, Rejection>) {
    this.#aggregate = aggregate
    this.#sent = roundTrip(aggregate.commands)
    this.#remembered = roundTrip(aggregate.state.schema)
    this.#live = this.#replayed = this.#restored = frozen(aggregate.initial)
    this.#expectRemembered(this.#live)
  }

  step(command: Command): Step<State, Command, Event, Rejection> {
    const sent = stored("command", `sending ${command._tag}`, () => this.#sent(command))
    require("command", same(sent, command), () => difference(command, sent))
    const before = this.#live
    const outcome = this.#decide(frozen(command))
    require("pure", same(throughErrors(this.#decide(command)), throughErrors(outcome)), () =>
      `${command._tag} was decided otherwise the second time`)
    if (!Array.isArray(outcome)) {
      return { command, before, events: [], rejection: outcome as Rejection, after: before }
    }
    const events = outcome as ReadonlyArray<Event>
    for (const event of events) this.#apply(event)
    return { command, before, events, rejection: undefined, after: this.#live }
  }

  #decide(command: Command): ReadonlyArray<Event> | Rejection {
    const outcome = attempt("decide", `deciding ${command._tag}`, () => decide(this.#aggregate, command, this.#live))
    const isAnswer = Array.isArray(outcome) || outcome instanceof Error
    require("decide", isAnswer, () => `${command._tag} was answered with ${show(outcome)}`)
    return outcome
  }

  #evolve(state: State, event: Event): State {
    return attempt("evolve", `evolving ${event._tag}`, () => evolve(this.#aggregate, state, event))
  }

  #apply(event: Event): void {
    const { events } = this.#aggregate
    const encoded = stored("event", `encoding ${show(event)}`, () =>
      storedAs(this.#aggregate, ++this.#version, events.encode(event))
    )
    const decoded = stored("event", `decoding ${event._tag}`, () => events.decode(encoded))
    require("event", same(decoded, [event]), () => difference([event], decoded))
    const live = this.#evolve(this.#live, event)
    require("pure", same(this.#evolve(this.#live, event), live), () =>
      `${event._tag} evolved otherwise the second time`)
    this.#live = live
    this.#replayed = frozen(decoded).reduce((state, one) => this.#evolve(state, one), this.#replayed)
    require("replay", same(this.#replayed, live), () => `after ${event._tag}${difference(live, this.#replayed)}`)
    this.#expectRemembered(live)
    this.#restored = this.#evolve(frozen(this.#remembered(this.#restored)), event)
    require("snapshot", same(this.#restored, live), () => `after ${event._tag}${difference(live, this.#restored)}`)
  }

  #expectRemembered(state: State): void {
    const remembered = stored("state", "storing the state", () => this.#remembered(state))
    require("state", same(remembered, state), () => difference(state, remembered))
  }
}

/** Rejections as data: two errors of the same content are the same answer. */
const throughErrors = (outcome: unknown): unknown =>
  outcome instanceof Error ? { ...outcome, message: outcome.message } : outcome

const walk = <State, Command extends Tagged, Event extends Tagged, Rejection>(
  aggregate: Aggregate<State, Command, Event, Rejection>,
  commands: ReadonlyArray<Command>,
  onStep: (step: Step<State, Command, Event, Rejection>) => void
): void => {
  const walker = new Walk(aggregate)
  for (const command of commands) onStep(walker.step(command))
}

/** The failure in words: what broke, after which commands, and how to see it again. */
const explain = <Command extends Tagged>(name: string, details: fc.RunDetails<[ReadonlyArray<Command>]>): Error => {
  const commands = details.counterexample?.[0] ?? []
  const error = details.errorInstance
  const why = reasonOf(error)
  const history = commands.map((command, i) => [`${i + 1}.`, show(command)] as const)
  const again = `{ seed: ${details.seed}, path: "${details.counterexamplePath}" }`
  return new Error(
    `${name}: ${why}\n\nafter ${commands.length === 0 ? "no command at all" : `these commands:\n\n${layOut(history)}`}\n\n` +
      `To see it again, give the options ${again}.\n`,
    { cause: error }
  )
}

/**
 * Holds every step of random histories to something: an invariant of this aggregate, asserted by a function that throws. The
 * laws are checked along the way.
 */
export const always = <State, Command extends Tagged, Event extends Tagged, Rejection>(
  aggregate: Aggregate<State, Command, Event, Rejection>,
  commands: fc.Arbitrary<ReadonlyArray<Command>>,
  holds: (step: Step<State, Command, Event, Rejection>) => void,
  options: Options = {}
): Coverage => {
  const events = new Map<string, number>()
  const rejections = new Map<string, number>()
  const count = (counts: Map<string, number>, name: string) => counts.set(name, (counts.get(name) ?? 0) + 1)
  const property = fc.property(commands, (history) =>
    walk(aggregate, history, (step) => {
      for (const event of step.events) count(events, event._tag)
      if (step.rejection !== undefined) count(rejections, (step.rejection as Partial<Tagged>)._tag ?? "Error")
      holds(step)
    })
  )
  const { runs, seed, path } = options
  const details = fc.check(property, {
    numRuns: runs ?? 200,
    ...(seed === undefined ? {} : { seed }),
    ...(path === undefined ? {} : { path })
  })
  if (details.failed) throw explain(aggregate.name, details)
  if (events.size === 0) {
    throw new Error(`${aggregate.name}: none of the random commands led to an event, so that nothing was checked`)
  }
  return { events, rejections }
}

/** Holds an aggregate to the laws, on random histories of commands. Throws with the shortest one that breaks a law. */
export const check = <State, Command extends Tagged, Event extends Tagged, Rejection>(
  aggregate: Aggregate<State, Command, Event, Rejection>,
  commands: fc.Arbitrary<ReadonlyArray<Command>>,
  options: Options = {}
): Coverage => always(aggregate, commands, () => {}, options)
