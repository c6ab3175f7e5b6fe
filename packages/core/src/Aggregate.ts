/**
 * Aggregates: a decider plus the schemas that take it across boundaries.
 *
 * A decider is three pure things: `initial`, `decide(command, state) → events | rejection`, `evolve(state, event) → state`
 * (Chassaing, "Functional Event Sourcing Decider"). Time, ids and looked-up facts arrive inside the command, so that nothing
 * here needs a clock, randomness or I/O, and a test is a function call.
 */
import type * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import type { Events } from "./Event.ts"

/** Anything told apart by `_tag`. */
export interface Tagged {
  readonly _tag: string
}

/** One function for each event: the state after it. Total: it accepts whatever `decide` has ever emitted. */
export type Evolve<State, Event extends Tagged> = {
  readonly [K in Event["_tag"]]: (state: State, event: Extract<Event, { readonly _tag: K }>) => State
}

/** One function for each command: the events that follow from it, none when there is nothing to do, or why it is rejected. */
export type Decide<State, Command extends Tagged, Event extends Tagged, Rejection> = {
  readonly [K in Command["_tag"]]: (
    command: Extract<Command, { readonly _tag: K }>,
    state: State
  ) => ReadonlyArray<Event> | Rejection
}

/** The pure part of an aggregate. */
export interface Decider<State, Command extends Tagged, Event extends Tagged, Rejection> {
  readonly initial: State
  readonly decide: Decide<State, Command, Event, Rejection>
  readonly evolve: Evolve<State, Event>
}

/** The stored form of an aggregate's state, for snapshots and state-stored aggregates. */
export interface StateSchema<State> {
  /**
   * Raise it with every change of the schema or of what `evolve` computes. A snapshot of another version that `upcast` does
   * not raise is ignored and rebuilt from events; a state-stored aggregate, whose events may be gone, needs `upcast`.
   */
  readonly version: number
  readonly schema: Schema.Codec<State, any>
  /** Raises stored state of an earlier version to the current encoded form. A state that it throws on counts as unreadable. */
  readonly upcast?: ((data: any, fromVersion: number) => unknown) | undefined
}

/** A kind of aggregate: its name, its decider, and the schemas of what goes in and out. */
export interface Aggregate<State, Command extends Tagged, Event extends Tagged, Rejection>
  extends Decider<State, Command, Event, Rejection> {
  /** Prefix of its streams; lower-case letters and digits. On disk. */
  readonly name: string
  readonly state: StateSchema<State>
  readonly events: Events<Event>
  readonly commands: Schema.Codec<Command, any>
  /**
   * Whether nothing more is expected of an aggregate in that state, so that its events may go to the archive. It can still be asked
   * for, and go on if it must. Left out, none of them ever is closed.
   */
  readonly isClosed?: ((state: State) => boolean) | undefined
}

/** The tags of a union of tagged structs; none where a schema is something else. */
const tagsOf = (ast: SchemaAST.AST): ReadonlyArray<string> => {
  if (SchemaAST.isUnion(ast)) return ast.types.flatMap(tagsOf)
  const tag = SchemaAST.isObjects(ast) ? ast.propertySignatures.find(({ name }) => name === "_tag")?.type : undefined
  return tag !== undefined && SchemaAST.isLiteral(tag) && typeof tag.literal === "string" ? [tag.literal] : []
}

/** The rejections that a record of `decide` cases can answer with. */
export type RejectionOf<Cases> = {
  readonly [K in keyof Cases]: Cases[K] extends (...args: never) => infer Outcome
    ? Exclude<Outcome, ReadonlyArray<unknown>>
    : never
}[keyof Cases]

const namePattern = /^[a-z][a-z0-9]*$/

/**
 * Declares an aggregate. An event without an `evolve` case, or a command without a `decide` case, does not compile; where
 * types were bypassed, the same mistakes throw here, at start-up.
 */
export const make = <
  State,
  Command extends Tagged,
  Event extends Tagged,
  Cases extends Decide<State, Command, Event, Error>
>(
  definition: Omit<Aggregate<State, Command, Event, Error>, "decide"> & { readonly decide: Cases }
): Aggregate<State, Command, Event, RejectionOf<NoInfer<Cases>>> => {
  const fail = (what: string) => {
    throw new Error(`Aggregate ${definition.name}: ${what}`)
  }
  if (!namePattern.test(definition.name)) fail(`the name must match ${namePattern}`)
  const compare = (where: "evolve" | "decide", what: "event" | "command", names: ReadonlyArray<string>) => {
    const cases: Record<string, unknown> = definition[where]
    for (const name of names) {
      if (typeof cases[name] !== "function") fail(`${where} has no case for ${what} ${name}`)
    }
    const undeclared = Object.keys(cases).find((name) => !names.includes(name))
    if (undeclared !== undefined) fail(`${where} has a case for ${undeclared}, which is no declared ${what}`)
  }
  compare("evolve", "event", definition.events.names)
  const commands = tagsOf(definition.commands.ast)
  // Names of commands are known where their schema is a tagged union, which it nearly always is.
  if (commands.length > 0) compare("decide", "command", commands)
  if (!Number.isInteger(definition.state.version) || definition.state.version < 1) {
    fail(`state version ${definition.state.version} is not a whole number of at least 1`)
  }
  // The rejections are those that the cases name: a narrower type than `Error`, which the compiler cannot see by itself.
  return definition as unknown as Aggregate<State, Command, Event, RejectionOf<NoInfer<Cases>>>
}

/** The state after an event. */
export const evolve = <State, Event extends Tagged>(
  decider: { readonly evolve: Evolve<State, Event> },
  state: State,
  event: Event
): State => decider.evolve[event._tag as Event["_tag"]](state, event as never)

/** The state after events, in order. */
export const evolveAll = <State, Event extends Tagged>(
  decider: { readonly evolve: Evolve<State, Event> },
  state: State,
  events: Iterable<Event>
): State => {
  for (const event of events) state = evolve(decider, state, event)
  return state
}

/** What a decider makes of a command. */
export const decide = <State, Command extends Tagged, Event extends Tagged, Rejection>(
  decider: Decider<State, Command, Event, Rejection>,
  command: Command,
  state: State
): ReadonlyArray<Event> | Rejection => {
  const handler = decider.decide[command._tag as Command["_tag"]]
  if (handler === undefined) throw new Error(`No decide case for command ${command._tag}`)
  return handler(command as never, state)
}
