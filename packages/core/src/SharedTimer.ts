/**
 * Waits that are all so long, most of which are over before: they share a timer, which is the first one's. A timer and a fiber for each would
 * cost a request more than its route. Used by `Signal`, for what is to be answered by the database, and for requests.
 */
import type { Clock } from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import { runInBackground } from "./Background.ts"

/** A wait that goes on, and its neighbours: they come in the order in which their time is up. */
interface Wait {
  readonly dueNanos: bigint
  readonly timeIsUp: () => void
  before: Wait | undefined
  after: Wait | undefined
}

/** How long a timer is kept for which nobody waits: long enough for a busy process to need no other, and short beside the end of a command line. */
const restMillis = 10

export class SharedTimer {
  static readonly #ofClocks = new WeakMap<Clock, Map<number, SharedTimer>>()
  readonly #clock: Clock
  readonly #nanos: bigint
  #first: Wait | undefined
  #last: Wait | undefined
  #timer: Fiber.Fiber<void> | undefined
  /** Ends the timer when nobody waits by then. */
  #rest: ReturnType<typeof setTimeout> | undefined

  private constructor(clock: Clock, millis: number) {
    this.#clock = clock
    this.#nanos = BigInt(Math.round(millis * 1e6))
  }

  /** That of waits of so many milliseconds by a clock. It is kept for good, so there are to be few lengths. */
  static of(clock: Clock, millis: number): SharedTimer {
    let ofClock = SharedTimer.#ofClocks.get(clock)
    if (ofClock === undefined) {
      ofClock = new Map()
      SharedTimer.#ofClocks.set(clock, ofClock)
    }
    let timer = ofClock.get(millis)
    if (timer === undefined) {
      timer = new SharedTimer(clock, millis)
      ofClock.set(millis, timer)
    }
    return timer
  }

  /** Begins a wait now. `timeIsUp` is called unless it ends before; the answer ends it, and does nothing once its time is up. */
  begin(timeIsUp: () => void): () => void {
    const dueNanos = this.#clock.monotonicTimeNanosUnsafe() + this.#nanos
    const wait: Wait = { dueNanos, timeIsUp, before: this.#last, after: undefined }
    if (this.#last === undefined) this.#first = wait
    else this.#last.after = wait
    this.#last = wait
    if (this.#timer === undefined) this.#setTimer()
    return () => this.#leave(wait)
  }

  #leave(wait: Wait): void {
    const { before, after } = wait
    const isIn = before === undefined ? this.#first === wait : before.after === wait
    if (!isIn) return
    if (before === undefined) this.#first = after
    else before.after = after
    if (after === undefined) this.#last = before
    else after.before = before
    // Who has left holds on to nobody: in the memory of what lives long, each would keep the next.
    wait.before = undefined
    wait.after = undefined
    if (this.#first === undefined) this.#restSoon()
  }

  #restSoon(): void {
    if (this.#rest !== undefined || this.#timer === undefined) return
    this.#rest = setTimeout(() => {
      this.#rest = undefined
      if (this.#first !== undefined) return
      this.#timer?.interruptUnsafe()
      this.#timer = undefined
    }, restMillis)
    this.#rest.unref()
  }

  #setTimer(): void {
    const left = Number(this.#first!.dueNanos - this.#clock.monotonicTimeNanosUnsafe()) / 1e6
    this.#timer = runInBackground(this.#clock.sleep(Duration.millis(Math.max(1, Math.ceil(left)))))
    this.#timer.addObserver((exit) => {
      if (Exit.isSuccess(exit)) this.#look()
    })
  }

  #look(): void {
    this.#timer = undefined
    const now = this.#clock.monotonicTimeNanosUnsafe()
    const due: Array<Wait> = []
    for (let first = this.#first; first !== undefined && first.dueNanos <= now; first = this.#first) {
      due.push(first)
      this.#leave(first)
    }
    if (this.#first !== undefined) this.#setTimer()
    for (const { timeIsUp } of due) timeIsUp()
  }
}
