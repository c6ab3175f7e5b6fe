/**
 * What a privacy officer relies on over HTTP: holds are placed, named and released, and an id that can be nobody's is refused before
 * anything is done under it. The handlers as they are, in memory, without a socket.
 */
import { Journal } from "@daybook/core/Journal"
import { Snapshots } from "@daybook/core/Snapshot"
import * as Context from "effect/Context"
import { HttpRouter, HttpServer } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import * as Layer from "effect/Layer"
import { afterAll, describe, expect, it } from "vitest"
import { RequestProblems } from "../../src/InvalidRequest.ts"
import { PrivacyApi } from "../../src/privacy/Api.ts"
import * as Handlers from "../../src/privacy/Handlers.ts"
import * as Privacy from "../../src/privacy/Privacy.ts"

const routes = HttpApiBuilder.layer(PrivacyApi).pipe(
  Layer.provide(Handlers.layer),
  Layer.provide(RequestProblems.layer),
  Layer.provide(Privacy.commandSide()),
  Layer.provide(Layer.merge(Journal.layerMemory(), Snapshots.layerMemory)),
  Layer.provide(HttpServer.layerServices)
)
const { handler, dispose } = HttpRouter.toWebHandler(routes, { disableLogger: true })
afterAll(dispose)

const post = async (path: string, body: unknown) => {
  const headers = { "content-type": "application/json" }
  const request = new Request(`http://localhost${path}`, { method: "POST", headers, body: JSON.stringify(body) })
  const response = await handler(request, Context.empty() as never)
  return { status: response.status, body: (await response.json()) as any }
}

const reason = "chargeback 81"
const because = { reason }

describe("a legal hold", () => {
  it("forbids the erasure, which names it, until it is released by its id", async () => {
    expect(await post("/subjects/17850/holds", { holdId: "case-81", reason })).toMatchObject({
      ...{ status: 202, body: { holdId: "case-81" } }
    })
    expect(await post("/subjects/17850/erasure", because)).toMatchObject({
      ...{ status: 409, body: { type: "urn:daybook:problem:SubjectOnHold", holds: [{ holdId: "case-81", reason }] } }
    })
    expect((await post("/subjects/17850/holds/case-81/release", because)).status).toBe(202)
    expect((await post("/subjects/17850/erasure", because)).status).toBe(202)
  })

  it("is given an id where it has none, which the answer says", async () => {
    const { status, body } = await post("/subjects/guest:checkout-9/holds", because)
    expect(status).toBe(202)
    expect((await post(`/subjects/guest:checkout-9/holds/${body.holdId}/release`, because)).status).toBe(202)
    expect((await post("/subjects/guest:checkout-9/erasure", because)).status).toBe(202)
  })
})

describe("an id", () => {
  it.each([" 17850", "17850 ", "\t17850", "guest:", "guest:  ", "guest: checkout-9", " "])(
    "%j is refused",
    async (id) => {
      for (const path of ["holds", "holds/legal/release", "erasure"]) {
        const { status, body } = await post(`/subjects/${encodeURIComponent(id)}/${path}`, because)
        expect({ status, type: body.type }).toEqual({ status: 400, type: "urn:daybook:problem:InvalidRequest" })
        expect(body.errors[0]).toMatchObject({
          path: ["path", "id"],
          message: expect.stringContaining("without blanks")
        })
      }
    }
  )

  it.each(["17 850", "guest:a b", "guests:", "Ελένη"])("%j is taken", async (id) => {
    expect((await post(`/subjects/${encodeURIComponent(id)}/erasure`, because)).status).toBe(202)
  })
})
