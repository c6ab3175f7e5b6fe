/**
 * What a saga decides: the pure part of `Saga`, the same for every definition.
 *
 * Forward until a step fails; then the steps that succeeded are undone in reverse. A step whose answer has not come is never
 * taken for failed: it is sent again, and in the end an operator says what became of it.
 */
import * as Schema from "effect/Schema"
import type { Decide, Evolve } from "./Aggregate.ts"
import type { Command, Definition, Known, Patience, Request, SagaEvent, State, Step } from "./Saga.ts"
import { SagaAlreadyStarted, SagaNotStarted, SagaNotWaiting } from "./SagaProblems.ts"

/** Ten seconds, doubled up to five minutes, for about an hour: long enough for a restart, short enough to be noticed. */
export const defaultPatience: Patience = { firstMillis: 10_000, maxMillis: 300_000, attempts: 18 }

export const initial: State = {
  status: "unstarted",
  sagaId: "",
  data: null,
  pending: null,
  answers: {},
  toUndo: [],
  failure: null,
  cancellation: null
}

type Rejection = SagaAlreadyStarted | SagaNotStarted | SagaNotWaiting
type Outcome = ReadonlyArray<SagaEvent> | Rejection

export const evolveSaga: Evolve<State, SagaEvent> = {
  SagaStarted: (state, { sagaId, data }) => ({ ...state, status: "running", sagaId, data }),
  StepRequested: (state, { _tag, ...request }) => ({
    ...state,
    pending: request,
    status: request.direction === "forward" ? "running" : "compensating"
  }),
  StepSucceeded: (state, { step, answer }) => ({
    ...state,
    pending: null,
    answers: { ...state.answers, [step]: answer },
    toUndo: [...state.toUndo, step]
  }),
  StepFailed: (state, { step, reason, answer }) => ({ ...state, pending: null, failure: { step, reason, answer } }),
  StepUndone: (state, { step }) => ({ ...state, pending: null, toUndo: state.toUndo.filter((name) => name !== step) }),
  LateSuccessHeard: (state, { step, answer }) => ({
    ...state,
    answers: { ...state.answers, [step]: answer },
    toUndo: [...state.toUndo, step]
  }),
  CancellationRequested: (state, { reason }) => ({ ...state, cancellation: reason }),
  SagaCompleted: (state) => ({ ...state, status: "completed", pending: null }),
  SagaCompensated: (state) => ({ ...state, status: "compensated", pending: null }),
  AttentionNeeded: (state) => ({ ...state, status: "needs-attention" }),
  OperatorRetried: (state) => state,
  OperatorResolved: (state) => state
}

const fold = (state: State, events: ReadonlyArray<SagaEvent>): State =>
  events.reduce<State>((before, event) => evolveSaga[event._tag](before, event as never), state)

const undo = "/undo"

/** The id of a step's command: the saga's, the step, and `undo` where it is to be undone. The same for every attempt. */
const commandIdOf = (sagaId: string, step: string, direction: Request["direction"]): string =>
  `${sagaId}/${step}${direction === "forward" ? "" : undo}`

/** The step that a command was for; `undefined` when it is none of the saga's. */
export const stepOf = (sagaId: string, commandId: string): Pick<Request, "step" | "direction"> | undefined => {
  if (!commandId.startsWith(`${sagaId}/`)) return undefined
  const step = commandId.slice(sagaId.length + 1)
  return step.endsWith(undo)
    ? { step: step.slice(0, -undo.length), direction: "backward" }
    : { step, direction: "forward" }
}

class Decider<Data> {
  readonly #definition: Definition<Data>
  readonly #decodeData: (data: unknown) => Data

  constructor(definition: Definition<Data>) {
    this.#definition = definition
    this.#decodeData = Schema.decodeUnknownSync(
      Schema.toCodecJson(definition.data) as unknown as Schema.Codec<Data, unknown>
    )
  }

  #step(name: string): Step<Data> {
    const step = this.#definition.steps.find((one) => one.name === name)
    if (step === undefined) throw new Error(`Saga ${this.#definition.name} has no step ${name}; was it renamed?`)
    return step
  }

  #known({ sagaId, data, answers, failure }: State): Known<Data> {
    return { sagaId, data: this.#decodeData(data), answers, failure }
  }

  #index(name: string): number {
    return this.#definition.steps.findIndex((step) => step.name === name)
  }

  /** Whether a step comes before the pivot, so that the saga may still turn round. */
  isBeforePivot(name: string): boolean {
    return this.#index(name) < this.#index(this.#definition.pivot)
  }

  #request(state: State, step: Step<Data>, direction: Request["direction"], nowMillis: number): SagaEvent {
    const build = direction === "forward" ? step.command : step.compensation!
    return {
      _tag: "StepRequested",
      step: step.name,
      direction,
      commandId: commandIdOf(state.sagaId, step.name, direction),
      attempt: 1,
      outgoing: build(this.#known(state)),
      dueAtMillis: nowMillis + waitMillis(step.patience, 1)
    }
  }

  /** What follows when nothing is waited for: the next step forward, or the next one to undo, or the end. */
  #next(state: State, nowMillis: number): ReadonlyArray<SagaEvent> {
    if (state.failure !== null) return this.#nextBackward(state, nowMillis)
    const done = this.#definition.steps.filter((step) => step.name in state.answers).length
    const step = this.#definition.steps[done]
    return step === undefined ? [{ _tag: "SagaCompleted" }] : [this.#request(state, step, "forward", nowMillis)]
  }

  #nextBackward(state: State, nowMillis: number): ReadonlyArray<SagaEvent> {
    const events: Array<SagaEvent> = []
    for (const name of [...state.toUndo].reverse()) {
      const step = this.#step(name)
      const now = fold(state, events)
      if (step.compensation !== undefined) return [...events, this.#request(now, step, "backward", nowMillis)]
      events.push({ _tag: "StepUndone", step: name })
    }
    const { step, reason } = state.failure!
    return [...events, { _tag: "SagaCompensated", step, reason }]
  }

  #then(state: State, events: ReadonlyArray<SagaEvent>, nowMillis: number): ReadonlyArray<SagaEvent> {
    return [...events, ...this.#next(fold(state, events), nowMillis)]
  }

  start({ sagaId, data, nowMillis }: Extract<Command, { _tag: "Start" }>, state: State): Outcome {
    if (state.status === "unstarted") return this.#then(state, [{ _tag: "SagaStarted", sagaId, data }], nowMillis)
    if (JSON.stringify(state.data) === JSON.stringify(data)) return []
    return new SagaAlreadyStarted({
      detail: `Saga ${sagaId} was started with other data. Start another saga under an id of its own.`
    })
  }

  /** Whether an answer is to what is waited for. Anything else is old, or late. */
  #isAwaited({ pending }: State, step: string, direction: Request["direction"]): boolean {
    return pending !== null && pending.step === step && pending.direction === direction
  }

  hearSuccess(
    { step, direction, answer, nowMillis }: Extract<Command, { _tag: "HearSuccess" }>,
    state: State
  ): Outcome {
    if (state.status === "unstarted") return notStarted()
    if (this.#isAwaited(state, step, direction)) {
      return direction === "backward"
        ? this.#then(state, [{ _tag: "StepUndone", step }], nowMillis)
        : this.#forward(state, step, answer, nowMillis)
    }
    return direction === "forward" ? this.#late(state, step, answer, nowMillis) : []
  }

  #forward(state: State, step: string, answer: Json, nowMillis: number): ReadonlyArray<SagaEvent> {
    const succeeded: SagaEvent = { _tag: "StepSucceeded", step, answer }
    // A cancellation that came while the step was under way is honoured now, unless the step was the pivot or came after it.
    if (state.cancellation === null || !this.isBeforePivot(step)) return this.#then(state, [succeeded], nowMillis)
    return this.#then(
      state,
      [succeeded, { _tag: "StepFailed", step, reason: state.cancellation, answer: null }],
      nowMillis
    )
  }

  /** A success that nobody waits for any more, of a step that counts as failed: it is undone like the others. */
  #late(state: State, step: string, answer: Json, nowMillis: number): Outcome {
    const failed = state.failure !== null && state.failure.step === step && !(step in state.answers)
    if (!failed || this.#step(step).compensation === undefined) return []
    const heard: SagaEvent = { _tag: "LateSuccessHeard", step, answer }
    return state.status === "compensated" ? this.#then(state, [heard], nowMillis) : [heard]
  }

  hearFailure(
    { step, direction, reason, answer, nowMillis }: Extract<Command, { _tag: "HearFailure" }>,
    state: State
  ): Outcome {
    if (state.status === "unstarted") return notStarted()
    if (!this.#isAwaited(state, step, direction) || state.status === "needs-attention") return []
    const mayTurn = direction === "forward" && (this.isBeforePivot(step) || step === this.#definition.pivot)
    if (!mayTurn) return [{ _tag: "AttentionNeeded", step, reason }]
    return this.#then(state, [{ _tag: "StepFailed", step, reason, answer }], nowMillis)
  }

  runOutOfPatience(
    { step, attempt, nowMillis }: Extract<Command, { _tag: "RunOutOfPatience" }>,
    state: State
  ): Outcome {
    const { pending, status } = state
    const waits = pending !== null && pending.step === step && pending.attempt === attempt
    if (!waits || status === "needs-attention" || nowMillis < pending.dueAtMillis) return []
    const { patience } = this.#step(step)
    if (attempt >= (patience ?? defaultPatience).attempts) {
      return [{ _tag: "AttentionNeeded", step, reason: `No answer after ${attempt} attempts` }]
    }
    return [again(pending, attempt + 1, nowMillis, patience)]
  }

  cancel({ reason }: Extract<Command, { _tag: "Cancel" }>, state: State): Outcome {
    if (state.status === "unstarted") return notStarted()
    const isGoingForward = state.failure === null && state.status !== "completed"
    // Something is always waited for while it runs: what was asked takes effect with the answer.
    return isGoingForward && state.cancellation === null ? [{ _tag: "CancellationRequested", reason }] : []
  }

  retry({ nowMillis }: Extract<Command, { _tag: "Retry" }>, state: State): Outcome {
    const { pending, status } = state
    if (status !== "needs-attention" || pending === null) return notWaiting(state)
    return [
      { _tag: "OperatorRetried", step: pending.step },
      again(pending, 1, nowMillis, this.#step(pending.step).patience)
    ]
  }

  resolve({ outcome, answer, nowMillis }: Extract<Command, { _tag: "Resolve" }>, state: State): Outcome {
    const { pending, status } = state
    if (status !== "needs-attention" || pending === null) return notWaiting(state)
    const { step, direction } = pending
    const resolved: SagaEvent = { _tag: "OperatorResolved", step, outcome, answer }
    if (outcome === "succeeded" && direction === "forward")
      return [resolved, ...this.#forward(state, step, answer, nowMillis)]
    // A step that could not be undone, and one that an operator has undone by hand, are both behind the saga now.
    if (direction === "backward") return [resolved, ...this.#then(state, [{ _tag: "StepUndone", step }], nowMillis)]
    const failed: SagaEvent = { _tag: "StepFailed", step, reason: "Resolved as failed by an operator", answer }
    return [resolved, ...this.#then(state, [failed], nowMillis)]
  }
}

type Json = State["data"]

/** How long the answer to an attempt is waited for, the first attempt being 1. */
export const waitMillis = (patience: Patience = defaultPatience, attempt: number): number =>
  Math.min(patience.firstMillis * 2 ** Math.min(attempt - 1, 30), patience.maxMillis)

const again = (pending: Request, attempt: number, nowMillis: number, patience: Patience | undefined): SagaEvent => ({
  _tag: "StepRequested",
  ...pending,
  attempt,
  dueAtMillis: nowMillis + waitMillis(patience, attempt)
})

const notStarted = (): SagaNotStarted =>
  new SagaNotStarted({ detail: "There is no saga of this id. Check the id, or start it first." })

const notWaiting = ({ status }: State): SagaNotWaiting =>
  new SagaNotWaiting({ detail: `The saga is ${status}; only one that needs attention can be retried or resolved.` })

export const decideSaga = <Data>(definition: Definition<Data>): Decide<State, Command, SagaEvent, Rejection> => {
  const decider = new Decider(definition)
  return {
    Start: (command, state) => decider.start(command, state),
    HearSuccess: (command, state) => decider.hearSuccess(command, state),
    HearFailure: (command, state) => decider.hearFailure(command, state),
    RunOutOfPatience: (command, state) => decider.runOutOfPatience(command, state),
    Cancel: (command, state) => decider.cancel(command, state),
    Retry: (command, state) => decider.retry(command, state),
    Resolve: (command, state) => decider.resolve(command, state)
  }
}
