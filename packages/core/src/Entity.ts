/**
 * One aggregate in memory: its state, its mailbox, and the rule that nothing is answered before it is durable.
 *
 * An entity decides the commands that wait in its mailbox one after the other, each on the state that the one before left,
 * and appends all their events at once. The answers, rejections too, go out when that append is durable: a rejection that
 * rests on events which were then lost would have been a lie. Plain code without Effect, since every command passes here.
 */
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"

import type { Tagged } from "./Aggregate.ts"
import { decide, evolveAll } from "./Aggregate.ts"
import { type Decided, type Draft, draftOn, isRepeatWithin, joined } from "./Draft.ts"
import type { CommandOptions } from "./Entities.ts"
import type { EntityHost, Pending, Reply } from "./EntityHost.ts"
import { contended, versionMismatch } from "./EntityProblems.ts"
import * as EventId from "./EventId.ts"
import type { Refused } from "./GroupCommit.ts"
import type { Append, NewEvent, Outcome, Receipt } from "./Journal.ts"

type Phase = "cold" | "recovering" | "ready" | "committing"

/** Commands decided for one append at most; beyond that the others' latency grows for nothing. */
const maxDraftEvents = 500
/** How often a command is decided anew when another writer was faster. */
const maxAttempts = 5
const firstBackoffMillis = 100
const maxBackoffMillis = 10_000

export class Entity<State, Command extends Tagged, Event extends Tagged> {
  readonly stream: string
  readonly partition: number
  version = 0
  state: State
  /** Events since the last snapshot. */
  sinceSnapshot = 0
  takingSnapshot = false
  lastUsedMillis = 0
  readonly #host: EntityHost<State, Command, Event>
  #mailbox: Array<Pending<State, Command>> = []
  #phase: Phase = "cold"
  #failures = 0
  #notBeforeMillis = 0
  /** Whether the stream has been looked for, or taken for new. */
  #known = false
  /** The draft under way rests on a guess that the stream is new, which only its append can prove. */
  #guessing = false
  /** How many commands waited already when the state was read from the journal. */
  #proven = 0

  constructor(host: EntityHost<State, Command, Event>, stream: string, partition: number) {
    this.#host = host
    this.stream = stream
    this.partition = partition
    this.state = host.aggregate.initial
  }

  /** How many commands wait. */
  get waiting(): number {
    return this.#mailbox.length
  }

  /** Nothing waits and nothing is under way: the entity may be forgotten. */
  get idle(): boolean {
    return this.#mailbox.length === 0 && (this.#phase === "ready" || this.#phase === "cold")
  }

  /** Puts a command into the mailbox. The host has checked the mailbox's bound. */
  tell(pending: Pending<State, Command>): void {
    this.#mailbox.push(pending)
    if (this.#phase === "ready") this.#drain()
    else if (this.#phase === "cold") this.#begin()
  }

  /**
   * The first command of all. Where the initial state accepts it, it most likely creates the aggregate: then its append, which
   * the journal refuses unless the stream is new, goes at once. If that was wrong, nobody has been told anything yet, and all
   * is decided again on what recovery finds. So is what leaves no events, such as a rejection: nothing would prove it.
   */
  #begin(): void {
    if (this.#known || !this.#host.guesses.allowed) return this.#recover()
    this.#known = true
    this.#phase = "committing"
    const draft = this.#decideWaiting()
    this.#guessing = draft.events.length > 0 && !draft.crashed
    if (this.#guessing) return this.#append(draft)
    this.#retry(draft, () => true)
    this.#recover()
  }

  #recover(): void {
    this.#known = true
    this.#phase = "recovering"
    const delay = this.#notBeforeMillis - this.#host.now()
    if (delay > 0) return this.#host.wait(delay, () => this.#recoverNow())
    this.#recoverNow()
  }

  #recoverNow(): void {
    const asked = this.#mailbox.length
    this.#host.recover(this.stream, (exit) => {
      if (Exit.isSuccess(exit)) {
        this.#proven = asked
        this.state = exit.value.state
        this.version = exit.value.version
        this.sinceSnapshot = exit.value.replayed
        this.#failures = 0
        if (this.version === 0) this.#host.guesses.foundNew()
        this.#phase = "ready"
        return this.#drain()
      }
      this.#notBeforeMillis = this.#host.now() + Math.min(firstBackoffMillis * 2 ** this.#failures++, maxBackoffMillis)
      this.#phase = "cold"
      const waiting = this.#mailbox
      this.#mailbox = []
      for (const pending of waiting) pending.reply(exit as Exit.Exit<never, unknown>)
    })
  }

  /** Forgets the state, which the next command recovers from the journal. */
  #restart(): void {
    this.#phase = "cold"
    this.state = this.#host.aggregate.initial
    if (this.#mailbox.length === 0) return
    this.#phase = "recovering"
    // Not at once: where recovery needs no I/O, a mailbox full of commands that crash would be that many nested calls.
    queueMicrotask(() => this.#recover())
  }

  /** Goes on with what waits, now that everyone of the last draft has an answer or waits again. */
  #next(): void {
    this.#phase = "ready"
    this.#drain()
  }

  /** Decides what waits, and appends. */
  #drain(): void {
    while (this.#phase === "ready" && this.#mailbox.length > 0) {
      // Until all are answered: who sends a command upon an answer joins the next draft, and finds no half-settled state.
      this.#phase = "committing"
      const draft = this.#decideWaiting()
      const isProven = draft.decided.length <= this.#proven
      this.#proven = 0
      if (draft.events.length > 0 || draft.receipts.length > 0) {
        this.#append(draft)
        continue
      }
      if (this.#host.shared && !isProven && draft.decided.some(({ pending }) => !pending.glance))
        return this.#prove(draft)
      this.#settle(draft, 0)
      if (draft.crashed) return this.#restart()
      this.#phase = "ready"
    }
  }

  /**
   * Another process may have written since this one last did. An append would find out; what stores nothing, such as a rejection, would
   * be an answer from the past. So the journal is asked first, and where it is ahead, all is decided again.
   */
  #prove(draft: Draft<State, Command, Event>): void {
    this.#host.versionOf(this.stream, (exit) => {
      if (Exit.isSuccess(exit) && exit.value !== this.version) {
        this.#retry(draft, () => true)
        return this.#restart()
      }
      if (Exit.isSuccess(exit)) this.#settle(draft, 0)
      else for (const { pending } of draft.decided) pending.reply(exit as Exit.Exit<never, unknown>)
      if (draft.crashed) return this.#restart()
      this.#next()
    })
  }

  #decideWaiting(): Draft<State, Command, Event> {
    const draft: Draft<State, Command, Event> = draftOn(this.state, this.version)
    let taken = 0
    while (taken < this.#mailbox.length && draft.events.length < maxDraftEvents && !draft.crashed) {
      const pending = this.#mailbox[taken]!
      if (taken > 0 && (pending.solo || this.#mailbox[0]!.solo || isRepeatWithin(draft, pending))) break
      taken++
      this.#decide(draft, pending)
    }
    // In place: of an entity that has been there for a while the array is old, and one that it left behind would keep what was in it, down to
    // the caller's request, until all memory is collected.
    if (taken === this.#mailbox.length) this.#mailbox.length = 0
    else this.#mailbox.splice(0, taken)
    return draft
  }

  #decide(draft: Draft<State, Command, Event>, pending: Pending<State, Command>): void {
    const { command, options } = pending
    const answer = (result: Decided<State, Command>["result"], events = 0) => {
      draft.decided = joined(draft.decided, [{ pending, version: draft.version, events, result }])
    }
    if (command === undefined) return answer({ state: draft.state })
    if (options.expectedVersion !== undefined && options.expectedVersion !== draft.version) {
      return answer({ rejection: versionMismatch(this.stream, options.expectedVersion, draft.version) })
    }
    try {
      const verdict = decide(this.#host.aggregate, command, draft.state)
      if (verdict instanceof Error) return answer({ rejection: verdict })
      // Everything that can throw comes before the draft is touched.
      const encoded = verdict.map((event) => this.#encode(event, options))
      const state = evolveAll(this.#host.aggregate, draft.state, verdict)
      draft.state = state
      draft.version += verdict.length
      draft.events = joined(draft.events, encoded)
      draft.applied = joined(draft.applied, verdict)
      if (options.commandId !== undefined) {
        draft.receipts = joined(draft.receipts, [{ commandId: options.commandId, version: draft.version }])
        draft.commandIds ??= new Set()
        draft.commandIds.add(options.commandId)
      }
      answer({ state }, verdict.length)
    } catch (defect) {
      draft.crashed = true
      answer({ defect })
    }
  }

  #encode(event: Event, options: CommandOptions): NewEvent {
    const { type, schemaVersion, data } = this.#host.aggregate.events.encode(event)
    return {
      eventId: EventId.make(this.#host.now()),
      type,
      schemaVersion,
      data,
      occurredAtMillis: options.occurredAtMillis ?? this.#host.now(),
      actor: options.actor ?? null,
      reason: options.reason ?? null,
      commandId: options.commandId ?? null,
      correlationId: options.correlationId ?? null,
      causationId: options.causationId ?? null,
      traceParent: options.traceParent ?? null,
      tenant: options.tenant ?? null
    }
  }

  #append(draft: Draft<State, Command, Event>): void {
    const { keepEvents } = this.#host
    let state: Append["state"]
    try {
      state = this.#storedState(draft)
    } catch (defect) {
      return this.#refuse(draft, defect)
    }
    this.#host.submit(
      {
        stream: this.stream,
        partition: this.partition,
        expectedVersion: this.version,
        events: draft.events,
        receipts: draft.receipts,
        state,
        keepEvents
      },
      (outcome, failure) => this.#onOutcome(draft, outcome, failure)
    )
  }

  #storedState(draft: Draft<State, Command, Event>): Append["state"] {
    const { aggregate, storeStateEvery: every, encodeState, keepEvents } = this.#host
    if (Math.floor(draft.version / every) === Math.floor(this.version / every)) return null
    try {
      return { schemaVersion: aggregate.state.version, data: encodeState(draft.state) }
    } catch (defect) {
      // Where events are kept they say it all. To refuse the command would be to refuse every one from here on, since those
      // before it that led to this state are stored.
      if (!keepEvents) throw defect
      this.#host.warn(`The state of ${this.stream} at version ${draft.version} was not stored`, defect)
      return null
    }
  }

  #onOutcome(
    draft: Draft<State, Command, Event>,
    outcome: Outcome | Refused | undefined,
    failure: Cause.Cause<unknown> | undefined
  ): void {
    const guessed = this.#guessing
    this.#guessing = false
    if (outcome === undefined) {
      // Whether the events are stored is not known, so neither is the state: forget it, and say so to everyone.
      const exit = Exit.failCause(failure ?? Cause.die(new Error("an append ended without an outcome")))
      for (const { pending } of draft.decided) pending.reply(exit)
      return this.#restart()
    }
    if (guessed && outcome._tag !== "Appended") this.#host.guesses.wasWrong()
    switch (outcome._tag) {
      case "Appended":
        this.#accept(draft)
        this.#settle(draft, outcome.position)
        return draft.crashed ? this.#restart() : this.#next()
      case "Duplicate":
        this.#answerRepeated(draft, outcome.receipts)
        if (guessed || outcome.receipts.some((receipt) => receipt.version > this.version)) return this.#restart()
        return this.#next()
      case "Conflict":
        this.#retry(draft, (pending) => ++pending.attempts < maxAttempts)
        for (const { pending } of draft.decided)
          if (pending.attempts >= maxAttempts) pending.reply(Exit.fail(contended(this.stream, maxAttempts)))
        return this.#restart()
      case "Unserialisable":
        this.#refuse(draft, new Error(outcome.why), guessed)
        return this.#drain()
      case "Refused":
        this.#refuse(draft, outcome.why, guessed)
        return this.#drain()
    }
  }

  #accept(draft: Draft<State, Command, Event>): void {
    const before = this.state
    this.state = draft.state
    this.version = draft.version
    this.#host.onEvents(this, before, draft.applied)
  }

  /** Puts the commands of a draft that was not stored back to the front of the mailbox. */
  #retry(draft: Draft<State, Command, Event>, wanted: (pending: Pending<State, Command>) => boolean): void {
    this.#mailbox = [...draft.decided.map((d) => d.pending).filter(wanted), ...this.#mailbox]
  }

  /**
   * Something in a draft cannot be stored. Where it is not known what, each command is tried on its own. What was decided on a
   * guess is decided again, since the state that there really is may rule otherwise.
   */
  #refuse(draft: Draft<State, Command, Event>, defect: unknown, guessed = this.#guessing): void {
    if (guessed) {
      this.#guessing = false
      this.#retry(draft, () => true)
      return this.#restart()
    }
    if (draft.decided.length === 1) draft.decided[0]!.pending.reply(Exit.die(defect))
    else this.#retry(draft, (pending) => (pending.solo = true))
    this.#phase = "ready"
  }

  #answerRepeated(draft: Draft<State, Command, Event>, receipts: ReadonlyArray<Receipt>): void {
    const done = new Map(receipts.map((receipt) => [receipt.commandId, receipt]))
    const receiptOf = (pending: Pending<State, Command>) => done.get(pending.options.commandId ?? "")
    this.#retry(draft, (pending) => receiptOf(pending) === undefined)
    for (const { pending } of draft.decided) {
      const receipt = receiptOf(pending)
      if (receipt !== undefined) pending.reply(Exit.succeed(repeated(receipt)))
    }
  }

  /** Answers the commands of a draft whose events, if any, are durable from `first` on. */
  #settle(draft: Draft<State, Command, Event>, first: number): void {
    const base = draft.version - draft.events.length
    for (const { pending, version, events, result } of draft.decided) {
      if ("rejection" in result) this.#fail(pending, Exit.fail(result.rejection))
      else if ("defect" in result) this.#fail(pending, Exit.die(result.defect))
      else {
        const position = first === 0 || events === 0 ? 0 : first + version - base - 1
        pending.reply(Exit.succeed({ version, position, duplicate: false, state: result.state }))
      }
    }
  }

  /** A command that fails now may be the repetition of one that was carried out: then that outcome stands. */
  #fail(pending: Pending<State, Command>, failure: Exit.Exit<never, unknown>): void {
    const { commandId } = pending.options
    if (commandId === undefined) return pending.reply(failure)
    this.#host.receipt(this.stream, commandId, (exit) => {
      if (Exit.isFailure(exit)) return pending.reply(exit as Exit.Exit<never, unknown>)
      pending.reply(exit.value === undefined ? failure : Exit.succeed(repeated(exit.value)))
    })
  }
}

const repeated = (receipt: Receipt): Reply<never> => ({
  version: receipt.version,
  position: receipt.position,
  duplicate: true,
  state: undefined
})
