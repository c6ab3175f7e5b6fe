/**
 * Waits that share a timer: the time of each is up when it is unless it has ended, whoever else comes and goes; and none keeps the process from ending.
 */
import { SharedTimer } from "@daybook/core/SharedTimer"
import type { Clock } from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"

/** A clock that is moved by hand and knows who sleeps. It wakes up to `earlyNanos` too early, as timers do. */
class Hand {
  nanos = 0n
  readonly sleepers = new Set<{ readonly due: bigint; readonly wake: () => void }>()
  readonly clock: Clock
  constructor(earlyNanos = 0n) {
    this.clock = {
      monotonicTimeNanosUnsafe: () => this.nanos,
      sleep: (duration: Duration.Duration) =>
        Effect.callback<void>((resume) => {
          const due = this.nanos + BigInt(Duration.toMillis(duration)) * 1_000_000n - earlyNanos
          const sleeper = { due, wake: () => resume(Effect.void) }
          this.sleepers.add(sleeper)
          return Effect.sync(() => this.sleepers.delete(sleeper))
        })
    } as never
  }

  advance(millis: number): void {
    for (const until = this.nanos + BigInt(millis) * 1_000_000n; this.nanos < until; this.nanos += 500_000n) {
      for (const sleeper of [...this.sleepers]) {
        if (sleeper.due > this.nanos) continue
        this.sleepers.delete(sleeper)
        sleeper.wake()
      }
    }
  }
}

const limit = 10

/** The timer is kept for a moment when nobody waits. */
const rest = () => vi.advanceTimersByTime(10)

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout"] })
})
afterEach(() => {
  vi.useRealTimers()
})

describe("waits that share a timer", () => {
  it("are over when their time is up and they have not ended, in order, with one timer among them", () =>
    fc.assert(
      fc.property(
        fc.array(fc.record({ pause: fc.nat(6), endsAfter: fc.option(fc.nat(9)) }), { minLength: 1, maxLength: 12 }),
        fc.constantFrom(0n, 300_000n),
        (people, earlyNanos) => {
          const hand = new Hand(earlyNanos)
          const timer = SharedTimer.of(hand.clock, limit)
          const over: Array<number> = []
          const ends: Array<{ readonly at: number; readonly end: () => void }> = []
          const begun: Array<number> = []
          let at = 0
          let next = 0
          for (let now = 0, begins = people[0]!.pause; now <= 12 * 7 + limit + 2; now++, hand.advance(1)) {
            for (const { at, end } of ends) if (at === now) end()
            for (; next < people.length && begins === now; begins += people[next]?.pause ?? 0) {
              const who = next++
              begun[who] = now
              const end = timer.begin(() => over.push(who))
              const { endsAfter } = people[who]!
              if (endsAfter !== null) ends.push({ at: now + endsAfter, end })
              if (endsAfter === 0) end()
            }
            expect(hand.sleepers.size).toBeLessThanOrEqual(1)
            at = now
          }
          expect(at).toBeGreaterThan(begun.at(-1)! + limit)
          expect(over).toEqual(people.flatMap(({ endsAfter }, who) => (endsAfter === null ? [who] : [])))
          rest()
          expect(hand.sleepers.size).toBe(0)
        }
      )
    ))

  it("are over after their time and not before, also those that begin when another is over", () => {
    const hand = new Hand()
    const timer = SharedTimer.of(hand.clock, limit)
    const over: Array<string> = []
    timer.begin(() => {
      over.push("first")
      timer.begin(() => over.push("third"))
    })
    hand.advance(4)
    timer.begin(() => over.push("second"))
    hand.advance(6)
    expect(over).toEqual([])
    hand.advance(1)
    expect(over).toEqual(["first"])
    hand.advance(4)
    expect(over).toEqual(["first", "second"])
    hand.advance(5)
    expect(over).toEqual(["first", "second"])
    hand.advance(2)
    expect(over).toEqual(["first", "second", "third"])
  })

  it("leave no timer behind when all have ended, and may be ended twice and after their time", () => {
    const hand = new Hand()
    const timer = SharedTimer.of(hand.clock, limit)
    const over: Array<string> = []
    const [first, second, third] = ["first", "second", "third"].map((who) => timer.begin(() => over.push(who)))
    second!()
    first!()
    first!()
    expect(hand.sleepers.size).toBe(1)
    third!()
    const fourth = timer.begin(() => over.push("fourth"))
    rest()
    expect(hand.sleepers.size).toBe(1)
    fourth()
    rest()
    expect(hand.sleepers.size).toBe(0)
    const last = timer.begin(() => over.push("last"))
    hand.advance(limit + 2)
    last()
    expect(over).toEqual(["last"])
    expect(hand.sleepers.size).toBe(0)
  })
})
