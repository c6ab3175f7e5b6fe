/** What a fault run relies on: the simulated provider's books outlive the process that asks, and its webhooks do arrive. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { describe, expect, it, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import * as Result from "effect/Result"
import * as TestClock from "effect/testing/TestClock"
import { Provider, WebhookUnreadable } from "../../src/payment/Provider.ts"
import { ProviderSimulator } from "../../src/payment/ProviderSimulator.ts"
import { SimulatedBooks } from "../../src/payment/SimulatedBooks.ts"
import { gbp } from "./Given.ts"

const paymentId = "payment-1"
const of = { paymentId, authorisationId: "auth", providerReference: null }

const authorise = (token: string, operationId = "auth") =>
  Effect.flatMap(Provider, (provider) =>
    Effect.result(provider.authorise({ paymentId, operationId, orderId: "order-1", amount: gbp(10_000), token }))
  )
const capture = (amountMinor: number) =>
  Effect.flatMap(Provider, (provider) =>
    Effect.result(provider.capture({ ...of, operationId: "capture", amount: gbp(amountMinor) }))
  )
const query = Effect.flatMap(Provider, (provider) =>
  Effect.result(
    provider.query({
      paymentId,
      operationId: "auth",
      kind: "authorise",
      providerReference: null,
      authorisationReference: null
    })
  )
)
const word = (result: Result.Result<{ readonly _tag: string }, { readonly _tag: string }>) =>
  Result.isSuccess(result) ? result.success._tag : result.failure._tag

/** Runs with a file that is there only for the test. */
const withFile = <A, E, R>(run: (file: string) => Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "provider-"))),
    (folder) => run(join(folder, "provider.sqlite")),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
  )

describe("books in a file", () => {
  it.effect("know after a restart what was asked for, held, taken and told", () =>
    withFile((file) => {
      const started = Effect.provide(ProviderSimulator.layer({ file }))
      return Effect.gen(function* () {
        yield* started(authorise("tok_visa"))
        yield* started(capture(4_000))
        const again = yield* started(Effect.all([authorise("tok_visa"), capture(4_000)]))
        expect(again.map(word)).toEqual(["Approved", "Approved"])
        const simulator = Effect.flatMap(ProviderSimulator, ({ ledger, deliveries }) =>
          Effect.all({ ledger: ledger(paymentId), deliveries })
        )
        const { ledger, deliveries } = yield* started(simulator)
        expect(ledger).toEqual({ heldMinor: 6_000, capturedMinor: 4_000, refundedMinor: 0, chargedBackMinor: 0 })
        expect(deliveries).toHaveLength(2)
        expect((yield* started(simulator)).deliveries).toEqual([])
      })
    })
  )

  it.effect("know after a restart how often a call failed already, and by which token it was paid", () =>
    withFile((file) => {
      const started = Effect.provide(ProviderSimulator.layer({ file }))
      return Effect.gen(function* () {
        const words = []
        for (const asked of [authorise("tok_unknown"), query, query, query]) words.push(word(yield* started(asked)))
        expect(words).toEqual(["ProviderTimedOut", "ProviderUnavailable", "ProviderUnavailable", "Approved"])
        yield* started(authorise("tok_amounts", "auth-2"))
        const declined = Effect.flatMap(Provider, (provider) =>
          provider.capture({ ...of, authorisationId: "auth-2", operationId: "capture-2", amount: gbp(1_091) })
        )
        expect((yield* started(declined))._tag).toBe("Declined")
      })
    })
  )

  it.effect("go on by the clock where they were: what was pending is approved, what was held runs out", () =>
    withFile((file) => {
      const started = Effect.provide(ProviderSimulator.layer({ file }))
      return Effect.gen(function* () {
        yield* started(authorise("tok_pending"))
        yield* TestClock.adjust("1 minute")
        expect(word(yield* started(query))).toBe("Approved")
        yield* TestClock.adjust("7 days")
        expect(word(yield* started(query))).toBe("Expired")
      })
    })
  )

  it.effect("are asked by index, however much was asked for before", () =>
    withFile((file) =>
      Effect.gen(function* () {
        const prepare = vi.spyOn(DatabaseSync.prototype, "prepare")
        const started = Effect.provide(ProviderSimulator.layer({ file }))
        yield* started(Effect.all([authorise("tok_chargeback"), capture(1_000), query]))
        yield* TestClock.adjust("1 minute")
        yield* started(
          Effect.flatMap(ProviderSimulator, ({ deliveries, ledger }) => Effect.all([ledger("p"), deliveries]))
        )
        const texts = new Set(prepare.mock.calls.map(([text]) => text))
        prepare.mockRestore()
        const books = new DatabaseSync(file, { readOnly: true })
        const planOf = (text: string) => {
          const steps = books.prepare(`EXPLAIN QUERY PLAN ${text}`).all(...(text.match(/\?/g) ?? []).map(() => null))
          return steps.map(({ detail }) => `${detail}, for ${text}`)
        }
        const plans = [...texts].flatMap(planOf)
        books.close()
        expect(plans.filter((plan) => /^SEARCH (entry|dispute|memory) /.test(plan)).length).toBeGreaterThan(4)
        expect(plans.filter((plan) => /^SCAN (entry|dispute|memory)\b/.test(plan))).toEqual([])
      })
    )
  )

  it("change as a whole or not at all", () => {
    const books = new SimulatedBooks(undefined)
    const memory = { token: "tok_visa", behaviour: {}, calls: 1, queries: 0 }
    expect(() =>
      books.transact(() => {
        books.remember("auth", memory)
        throw new Error("the machine stops")
      })
    ).toThrow("the machine stops")
    expect(books.memory("auth")).toBeUndefined()
    books.transact(() => books.remember("auth", memory))
    expect(books.memory("auth")).toEqual(memory)
    books.close()
  })
})

describe("delivering webhooks", () => {
  const quiet = Layer.succeed(References.MinimumLogLevel, "Error")
  const fresh = Effect.provide(Layer.merge(ProviderSimulator.layer(), quiet))

  /** What arrives at an endpoint that refuses while it is `broken`. */
  const endpoint = () => {
    const state = { broken: false, arrived: [] as string[] }
    const send = ({ body }: { readonly body: string }) =>
      state.broken
        ? Effect.fail(new WebhookUnreadable({ detail: "Not now." }))
        : Effect.sync(() => state.arrived.push(JSON.parse(body).statement._tag))
    const deliver = Effect.flatMap(ProviderSimulator, (simulator) => simulator.deliver(send))
    return { state, deliver }
  }

  it.effect("brings each once where it is taken", () =>
    Effect.gen(function* () {
      const { state, deliver } = endpoint()
      yield* authorise("tok_visa")
      yield* deliver
      yield* capture(1_000)
      yield* deliver
      yield* deliver
      expect(state.arrived).toEqual(["Approved", "Approved"])
    }).pipe(fresh)
  )

  it.effect("tries again, later and later, and gives up in the end", () =>
    Effect.gen(function* () {
      const { state, deliver } = endpoint()
      yield* authorise("tok_visa")
      state.broken = true
      yield* deliver
      state.broken = false
      yield* deliver
      expect(state.arrived).toEqual([])
      yield* TestClock.adjust("1 second")
      yield* deliver
      expect(state.arrived).toEqual(["Approved"])

      yield* capture(1_000)
      state.broken = true
      for (let attempt = 0; attempt < 12; attempt++) {
        yield* deliver
        yield* TestClock.adjust("1 hour")
      }
      state.broken = false
      yield* deliver
      expect(state.arrived).toEqual(["Approved"])
    }).pipe(fresh)
  )

  it.effect("tells of what has happened by itself", () =>
    Effect.gen(function* () {
      const { state, deliver } = endpoint()
      yield* authorise("tok_pending")
      yield* TestClock.adjust("1 minute")
      yield* deliver
      expect(state.arrived).toEqual(["Pending", "Approved"])
    }).pipe(fresh)
  )
})
