/** What the cart's API says of itself: a reader of its documentation learns what each endpoint does, not just its path. */
import { OpenApi } from "effect/http-api"
import { describe, expect, it } from "vitest"
import { CartApi } from "../../src/cart/Api.ts"

interface Said {
  readonly summary?: string
  readonly description?: string
}

const paths: Readonly<Record<string, Readonly<Record<string, Said>>>> = OpenApi.fromApi(CartApi).paths as never

const operations = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, ...operation }))
)

describe("the documentation of the cart's API", () => {
  it("has every endpoint", () => {
    expect(operations.map(({ name }) => name).sort()).toEqual([
      "DELETE /carts/{id}/items/{lineId}",
      "GET /carts",
      "GET /carts/{id}",
      "GET /reports/abandoned-carts",
      "GET /reports/revenue",
      "PATCH /carts/{id}/items/{lineId}",
      "POST /carts",
      "POST /carts/{id}/abandon",
      "POST /carts/{id}/checkout",
      "POST /carts/{id}/items",
      "POST /carts/{id}/merge",
      "POST /carts/{id}/recover"
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
