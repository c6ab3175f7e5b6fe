/**
 * What a client of the carts relies on, at each of the three levels of persistence: the answers do not tell which one it is.
 */
import * as Persistence from "@daybook/core/Persistence"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type Answer, expectInvalid, expectProblem, type Sent, type Shop, startShop } from "./Shop.ts"

const levels: ReadonlyArray<readonly [number, Persistence.Persistence]> = [
  [1, Persistence.inline],
  [2, Persistence.state()],
  [3, Persistence.events({ snapshotEvery: 3 })]
]

describe.each(levels)("the carts at level %i", (level, persistence) => {
  let shop: Shop
  let made = 0

  beforeAll(async () => {
    shop = await startShop({ persistence })
  })

  afterAll(() => shop.stop())

  const post = (path: string, body?: unknown, headers: Sent["headers"] = {}) =>
    shop.call("POST", path, { headers, ...(body === undefined ? {} : { body }) })

  const ok = (answer: Answer): Answer => {
    expect(answer.status, answer.text).toBe(202)
    return answer
  }

  /** A cart of its own for a test. */
  const opened = async (fields: object = {}): Promise<string> => {
    const answer = ok(await post("/carts", { id: `cart-${++made}`, currency: "GBP", country: "France", ...fields }))
    return answer.headers.location!
  }

  const add = (cart: string, sku: string, quantity: number, more: object = {}, headers: Sent["headers"] = {}) =>
    post(`${cart}/items`, { sku, quantity, ...more }, headers)

  /** The cart as queries show it once they show what the command led to. */
  const viewAfter = async (cart: string, command: Answer) => {
    const answer = await shop.call("GET", `${cart}?atLeastVersion=${command.body.version}`)
    expect(answer.status, answer.text).toBe(200)
    return answer.body
  }

  describe("a command", () => {
    it("is accepted with the id, version and place of what is durable, and a cart has a location", async () => {
      const answer = ok(await post("/carts", { currency: "GBP" }))
      expect(answer.headers.location).toBe(`/carts/${answer.body.id}`)
      expect(answer.body).toEqual({
        id: expect.stringMatching(/^[\w-]{22,36}$/),
        version: 1,
        partition: expect.any(Number),
        // At level 1 there is no event that could have a place.
        position: level === 1 ? 0 : expect.any(Number),
        repeated: false
      })
      const added = ok(await add(answer.headers.location!, "MUG-BLUE", 2))
      expect(added.body).toMatchObject({ version: 2, partition: answer.body.partition, repeated: false })
      if (level > 1) expect(added.body.position).toBeGreaterThan(answer.body.position)
    })

    it("leads to what queries show, under the version as the entity tag", async () => {
      const cart = await opened({ customerId: "Ann" })
      ok(await add(cart, "MUG-BLUE", 2, { lineId: "mugs" }))
      ok(await add(cart, "BIRD-PAPER", 100, { lineId: "birds" }))
      ok(await add(cart, "LAMP-DESK", 1, { lineId: "lamp" }))
      ok(await shop.call("PATCH", `${cart}/items/birds`, { body: { quantity: 40 } }))
      const last = ok(await shop.call("DELETE", `${cart}/items/lamp`))
      const answer = await shop.call("GET", `${cart}?atLeastVersion=${last.body.version}`)
      expect(answer.headers.etag).toBe('"6"')
      const mug = { sku: "MUG-BLUE", description: "Blue enamel mug", quantity: 2 }
      const bird = { sku: "BIRD-PAPER", description: "Paper craft little bird", quantity: 40 }
      expect(answer.body).toEqual({
        id: last.body.id,
        version: 6,
        status: "open",
        customerId: "Ann",
        country: "France",
        total: { amountMinor: 2500, currency: "GBP" },
        lineCount: 2,
        checkoutId: null,
        openedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        updatedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        lines: [
          { lineId: "mugs", ...mug, unitPrice: { amountMinor: 750, currency: "GBP" } },
          { lineId: "birds", ...bird, unitPrice: { amountMinor: 25, currency: "GBP" } }
        ]
      })
    })

    it("that has nothing to do is accepted, at the version that there is", async () => {
      const cart = await opened()
      ok(await add(cart, "MUG-BLUE", 2, { lineId: "mugs" }))
      const same = ok(await shop.call("PATCH", `${cart}/items/mugs`, { body: { quantity: 2 } }))
      expect(same.body).toMatchObject({ version: 2, position: 0, repeated: false })
    })

    it("that is refused changes nothing", async () => {
      const cart = await opened()
      expectProblem(await add(cart, "MUG-BLUE", 100_001), 422, "QuantityOutOfRange")
      expectProblem(await post(`${cart}/checkout`, {}), 409, "EmptyCart")
      const added = ok(await add(cart, "MUG-BLUE", 1))
      expect(await viewAfter(cart, added)).toMatchObject({ version: 2, lineCount: 1 })
    })
  })

  describe("an idempotency key", () => {
    const key = (name: string) => ({ "idempotency-key": `${level} ${name}` })

    it("makes a repeated request the same cart, line and checkout, also after a restart", async () => {
      const requests = async () => {
        const open = ok(await post("/carts", { currency: "GBP" }, key("open")))
        const cart = open.headers.location!
        const line = ok(await add(cart, "MUG-BLUE", 2, {}, key("add")))
        const checkout = ok(await post(`${cart}/checkout`, {}, key("checkout")))
        return [open, line, checkout].map(({ body, headers }) => ({ ...body, location: headers.location }))
      }
      const first = await requests()
      expect(first.map(({ repeated, version }) => [repeated, version])).toEqual([1, 2, 3].map((v) => [false, v]))
      const again = first.map((body) => ({ ...body, repeated: true }))
      expect(await requests()).toEqual(again)
      await shop.restart()
      expect(await requests()).toEqual(again)
    })

    it("stands for the first outcome, whatever the request says the second time", async () => {
      const cart = await opened()
      const first = ok(await add(cart, "MUG-BLUE", 2, {}, key("first")))
      const second = ok(await add(cart, "LAMP-DESK", 7, {}, key("first")))
      expect(second.body).toEqual({ ...first.body, repeated: true })
      expect(await viewAfter(cart, first)).toMatchObject({ version: 2, lines: [{ sku: "MUG-BLUE", quantity: 2 }] })
    })

    it("of a refused command may be used again", async () => {
      const cart = await opened()
      expectProblem(await add(cart, "MUG-BLUE", 0, {}, key("refused")), 422, "QuantityOutOfRange")
      expect(ok(await add(cart, "MUG-BLUE", 1, {}, key("refused"))).body.repeated).toBe(false)
    })

    it("belongs to one cart", async () => {
      const [one, other] = [await opened(), await opened()]
      const added = [await add(one, "MUG-BLUE", 1, {}, key("both")), await add(other, "MUG-BLUE", 1, {}, key("both"))]
      expect(added.map(({ body }) => body.repeated)).toEqual([false, false])
    })

    it("carries a command out once, however often it arrives at the same time", async () => {
      const cart = await opened()
      const names = Array.from({ length: 20 }, (_, i) => `line ${i}`)
      const answers = await Promise.all(
        [...names, ...names, ...names].map((name) => add(cart, "BIRD-PAPER", 1, { lineId: name }, key(name)))
      )
      for (const answer of answers) ok(answer)
      expect(answers.filter(({ body }) => !body.repeated)).toHaveLength(20)
      const last = answers.reduce((a, b) => (a.body.version > b.body.version ? a : b))
      expect(await viewAfter(cart, last)).toMatchObject({ version: 21, lineCount: 20 })
    })
  })

  describe("If-Match", () => {
    it("lets a command through at that version alone", async () => {
      const cart = await opened()
      for (const stale of ["0", '"2"']) {
        const answer = await add(cart, "MUG-BLUE", 1, {}, { "if-match": stale })
        expectProblem(answer, 412, "VersionMismatch")
        expect(answer.body).toMatchObject({ actualVersion: 1 })
      }
      const { headers } = await shop.call("GET", `${cart}?atLeastVersion=1`)
      ok(await add(cart, "MUG-BLUE", 1, {}, { "if-match": headers.etag! }))
      expectProblem(await add(cart, "MUG-BLUE", 1, {}, { "if-match": headers.etag! }), 412, "VersionMismatch")
      ok(await add(cart, "MUG-BLUE", 1, {}, { "if-match": "2" }))
    })

    it("does not keep a repeated request from its first answer", async () => {
      const cart = await opened()
      const headers = { "idempotency-key": `${level} if-match`, "if-match": '"1"' }
      const first = ok(await add(cart, "MUG-BLUE", 1, {}, headers))
      ok(await add(cart, "MUG-BLUE", 5))
      expect(ok(await add(cart, "MUG-BLUE", 1, {}, headers)).body).toEqual({ ...first.body, repeated: true })
    })
  })

  describe("atLeastVersion", () => {
    it("shows a client its own writes, at once", async () => {
      const cart = await opened()
      for (let quantity = 1; quantity <= 20; quantity++) {
        const added = ok(await add(cart, "BIRD-PAPER", quantity))
        expect((await viewAfter(cart, added)).lines.at(-1).quantity).toBe(quantity)
      }
    })
  })

  it("a checkout freezes the cart, at the total that the buyer accepted", async () => {
    const cart = await opened()
    ok(await add(cart, "MUG-BLUE", 2, { lineId: "mugs" }))
    const total = (amountMinor: number) => ({ acceptedTotal: { amountMinor, currency: "GBP" } })
    expectProblem(await post(`${cart}/checkout`, total(1499)), 409, "TotalChanged")
    const checkout = ok(await post(`${cart}/checkout`, { checkoutId: "checkout-1", ...total(1500) }))
    expect(checkout.body.checkoutId).toBe("checkout-1")
    for (const answer of [
      await add(cart, "MUG-BLUE", 1),
      await shop.call("PATCH", `${cart}/items/mugs`, { body: { quantity: 3 } }),
      await shop.call("DELETE", `${cart}/items/mugs`),
      await post(`${cart}/abandon`, { reason: "discarded" }),
      await post(`${cart}/checkout`, { checkoutId: "checkout-2" })
    ]) {
      expectProblem(answer, 409, "CartNotEditable")
      expect(answer.body).toMatchObject({ cartStatus: "checking-out", checkoutId: "checkout-1" })
    }
    expect(await viewAfter(cart, checkout)).toMatchObject({ status: "checking-out", checkoutId: "checkout-1" })
  })

  it("an abandoned cart is closed until it is recovered", async () => {
    const cart = await opened()
    ok(await add(cart, "MUG-BLUE", 2))
    ok(await post(`${cart}/abandon`, { reason: "expired" }))
    expectProblem(await add(cart, "MUG-BLUE", 1), 409, "CartNotEditable")
    const recovered = ok(await post(`${cart}/recover`))
    expect(await viewAfter(cart, recovered)).toMatchObject({ status: "open", version: 4, lineCount: 1 })
  })

  describe("a list", () => {
    const idsOf = (answer: Answer): ReadonlyArray<string> => {
      expect(answer.status, answer.text).toBe(200)
      return answer.body.map(({ id }: { id: string }) => id)
    }

    /** Reads a list page by page, until a page is not full. */
    const pages = async (path: string, limit: number) => {
      const found: Array<string> = []
      while (true) {
        const after = found.length === 0 ? "" : `&after=${encodeURIComponent(found.at(-1)!)}`
        const page = idsOf(await shop.call("GET", `${path}&limit=${limit}${after}`))
        found.push(...page)
        if (page.length < limit) return found
      }
    }

    it("of a customer's carts has the newest first, in pages without gaps", async () => {
      const customerId = `customer ${level}`
      const carts = []
      for (let i = 0; i < 7; i++) carts.push(await opened({ customerId }))
      await opened({ customerId: "another" })
      await viewAfter(carts[6]!, { body: { version: 1 } } as Answer)
      const newestFirst = carts.map((cart) => cart.slice("/carts/".length)).reverse()
      const path = `/carts?customerId=${encodeURIComponent(customerId)}`
      expect(idsOf(await shop.call("GET", path))).toEqual(newestFirst)
      for (const limit of [1, 2, 3, 7, 500]) expect(await pages(path, limit)).toEqual(newestFirst)
      expect(idsOf(await shop.call("GET", `${path}&after=${newestFirst.at(-1)}`))).toEqual([])
      expect(idsOf(await shop.call("GET", "/carts?customerId=unheard-of"))).toEqual([])
    })

    it("of abandoned carts has those with lines that nobody has touched, the longest untouched first", async () => {
      const [empty, bought, left, given] = [await opened(), await opened(), await opened(), await opened()]
      for (const cart of [bought, left, given]) ok(await add(cart, "MUG-BLUE", 1))
      ok(await post(`${bought}/checkout`, {}))
      const last = ok(await post(`${given}/abandon`, { reason: "expired" }))
      await viewAfter(given, last)
      const found = await pages("/reports/abandoned-carts?hours=0", 2)
      const names = (carts: ReadonlyArray<string>) => carts.map((cart) => cart.slice("/carts/".length))
      expect(found.slice(-2)).toEqual(names([left, given]))
      for (const cart of names([empty, bought])) expect(found).not.toContain(cart)
      expect(idsOf(await shop.call("GET", "/reports/abandoned-carts"))).toEqual([])
      // A cart that was touched after the page that ended with it is elsewhere in the list now, or no more in it.
      await viewAfter(left, ok(await post(`${left}/checkout`, {})))
      const after = names([left])[0]
      expectProblem(await shop.call("GET", `/reports/abandoned-carts?hours=0&after=${after}`), 422, "UnknownCursor")
    })

    it("of revenue adds up the checkouts by country, day and currency", async () => {
      const country = `Country ${level}`
      const sell = async (currency: string, quantity: number, fields: object = { country }) => {
        const cart = await opened({ currency, ...fields })
        ok(await add(cart, "MUG-BLUE", quantity))
        await viewAfter(cart, ok(await post(`${cart}/checkout`, {})))
      }
      await sell("GBP", 1)
      await sell("GBP", 3)
      await sell("EUR", 2)
      await sell("GBP", 1, { country: null })
      const day = new Date().toISOString().slice(0, 10)
      const revenue = async (query: string) => (await shop.call("GET", `/reports/revenue?${query}`)).body
      const expected = [
        { country, day, carts: 1, total: { amountMinor: 1750, currency: "EUR" } },
        { country, day, carts: 2, total: { amountMinor: 3000, currency: "GBP" } }
      ]
      const ours = `country=${encodeURIComponent(country)}`
      expect(await revenue(ours)).toEqual(expected)
      expect(await revenue(`${ours}&from=${day}&to=${day}`)).toEqual(expected)
      expect(await revenue(`${ours}&to=2011-12-09`)).toEqual([])
      expect(await revenue(`${ours}&from=9999-12-31`)).toEqual([])
      expect(await revenue("country=Unspecified")).toMatchObject([{ country: "Unspecified", day }])
      expect(await revenue("from=2000-02-29")).toEqual(expect.arrayContaining(expected))
    })
  })

  describe("merging a guest's cart", () => {
    const carts = async (fields: object = {}) => {
      const [own, guest] = [await opened({ customerId: "Ann" }), await opened(fields)]
      ok(await add(own, "MUG-BLUE", 1, { lineId: "1" }))
      ok(await add(guest, "BIRD-PAPER", 5, { lineId: "1" }))
      ok(await add(guest, "MUG-BLUE", 2, { lineId: "2" }))
      return { own, guest, guestCartId: guest.slice("/carts/".length) }
    }

    const merged = { version: 5, status: "open", lineCount: 2, total: { amountMinor: 3 * 750 + 5 * 25 } }

    it("moves its lines, under ids of their own, and closes it", async () => {
      const { own, guest, guestCartId } = await carts()
      const answer = ok(await post(`${own}/merge`, { guestCartId }))
      const view = await viewAfter(own, answer)
      expect(view).toMatchObject({
        ...merged,
        lines: [
          { lineId: "1", quantity: 3 },
          { sku: "BIRD-PAPER", quantity: 5 }
        ]
      })
      expectProblem(await add(guest, "MUG-BLUE", 1), 409, "CartNotEditable")
      expect(await viewAfter(guest, { body: { version: 4 } } as Answer)).toMatchObject({ status: "merged" })
    })

    it("may be repeated, with a key and without, and goes on where it was broken off", async () => {
      const { own, guest, guestCartId } = await carts()
      const headers = { "idempotency-key": `${level} merge` }
      // As if the shop had stopped after the guest's cart was closed.
      ok(await post(`${guest}/abandon`, { reason: "merged" }))
      const first = ok(await post(`${own}/merge`, { guestCartId }, headers))
      expect(ok(await post(`${own}/merge`, { guestCartId }, headers)).body).toEqual({ ...first.body, repeated: true })
      expect(ok(await post(`${own}/merge`, { guestCartId })).body).toMatchObject({ version: 5, repeated: false })
      const checkout = ok(await post(`${own}/checkout`, {}))
      expect(ok(await post(`${own}/merge`, { guestCartId }, headers)).body).toEqual({ ...first.body, repeated: true })
      ok(await post(`${own}/merge`, { guestCartId }))
      expect(await viewAfter(own, checkout)).toMatchObject({ ...merged, version: 6, status: "checking-out" })
    })

    it("that is refused leaves both as they were", async () => {
      const other = await carts({ currency: "EUR" })
      const frozen = await carts()
      const stale = await carts()
      ok(await post(`${frozen.own}/checkout`, {}))
      const merge = ({ own, guestCartId }: typeof other, headers?: Sent["headers"]) =>
        post(`${own}/merge`, { guestCartId }, headers)
      expectProblem(await merge(other), 422, "CurrencyMismatch")
      expectProblem(await merge(frozen), 409, "CartNotEditable")
      expectProblem(await merge(stale, { "if-match": '"1"' }), 412, "VersionMismatch")
      for (const { guest } of [other, frozen, stale]) {
        const still = ok(await add(guest, "BIRD-PAPER", 1))
        expect(await viewAfter(guest, still)).toMatchObject({ status: "open", version: 4, lineCount: 3 })
      }
      ok(await merge(stale, { "if-match": '"2"' }))
    })

    it("needs two carts", async () => {
      const { own, guestCartId } = await carts()
      expectInvalid(await post(`${own}/merge`, { guestCartId: own.slice("/carts/".length) }), "body.guestCartId")
      const unknown = await post(`${own}/merge`, { guestCartId: "nobody" })
      expectProblem(unknown, 404, "CartNotFound")
      expect(unknown.body.detail).toContain("nobody")
      expectProblem(await post("/carts/nobody/merge", { guestCartId }), 404, "CartNotFound")
      ok(await add(`/carts/${guestCartId}`, "MUG-BLUE", 1))
      ok(await add(own, "MUG-BLUE", 1))
    })
  })
})
