/**
 * What whoever answers for the money relies on: where our books and the provider's differ, someone is told, once, whether they ask
 * or not; and books that agree, in whatever words, are left in peace.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it, layer } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import * as TestClock from "effect/testing/TestClock"
import { afterAll } from "vitest"
import { comparable, tells } from "../../src/payment/Comparison.ts"
import { Comparisons, sweep } from "../../src/payment/ComparisonSweep.ts"
import { operationId } from "../../src/payment/OperationId.ts"
import * as Payment from "../../src/payment/Payment.ts"
import { Payments } from "../../src/payment/Payments.ts"
import { ProviderCalls } from "../../src/payment/ProviderCalls.ts"
import { ProviderSimulator } from "../../src/payment/ProviderSimulator.ts"
import { SimulatedBooks } from "../../src/payment/SimulatedBooks.ts"
import { initial, type Operation, type State } from "../../src/payment/State.ts"
import { capture, gbp } from "./Given.ts"
import { authorise, pass, schema, service, stateOf, stores, until, untilOperations } from "./Service.ts"

const folder = mkdtempSync(join(tmpdir(), "daybook-books-"))
const file = join(folder, "provider.sqlite")

afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The provider's own people change its books, and tell nobody. */
const behindOurBack = (id: string, change: Partial<ReturnType<SimulatedBooks["of"]>[number]> & { kind: string }) =>
  Effect.sync(() => {
    const books = new SimulatedBooks(file)
    const entry = books.of(id).findLast(({ kind }) => kind === change.kind)!
    books.put({ ...entry, ...change })
    books.close()
  })

const held = Effect.fnUntraced(function* (token = "tok_approve") {
  const id = yield* authorise(token)
  yield* untilOperations(id, "authorise succeeded")
  return id
})

const captured = Effect.fnUntraced(function* () {
  const id = yield* held()
  const payments = yield* Payments
  yield* payments.execute(id, capture({ operationId: operationId(id, "capture", "1"), amount: gbp(6_000) }))
  yield* untilOperations(id, "authorise succeeded", "capture succeeded")
  return id
})

const compare = (id: string) => Effect.flatMap(ProviderCalls, (calls) => calls.compare(id, { correlationId: id }))
const attentionOf = (id: string) =>
  Effect.map(stateOf(id), ({ attentions }) => attentions.map(({ attentionId }) => attentionId))
const versionOf = (id: string) =>
  Effect.map(
    Effect.flatMap(Payments, (payments) => payments.read(id)),
    ({ version }) => version
  )

/** A provider whose books are in a file, which others can write to. */
const outside = Layer.merge(stores, ProviderSimulator.layer({ file }))

layer(service().pipe(Layer.provideMerge(outside)), { timeout: "60 seconds" })("comparing", (it) => {
  it.effect("adds nothing where both books agree", () =>
    Effect.gen(function* () {
      for (const id of [yield* held(), yield* captured()]) {
        const version = yield* versionOf(id)
        expect(yield* compare(id)).toBeGreaterThan(0)
        expect(yield* versionOf(id)).toBe(version)
      }
    })
  )

  it.effect("asks for attention where the provider has another amount, or declined what succeeded here, once", () =>
    Effect.gen(function* () {
      const [other, lost] = [yield* captured(), yield* captured()]
      yield* behindOurBack(other, { kind: "capture", amountMinor: 5_999 })
      yield* behindOurBack(lost, { kind: "capture", status: "declined", code: "reversed" })
      for (const id of [other, lost]) {
        yield* compare(id)
        expect(yield* attentionOf(id)).toEqual([`contradiction:${operationId(id, "capture", "1")}`])
        const version = yield* versionOf(id)
        yield* compare(id)
        expect(yield* versionOf(id)).toBe(version)
      }
    })
  )

  it.effect("asks for attention where money is held that was declined here", () =>
    Effect.gen(function* () {
      const id = yield* authorise("tok_decline")
      yield* untilOperations(id, "authorise declined")
      yield* compare(id)
      expect(yield* attentionOf(id)).toEqual([])
      yield* behindOurBack(id, { kind: "authorise", status: "approved" })
      yield* compare(id)
      expect(yield* attentionOf(id)).toEqual([`contradiction:${operationId(id, "authorise")}`])
    })
  )

  it.effect(
    "records that nothing is held any more where the provider has let it go and its notification got lost",
    () =>
      Effect.gen(function* () {
        const id = yield* held()
        yield* behindOurBack(id, { kind: "authorise", status: "expired" })
        yield* compare(id)
        yield* untilOperations(id, "authorise expired")
        expect(yield* attentionOf(id)).toEqual([])
      })
  )

  it.effect("fails where the provider does not answer, and says so", () =>
    Effect.gen(function* () {
      const id = yield* held("tok_unknown")
      const books = new SimulatedBooks(file)
      const operation = operationId(id, "authorise")
      books.remember(operation, { ...books.memory(operation)!, queries: 0 })
      books.close()
      expect((yield* Effect.flip(compare(id)))._tag).toBe("ProviderUnavailable")
    })
  )
})

layer(outside, { timeout: "60 seconds" })("by itself", (it) => {
  /** What compares, and nothing else of the service's message side. */
  const sweeping = sweep.pipe(Layer.provideMerge(Layer.merge(Payment.commandSide(), Payment.querySide())))

  it.effect("a payment is compared when it has not changed for an hour, and its difference is found once", () =>
    Effect.gen(function* () {
      // The database records by its own clock.
      yield* TestClock.setTime(Date.now())
      const id = yield* Effect.provide(captured(), service())
      yield* behindOurBack(id, { kind: "capture", amountMinor: 1 })
      yield* TestClock.adjust("59 minutes")
      const notYet = yield* Effect.provide(Effect.andThen(pass(7), attentionOf(id)), sweeping)
      expect(notYet).toEqual([])
      yield* TestClock.adjust("1 minutes")
      yield* Effect.gen(function* () {
        const found = yield* until(Effect.map(attentionOf(id), (all) => (all.length > 0 ? all : undefined)))
        expect(found).toEqual([`contradiction:${operationId(id, "capture", "1")}`])
      }).pipe(Effect.provide(sweeping))
      // It has changed by what was found: that is compared once more, and then there is peace.
      yield* TestClock.adjust("61 minutes")
      yield* Effect.gen(function* () {
        const version = yield* versionOf(id)
        yield* pass(14)
        expect(yield* versionOf(id)).toBe(version)
        const { take } = yield* Comparisons
        expect(yield* take((yield* Clock.currentTimeMillis) + 11 * 60_000, 100)).toEqual([])
      }).pipe(Effect.provide(sweeping))
    })
  )
})

layer(Comparisons.layer(schema).pipe(Layer.provideMerge(stores)), { timeout: "60 seconds" })("the sweep", (it) => {
  const minute = 60_000
  const changed = (id: string, version: number, atMillis: number) =>
    Effect.flatMap(SqlClient, (sql) =>
      sql.unsafe(
        `INSERT INTO ${schema}.payment_view (payment_id, version, begun_at, updated_at, recorded_at, held_minor,
           captured_minor, refunded_minor, charged_back_minor, capturable_minor, refundable_minor, status, currency)
         SELECT $1::text, $2::text::integer, timestamptz 'epoch', timestamptz 'epoch', at, 0, 0, 0, 0, 0, 0, 'authorised', 'GBP'
         FROM (SELECT timestamptz 'epoch' + $3::text::float8 * interval '1 millisecond' AS at) t
         ON CONFLICT (payment_id) DO UPDATE SET version = excluded.version, recorded_at = excluded.recorded_at`,
        [id, String(version), String(atMillis)]
      )
    )

  it.effect(
    "takes what has not changed for an hour, the longest first; each payment goes to one process, and to another later",
    () =>
      Effect.gen(function* () {
        const { take, done } = yield* Comparisons
        const now = 100 * minute
        yield* changed("new", 1, now - 59 * minute)
        yield* changed("b", 2, now - 61 * minute)
        yield* changed("a", 3, now - 62 * minute)
        const [a, b] = [
          { paymentId: "a", version: 3 },
          { paymentId: "b", version: 2 }
        ]
        expect(yield* take(now, 1)).toEqual([a])
        expect(yield* take(now, 100)).toEqual([b])
        expect(yield* take(now, 100)).toEqual([])
        // Neither has come back: whoever took them has died.
        const later = now + 10 * minute
        yield* done(a!)
        expect(yield* take(later, 100)).toEqual([b, { paymentId: "new", version: 1 }])
        yield* changed("a", 4, later)
        expect(yield* take(later + 61 * minute, 100)).toContainEqual({ paymentId: "a", version: 4 })
      })
  )

  it.effect("leaves payments in peace that nothing has happened to for two months", () =>
    Effect.gen(function* () {
      const { take } = yield* Comparisons
      yield* changed("old", 1, 0)
      const taken = yield* take(61 * 24 * 60 * minute, 100)
      expect(taken.map(({ paymentId }) => paymentId)).not.toContain("old")
    })
  )
})

describe("what can be compared", () => {
  const operation = (
    kind: Operation["kind"],
    status: Operation["status"],
    given: Partial<Operation> = {}
  ): Operation => ({
    operationId: `${kind}-1`,
    kind,
    amountMinor: 100,
    status,
    calls: 1,
    providerReference: null,
    code: null,
    reason: null,
    ...given
  })
  const kindsOf = (...operations: ReadonlyArray<Operation>) => {
    const state: State = { ...initial, currency: "GBP", operations }
    return comparable(state).map(({ kind }) => kind)
  }

  it("is what was asked of the provider, and no authorisation that holds nothing any more", () => {
    expect(kindsOf(operation("authorise", "requested", { calls: 0 }))).toEqual([])
    expect(kindsOf(operation("authorise", "succeeded"))).toEqual(["authorise"])
    expect(kindsOf(operation("authorise", "unknown"))).toEqual(["authorise"])
    expect(kindsOf(operation("authorise", "declined"))).toEqual(["authorise"])
    expect(kindsOf(operation("authorise", "expired"))).toEqual([])
    expect(kindsOf(operation("authorise", "succeeded"), operation("void", "succeeded"))).toEqual(["void"])
    expect(kindsOf(operation("authorise", "action-required"), operation("void", "succeeded"))).toEqual(["void"])
    expect(kindsOf(operation("authorise", "succeeded"), operation("capture", "succeeded"))).toEqual(["capture"])
    const part = operation("capture", "succeeded", { amountMinor: 99 })
    expect(kindsOf(operation("authorise", "succeeded"), part)).toEqual(["authorise", "capture"])
  })

  it("of what was declined is only that it was approved after all: refused requests leave no trace at some providers", () => {
    const declined = operation("capture", "declined")
    expect(tells(declined, { _tag: "NotFound" })).toBe(false)
    expect(tells(declined, { _tag: "Declined", code: "other" })).toBe(false)
    const approved = { _tag: "Approved", providerReference: "r", amount: gbp(1), expiresAtMillis: null } as const
    expect(tells(declined, approved)).toBe(true)
    expect(tells(operation("capture", "succeeded"), { _tag: "NotFound" })).toBe(true)
  })
})
