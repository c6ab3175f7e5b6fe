/**
 * Deadlines that are all so long after they began, most of which are met. They share a timer, which is the first one's: a timer and a fiber
 * for each would cost a request more than its route. Used by `AnswerLimit`.
 */
import type { Clock } from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"

/** One that has not passed, and its neighbours: they come in the order in which they pass. */
interface Deadline {
  readonly dueNanos: bigint
  readonly passed: () => void
  before: Deadline | undefined
  after: Deadline | undefined
}

export class Deadlines {
  static readonly #ofClocks = new WeakMap<Clock, Map<number, Deadlines>>()
  readonly #clock: Clock
  readonly #nanos: bigint
  #first: Deadline | undefined
  #last: Deadline | undefined
  #watch: Fiber.Fiber<void> | undefined

  private constructor(clock: Clock, millis: number) {
    this.#clock = clock
    this.#nanos = BigInt(Math.round(millis * 1e6))
  }

  /** Those of so many milliseconds by a clock. */
  static of(clock: Clock, millis: number): Deadlines {
    let ofClock = Deadlines.#ofClocks.get(clock)
    if (ofClock === undefined) {
      ofClock = new Map()
      Deadlines.#ofClocks.set(clock, ofClock)
    }
    let deadlines = ofClock.get(millis)
    if (deadlines === undefined) {
      deadlines = new Deadlines(clock, millis)
      ofClock.set(millis, deadlines)
    }
    return deadlines
  }

  /** Begins one now. `passed` is called unless it is met before; the answer meets it, and does nothing once it has passed. */
  begin(passed: () => void): () => void {
    const dueNanos = this.#clock.monotonicTimeNanosUnsafe() + this.#nanos
    const deadline: Deadline = { dueNanos, passed, before: this.#last, after: undefined }
    if (this.#last === undefined) {
      this.#first = deadline
      this.#watchFirst()
    } else this.#last.after = deadline
    this.#last = deadline
    return () => this.#leave(deadline)
  }

  #leave(deadline: Deadline): void {
    const { before, after } = deadline
    const isIn = before === undefined ? this.#first === deadline : before.after === deadline
    if (!isIn) return
    if (before === undefined) this.#first = after
    else before.after = after
    if (after === undefined) this.#last = before
    else after.before = before
    // Who has left holds on to nobody: in the memory of what lives long, each would keep the next.
    deadline.before = undefined
    deadline.after = undefined
    // A timer would keep the process from ending.
    if (this.#first === undefined) this.#watch?.interruptUnsafe()
  }

  #watchFirst(): void {
    const left = Number(this.#first!.dueNanos - this.#clock.monotonicTimeNanosUnsafe()) / 1e6
    this.#watch = Effect.runFork(this.#clock.sleep(Duration.millis(Math.max(1, Math.ceil(left)))))
    this.#watch.addObserver((exit) => {
      if (Exit.isSuccess(exit)) this.#look()
    })
  }

  #look(): void {
    const now = this.#clock.monotonicTimeNanosUnsafe()
    const due: Array<Deadline> = []
    for (let first = this.#first; first !== undefined && first.dueNanos <= now; first = this.#first) {
      due.push(first)
      this.#leave(first)
    }
    if (this.#first !== undefined) this.#watchFirst()
    for (const { passed } of due) passed()
  }
}
