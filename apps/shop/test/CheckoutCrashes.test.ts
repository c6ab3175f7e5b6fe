/**
 * Some of the crashes of `CheckoutCrashes.integration.ts`, on the embedded store.
 */
import * as Effect from "effect/Effect"
import * as References from "effect/References"
import { expect, it } from "vitest"
import { scenarios } from "./CheckoutCases.ts"
import { crashEverywhere, openLane } from "./CheckoutCrashes.ts"

/** One moment in so many: odd, so that both those before changes and those after them are among them. */
const each = 151

it("a checkout whose process dies comes to the same end", { timeout: 300_000 }, async () => {
  const accounts = await Effect.gen(function* () {
    const lane = yield* openLane({ folder: undefined })
    return yield* Effect.forEach(scenarios, (scenario) => crashEverywhere(scenario, [lane], each))
  }).pipe(Effect.scoped, Effect.provideService(References.MinimumLogLevel, "None"), Effect.runPromise)
  expect(accounts).toHaveLength(scenarios.length)
  for (const { crashes, missed } of accounts) expect(crashes).toBeGreaterThan(missed)
})
