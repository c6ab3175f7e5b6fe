/**
 * Deadlines that share a timer: each passes at its time unless it is met, whoever else comes and goes; and none keeps the process from ending.
 */
import { Deadlines } from "@daybook/postgres/Deadlines"
import type { Clock } from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"

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

describe("deadlines", () => {
  it("pass when they are due and not met, in order, with one timer among them", () =>
    fc.assert(
      fc.property(
        fc.array(fc.record({ pause: fc.nat(6), metAfter: fc.option(fc.nat(9)) }), { minLength: 1, maxLength: 12 }),
        fc.constantFrom(0n, 300_000n),
        (people, earlyNanos) => {
          const hand = new Hand(earlyNanos)
          const deadlines = Deadlines.of(hand.clock, limit)
          const passed: Array<number> = []
          const meets: Array<{ readonly at: number; readonly meet: () => void }> = []
          const begun: Array<number> = []
          let at = 0
          let next = 0
          for (let now = 0, begins = people[0]!.pause; now <= 12 * 7 + limit + 2; now++, hand.advance(1)) {
            for (const { at, meet } of meets) if (at === now) meet()
            for (; next < people.length && begins === now; begins += people[next]?.pause ?? 0) {
              const who = next++
              begun[who] = now
              const meet = deadlines.begin(() => passed.push(who))
              const { metAfter } = people[who]!
              if (metAfter !== null) meets.push({ at: now + metAfter, meet })
              if (metAfter === 0) meet()
            }
            expect(hand.sleepers.size).toBeLessThanOrEqual(1)
            at = now
          }
          expect(at).toBeGreaterThan(begun.at(-1)! + limit)
          expect(passed).toEqual(people.flatMap(({ metAfter }, who) => (metAfter === null ? [who] : [])))
          expect(hand.sleepers.size).toBe(0)
        }
      )
    ))

  it("pass after their time and not before, also those that begin when another passes", () => {
    const hand = new Hand()
    const deadlines = Deadlines.of(hand.clock, limit)
    const passed: Array<string> = []
    deadlines.begin(() => {
      passed.push("first")
      deadlines.begin(() => passed.push("third"))
    })
    hand.advance(4)
    deadlines.begin(() => passed.push("second"))
    hand.advance(6)
    expect(passed).toEqual([])
    hand.advance(1)
    expect(passed).toEqual(["first"])
    hand.advance(4)
    expect(passed).toEqual(["first", "second"])
    hand.advance(5)
    expect(passed).toEqual(["first", "second"])
    hand.advance(2)
    expect(passed).toEqual(["first", "second", "third"])
  })

  it("leave no timer behind when all are met, and may be met twice and after they passed", () => {
    const hand = new Hand()
    const deadlines = Deadlines.of(hand.clock, limit)
    const passed: Array<string> = []
    const [first, second, third] = ["first", "second", "third"].map((who) => deadlines.begin(() => passed.push(who)))
    second!()
    first!()
    first!()
    expect(hand.sleepers.size).toBe(1)
    third!()
    expect(hand.sleepers.size).toBe(0)
    const last = deadlines.begin(() => passed.push("last"))
    hand.advance(limit + 2)
    last()
    expect(passed).toEqual(["last"])
    expect(hand.sleepers.size).toBe(0)
  })
})
