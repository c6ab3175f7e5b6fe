/**
 * Sagas: business transactions across services, as orchestrators whose state is itself a stream of events.
 *
 * A saga is declared as steps. Each sends a command and waits for an answer; when one fails before the pivot, what was done is
 * undone in reverse; from the pivot on it only goes forward. `make` turns the declaration into an ordinary aggregate: pure,
 * audited, replayed and tested like any other. Commands have ids made from the saga's id and the step, so that sending one
 * again is harmless. (Garcia-Molina and Salem, "Sagas", 1987; the pivot is Richardson's.)
 */
import * as Schema from "effect/Schema"
import * as Aggregate from "./Aggregate.ts"
import type { Contract } from "./Contract.ts"
import * as Event from "./Event.ts"
import { decideSaga, evolveSaga, initial, waitMillis } from "./SagaDecider.ts"

/** A command to a participant: where it goes, and what it says. Encoded by the participant's contract. */
export const Outgoing = Schema.Struct({
  topic: Schema.String,
  /** The aggregate that is told. */
  key: Schema.String,
  type: Schema.String,
  schemaVersion: Schema.Int,
  data: Schema.Json
})
export type Outgoing = typeof Outgoing.Type

/** A command of a participant's contract, to the aggregate of that key. Throws when it does not fit the contract. */
export const to = <M extends { readonly _tag: string }>(
  contract: Contract<M>,
  key: string,
  command: NoInfer<M>
): Outgoing => ({
  topic: contract.topic,
  key,
  ...(contract.encode(command) as Pick<Outgoing, Exclude<keyof Outgoing, "topic" | "key">>)
})

/** What a step knows: what the saga was started with, and what the steps before it have answered. */
export interface Known<Data> {
  readonly sagaId: string
  readonly data: Data
  /** By step. What a participant said with its success. */
  readonly answers: Readonly<Record<string, unknown>>
  /** Why the saga is being undone; `null` while it goes forward. */
  readonly failure: { readonly step: string; readonly reason: string; readonly answer: unknown } | null
}

/** What a step does when no answer comes. */
export interface Patience {
  /** How long an answer is waited for before the command is sent again. Doubled each time, up to `maxMillis`. */
  readonly firstMillis: number
  readonly maxMillis: number
  /**
   * How often the command is sent before an operator is asked. The saga never guesses: an answer that does not come is neither
   * a success nor a failure.
   */
  readonly attempts: number
}

/** How long the last attempt comes after the first, and its own wait: the longest that a step takes before an operator is asked. */
export const longestMillis = (patience: Patience): number => {
  let total = 0
  for (let attempt = 1; attempt <= patience.attempts; attempt++) total += waitMillis(patience, attempt)
  return total
}

/** One step. */
export interface Step<Data> {
  /** Unique in the saga. On disk. */
  readonly name: string
  /** The command that does it. */
  readonly command: (known: Known<Data>) => Outgoing
  /** The command that undoes it; none where there is nothing to undo. */
  readonly compensation?: (known: Known<Data>) => Outgoing
  readonly patience?: Patience
}

/** A saga. */
export interface Definition<Data> {
  /** Prefix of its streams. On disk. */
  readonly name: string
  readonly data: Schema.Codec<Data, any>
  readonly steps: ReadonlyArray<Step<Data>>
  /** The step whose success commits the saga: the ones after it are never undone. */
  readonly pivot: string
}

/** Where a saga is. */
export const Status = Schema.Literals([
  "unstarted",
  "running",
  "compensating",
  /** Every step has succeeded. */
  "completed",
  /** What had been done is undone. */
  "compensated",
  /** It cannot go on by itself: an operator retries or resolves it. */
  "needs-attention"
])

const Request = Schema.Struct({
  step: Schema.String,
  /** Whether the step is done or undone. */
  direction: Schema.Literals(["forward", "backward"]),
  /** The same for every attempt, so that the participant does it once. */
  commandId: Schema.String,
  attempt: Schema.Int,
  outgoing: Outgoing,
  /** When to send it again if no answer has come. */
  dueAtMillis: Schema.Int
})
export type Request = typeof Request.Type

/** The events of every saga. `SagaStarted.data` is the encoded form of the definition's `data`. */
export const Events = Event.define({
  SagaStarted: { sagaId: Schema.String, data: Schema.Json },
  StepRequested: Request.fields,
  StepSucceeded: { step: Schema.String, answer: Schema.Json },
  StepFailed: { step: Schema.String, reason: Schema.String, answer: Schema.Json },
  StepUndone: { step: Schema.String },
  /** A success that came after the saga had turned round: the step is undone with the others. */
  LateSuccessHeard: { step: Schema.String, answer: Schema.Json },
  CancellationRequested: { reason: Schema.String },
  SagaCompleted: {},
  SagaCompensated: { step: Schema.String, reason: Schema.String },
  AttentionNeeded: { step: Schema.String, reason: Schema.String },
  OperatorRetried: { step: Schema.String },
  OperatorResolved: { step: Schema.String, outcome: Schema.Literals(["succeeded", "failed"]), answer: Schema.Json }
})
export type SagaEvent = Event.Type<typeof Events>

const Answer = {
  step: Schema.String,
  direction: Schema.Literals(["forward", "backward"]),
  nowMillis: Schema.Int
}

/** The commands of every saga. Times come from whoever sends them. */
export const Command = Schema.TaggedUnion({
  Start: { sagaId: Schema.String, data: Schema.Json, nowMillis: Schema.Int },
  /** A participant has answered. */
  HearSuccess: { ...Answer, answer: Schema.Json },
  HearFailure: { ...Answer, reason: Schema.String, answer: Schema.Json },
  /** A request's time has come and no answer. */
  RunOutOfPatience: { step: Schema.String, attempt: Schema.Int, nowMillis: Schema.Int },
  /** Honoured before the pivot is sent; later it is recorded, and the saga goes on. */
  Cancel: { reason: Schema.String },
  /** An operator lets it try again. */
  Retry: { nowMillis: Schema.Int },
  /** An operator says what became of the step that the saga waits for. */
  Resolve: { outcome: Schema.Literals(["succeeded", "failed"]), answer: Schema.Json, nowMillis: Schema.Int }
})
export type Command = typeof Command.Type

const StateSchema = Schema.Struct({
  status: Status,
  sagaId: Schema.String,
  data: Schema.Json,
  /** The request that is waited for; `null` when none is. */
  pending: Schema.NullOr(Request),
  answers: Schema.Record(Schema.String, Schema.Json),
  /** Steps to be undone, the next one last. */
  toUndo: Schema.Array(Schema.String),
  failure: Schema.NullOr(Schema.Struct({ step: Schema.String, reason: Schema.String, answer: Schema.Json })),
  cancellation: Schema.NullOr(Schema.String)
})
export type State = typeof StateSchema.Type

/** Throws when the steps do not make a saga. */
const check = (definition: Definition<any>): void => {
  const names = definition.steps.map((step) => step.name)
  const fail = (what: string) => {
    throw new Error(`Saga ${definition.name}: ${what}`)
  }
  if (names.length === 0) fail("it has no steps")
  if (new Set(names).size !== names.length) fail("two steps have the same name")
  if (!names.includes(definition.pivot)) fail(`the pivot ${definition.pivot} is none of its steps`)
  const pivot = names.indexOf(definition.pivot)
  for (const step of definition.steps.slice(pivot)) {
    if (step.compensation !== undefined && step.name !== definition.pivot) {
      fail(`step ${step.name} comes after the pivot and is never undone; take its compensation away`)
    }
  }
}

/** The saga as an aggregate. */
export const make = <Data>(definition: Definition<Data>) => {
  check(definition)
  return Aggregate.make({
    name: definition.name,
    initial,
    evolve: evolveSaga,
    decide: decideSaga(definition),
    state: { version: 1, schema: StateSchema },
    events: Events,
    commands: Command,
    isClosed: ({ status }) => status === "completed" || status === "compensated"
  })
}
