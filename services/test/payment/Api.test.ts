/** What the payment's API says of itself: a reader of its documentation learns what each endpoint does, not just its path. */
import { OpenApi } from "effect/http-api"
import { describe, expect, it } from "vitest"
import { PaymentApi } from "../../src/payment/Api.ts"

interface Said {
  readonly summary?: string
  readonly description?: string
}

const paths: Readonly<Record<string, Readonly<Record<string, Said>>>> = OpenApi.fromApi(PaymentApi).paths as never

const operations = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, ...operation }))
)

describe("the documentation of the payment's API", () => {
  it("has every endpoint", () => {
    expect(operations.map(({ name }) => name).sort()).toEqual([
      "GET /payments",
      "GET /payments/attention",
      "GET /payments/{id}",
      "GET /payments/{id}/diff",
      "GET /payments/{id}/history",
      "GET /reports/open-payment-operations",
      "GET /reports/payment-ledger",
      "POST /payments/webhooks/{provider}",
      "POST /payments/{id}/attention/{attentionId}/resolution",
      "POST /payments/{id}/captures",
      "POST /payments/{id}/confirmation",
      "POST /payments/{id}/reconciliation",
      "POST /payments/{id}/refunds",
      "POST /payments/{id}/void"
    ])
  })

  it.each(operations)("says what $name does, in a few words and in sentences", ({ summary, description }) => {
    expect(summary).toMatch(/^[A-Z][^.]{5,50}$/)
    expect(description).toMatch(/^[A-Z].{40,}\.$/)
  })

  it("has no two endpoints of one title", () => {
    expect(new Set(operations.map(({ summary }) => summary)).size).toBe(operations.length)
  })
})
