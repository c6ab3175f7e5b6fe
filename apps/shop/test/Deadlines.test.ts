/**
 * What operators rely on: a checkout's deadlines are settings with sensible defaults, and settings that cannot go together are refused
 * at the start.
 */
import { defaultDeadlines } from "@daybook/services/checkout/Saga"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import * as Settings from "../src/Settings.ts"
import * as StartFailure from "../src/StartFailure.ts"

const read = (env: Readonly<Record<string, string>>) =>
  Settings.deadlines.pipe(
    Effect.catch((error) => Effect.succeed(StartFailure.explain(error, undefined))),
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(env)),
    Effect.runPromise
  )

describe("the deadlines of a checkout", () => {
  it("have defaults", async () => {
    expect(await read({})).toEqual(defaultDeadlines)
  })

  it("are what the environment says", async () => {
    const env = {
      CHECKOUT_RETRY_SECONDS: "2",
      CHECKOUT_RETRY_MAX_SECONDS: "20",
      CHECKOUT_ATTEMPTS: "5",
      CHECKOUT_PAYMENT_ATTEMPTS: "3",
      CHECKOUT_HOLD_MINUTES: "60"
    }
    expect(await read(env)).toEqual({
      holdMillis: 3_600_000,
      service: { firstMillis: 2_000, maxMillis: 20_000, attempts: 5 },
      payment: { ...defaultDeadlines.payment, attempts: 3 }
    })
  })

  it("are refused where the stock would be given away while its buyer pays", async () => {
    const said = await read({ CHECKOUT_HOLD_MINUTES: "60" })
    expect(said).toMatch(/^CHECKOUT_HOLD_MINUTES is 60, and a payment is waited for as long as \d+ minutes/)
    expect(said).toContain("CHECKOUT_PAYMENT_ATTEMPTS")
  })

  it("are refused where they are no whole numbers", async () => {
    expect(await read({ CHECKOUT_ATTEMPTS: "often" })).toContain("CHECKOUT_ATTEMPTS")
  })
})
