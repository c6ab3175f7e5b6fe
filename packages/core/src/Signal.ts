/**
 * A wake-up that cannot be missed: a counter and those who wait for it to move.
 *
 * Read `count`, look for work, and when there is none wait for the count to move past what was read. Work that arrives
 * between the look and the wait has moved it already.
 */
import * as Effect from "effect/Effect"
import { SharedTimer } from "./SharedTimer.ts"

/** A signal, and its count when somebody looked. */
interface Seen {
  readonly signal: Signal
  readonly count: number
}

/** A wake-up for any number of waiters in this process. */
export class Signal {
  /** How often `notify` has been called. */
  count = 0
  #waiters = new Set<() => void>()
  #listeners = new Set<() => void>()

  /** Wakes everyone who waits. */
  notify(): void {
    this.count++
    for (const listener of this.#listeners) listener()
    if (this.#waiters.size === 0) return
    const waiters = this.#waiters
    this.#waiters = new Set()
    for (const wake of waiters) wake()
  }

  /** Calls `listener` on every `notify` until the returned function is called. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Waits, so long at most, until the count of one of several is not what was seen of it. Whether one was. */
  static anyChanged(seen: ReadonlyArray<Seen>, limitMillis: number): Effect.Effect<boolean> {
    return Effect.clockWith((clock) =>
      Effect.callback((resume) => {
        if (seen.some(({ signal, count }) => signal.count !== count)) return resume(Effect.succeed(true))
        const leave = () => {
          end()
          for (const { signal } of seen) signal.#waiters.delete(wake)
        }
        const wake = () => {
          leave()
          resume(Effect.succeed(true))
        }
        for (const { signal } of seen) signal.#waiters.add(wake)
        const end = SharedTimer.of(clock, limitMillis).begin(() => {
          leave()
          resume(Effect.succeed(false))
        })
        return Effect.sync(leave)
      })
    )
  }

  /** Waits, so long at most, until `count` differs from `seen`. Whether it does. */
  changedWithin(seen: number, limitMillis: number): Effect.Effect<boolean> {
    return Signal.anyChanged([{ signal: this, count: seen }], limitMillis)
  }

  /** Succeeds as soon as `count` differs from `seen`. */
  changed(seen: number): Effect.Effect<void> {
    return Effect.callback((resume) => {
      if (this.count !== seen) return resume(Effect.void)
      const wake = () => resume(Effect.void)
      this.#waiters.add(wake)
      return Effect.sync(() => this.#waiters.delete(wake))
    })
  }
}

/** Wake-ups by name, made when first asked for. */
export class Signals {
  readonly #byName = new Map<string, Signal>()

  of(name: string): Signal {
    const known = this.#byName.get(name) ?? new Signal()
    this.#byName.set(name, known)
    return known
  }

  /** For who cannot tell which. */
  notifyAll(): void {
    for (const signal of this.#byName.values()) signal.notify()
  }
}
