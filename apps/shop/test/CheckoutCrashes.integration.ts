/**
 * A checkout whose process dies, at every boundary there is: each comes to the same end as if none had died.
 */
import * as TrailingWrite from "@daybook/core/TrailingWrite"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { scenarios } from "./CheckoutCases.ts"
import { crashEverywhere, type Lane, openLane } from "./CheckoutCrashes.ts"
import { createDatabase } from "./Databases.ts"

/** More would wait for one another on two cores. */
const laneCount = 3

const scope = Effect.runSync(Scope.make())
let lanes: ReadonlyArray<Lane>

/**
 * What a process says when its stores are gone is what is provoked here. Each step forward is written down by itself, so that there is
 * a crash before it and one after it.
 */
const quietly = <A, E>(effect: Effect.Effect<A, E>): Promise<A> =>
  effect.pipe(
    Effect.provideService(References.MinimumLogLevel, "None"),
    Effect.provideService(TrailingWrite.PauseMillis, 0),
    Effect.runPromise
  )

beforeAll(async () => {
  const opening = Array.from({ length: laneCount }, async (_, i) => {
    const url = await createDatabase(`crashes_${i}`, { isDurable: false })
    return quietly(Scope.provide(openLane({ url: Redacted.make(url), answerMillis: 60_000 }), scope))
  })
  lanes = await Promise.all(opening)
})

afterAll(() => quietly(Scope.close(scope, Exit.void)))

describe("a checkout whose process dies before or after any change that it makes", () => {
  for (const scenario of scenarios) {
    it(`${scenario.name}, just the same`, { timeout: 600_000 }, async () => {
      const { changes, crashes, plannedCrashes, missed } = await quietly(crashEverywhere(scenario, lanes))
      console.log(
        `${scenario.name}: ${changes} changes, ${crashes} crashes (${plannedCrashes} around planned writes), ` +
          `${missed} moments that did not come`
      )
      expect(crashes).toBeGreaterThan(0.9 * 2 * changes)
      expect(plannedCrashes).toBeGreaterThan(0)
    })
  }
})
