/**
 * A database that hangs without closing its connections, as a host does that is out of memory or out of reach: every request is
 * answered, nothing that was sent meanwhile is carried out twice, and the shop goes on by itself when the database does.
 */

import * as Persistence from "@daybook/core/Persistence"
import { type Postgres, startPostgres } from "@daybook/infra/Postgres"
import * as Redacted from "effect/Redacted"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { type Answer, expectProblem, type Shop, startShop } from "./Shop.ts"

let postgres: Postgres
let shop: Shop

beforeEach(async () => {
  postgres = await startPostgres()
})

afterEach(async () => {
  postgres.thaw()
  await shop?.stop()
  await postgres?.stop()
})

const startOn = async (persistence: Persistence.Persistence) => {
  shop = await startShop({ persistence }, { url: Redacted.make(postgres.url), answerMillis: 1_000 })
  expect((await shop.call("POST", "/carts", { body: { id: "cold", currency: "GBP" } })).status).toBe(202)
  expect((await shop.call("POST", "/carts", { body: { id: "warm", currency: "GBP" } })).status).toBe(202)
}

const add = (cart: string, key: string) =>
  shop.call("POST", `/carts/${cart}/items`, {
    body: { sku: "BIRD-PAPER", quantity: 1, lineId: key },
    headers: { "idempotency-key": key }
  })

/** What an operator and a sender are told of a command whose outcome is not known. */
const expectUnknown = (answer: Answer) => {
  expectProblem(answer, 503, answer.body?.type.split(":").at(-1))
  expect(["JournalUnavailable", "NotAnswered"]).toContain(answer.body.type.split(":").at(-1))
  expect(answer.body.detail).toMatch(/not known: send it again with the same Idempotency-Key/)
}

/** Until the command is accepted, as a careful client does. */
const accepted = async (cart: string, key: string): Promise<Answer> => {
  let answer: Answer | undefined
  await expect
    .poll(
      async () => {
        answer = await add(cart, key)
        return answer.status
      },
      { timeout: 60_000 }
    )
    .toBe(202)
  return answer!
}

const levels = [
  [1, Persistence.inline],
  [2, Persistence.state()],
  [3, Persistence.events()]
] as const

describe.each(levels)("a frozen database, at level %i", (_, persistence) => {
  it("keeps no request waiting, and each command that is sent again is carried out once", async () => {
    await startOn(persistence)
    await add("warm", "first")
    postgres.freeze()

    const keys = ["a", "b", "c", "d"]
    const answers = await Promise.all([...keys.map((key) => add("warm", key)), add("cold", "a")])
    for (const answer of answers) expectUnknown(answer)
    // And again, now that connections have been given up.
    for (const answer of await Promise.all(keys.map((key) => add("warm", key)))) expectUnknown(answer)

    const query = await shop.call("GET", "/carts/warm")
    expectProblem(query, 503, query.body?.type.split(":").at(-1))
    expect(query.body.detail).toContain("Try again")
    expect((await shop.call("GET", "/health/ready")).status).toBe(503)
    expect((await shop.call("GET", "/health/live")).status).toBe(200)

    postgres.thaw()
    for (const key of keys) await accepted("warm", key)
    const cold = await accepted("cold", "a")
    expect(cold.body.version).toBe(2)

    // The read models follow when their workers have connected again.
    let body: Answer["body"]
    await expect
      .poll(
        async () => {
          body = (await shop.call("GET", "/carts/warm")).body
          return body?.version
        },
        { timeout: 60_000 }
      )
      .toBe(2 + keys.length)
    expect(body.lines.map(({ lineId }: { lineId: string }) => lineId).toSorted()).toEqual([...keys, "first"])
    for (const key of ["first", ...keys]) expect((await add("warm", key)).body).toMatchObject({ repeated: true })
  })
})
