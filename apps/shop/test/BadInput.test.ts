/**
 * Whatever is sent, the answer is a problem that says what to do, nothing is half done, and the shop goes on.
 */
import { connect } from "node:net"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type Answer, expectInvalid, expectProblem, type Sent, type Shop, startShop } from "./Shop.ts"

let shop: Shop

/** What the fixture's cart looks like; nothing in this file may change it. */
let before: Answer

const cart = "/carts/cart-1"

beforeAll(async () => {
  shop = await startShop()
  await shop.call("POST", "/carts", { body: { id: "cart-1", currency: "GBP", customerId: "17850" } })
  await shop.call("POST", `${cart}/items`, { body: { sku: "MUG-BLUE", quantity: 2, lineId: "line-1" } })
  before = await shop.call("GET", `${cart}?atLeastVersion=2`)
})

afterAll(async () => {
  const after = await shop.call("GET", cart)
  const others = await shop.call("GET", "/carts?customerId=nobody")
  await shop.stop()
  expect(before.status).toBe(200)
  expect(after.body).toEqual(before.body)
  expect(others.body).toEqual([])
})

const post = (path: string, sent: Sent) => shop.call("POST", path, sent)
const open = (body: unknown) => post("/carts", { body })
const add = (fields: object) => post(`${cart}/items`, { body: { sku: "MUG-BLUE", quantity: 1, ...fields } })

describe("a body", () => {
  it.each([
    ["ends early", '{"currency":'],
    ["is no JSON", "currency=GBP"],
    ["has a trailing comma", '{"currency":"GBP",}'],
    ["is empty", ""],
    ["is a list", "[]"],
    ["is null", "null"],
    ["is a number", "7"],
    ["is nested deeply", "[".repeat(500_000)],
    ["is nested deeply, and whole", "[".repeat(200_000) + "]".repeat(200_000)],
    ["is nested deeply in objects", '{"a":'.repeat(100_000)]
  ])("that %s", async (_, body) => expectInvalid(await open(body), "body"))

  it("names everything that is wrong, and says what was expected", async () => {
    const answer = await open({ id: "", customerId: 7, country: "x".repeat(101), currency: "gbp" })
    expectInvalid(answer, "body.id", "body.customerId", "body.country", "body.currency")
    expect(answer.body.errors).toContainEqual({
      path: ["body", "currency"],
      message: "Expected the code of an ISO 4217 currency in use, such as GBP, EUR or USD"
    })
    expect(answer.body.detail).toBe(
      "Correct body.id (expected a value with a length of at least 1), body.customerId (expected string | null), " +
        "body.country (expected a value with a length of at most 100) and body.currency (expected the code of an ISO " +
        "4217 currency in use, such as GBP, EUR or USD), and send the request again; nothing was done."
    )
  })

  it("that lacks fields", async () => {
    expectInvalid(await post(`${cart}/items`, { body: {} }), "body.sku", "body.quantity")
    expectInvalid(await post(`${cart}/merge`, { body: {} }), "body.guestCartId")
    expectInvalid(await post(`${cart}/abandon`, { body: { reason: "boredom" } }), "body.reason")
    expectInvalid(await post(`${cart}/checkout`, { body: { acceptedTotal: {} } }), ...acceptedTotal)
    expectInvalid(await post(`${cart}/checkout`, { body: { acceptedTotal: 5 } }), "body.acceptedTotal")
  })

  const acceptedTotal = ["body.acceptedTotal.amountMinor", "body.acceptedTotal.currency"]

  it.each([
    ["a string", '"1"'],
    ["a fraction", "1.5"],
    ["beyond the largest number", "1e400"],
    ["beyond exact integers", "9007199254740993"],
    ["null", "null"],
    ["a list", "[1]"],
    ["true", "true"]
  ])("with a quantity that is %s", async (_, quantity) => {
    expectInvalid(await post(`${cart}/items`, { body: `{"sku":"MUG-BLUE","quantity":${quantity}}` }), "body.quantity")
  })

  it.each(["-1", "0", "-0", "100001", "9007199254740991", "-9007199254740991"])(
    "with a quantity of %s",
    async (quantity) => {
      expectProblem(
        await post(`${cart}/items`, { body: `{"sku":"MUG-BLUE","quantity":${quantity}}` }),
        422,
        "QuantityOutOfRange"
      )
    }
  )

  it.each(["gbp", "XXX", "ZZZ", "", "GBPGBP", "DEM", "£"])("with the currency %j", async (currency) =>
    expectInvalid(await open({ currency }), "body.currency")
  )

  it("with a currency that the price list does not have", async () => {
    await open({ id: "in-yen", currency: "JPY" })
    expectProblem(await post("/carts/in-yen/items", { body: { sku: "MUG-BLUE", quantity: 1 } }), 422, "UnknownSku")
  })

  it("with a total in another currency", async () => {
    const acceptedTotal = { amountMinor: 1500, currency: "EUR" }
    expectProblem(await post(`${cart}/checkout`, { body: { acceptedTotal } }), 409, "TotalChanged")
  })

  it.each([
    ["too long", "x".repeat(65)],
    ["very long", "x".repeat(900_000)],
    ["with a NUL", "a\u0000b"],
    ["with half a surrogate pair", "a\ud800b"],
    ["empty", ""]
  ])("with an id that is %s", async (_, id) => {
    const answer = await open({ id, currency: "GBP" })
    expectInvalid(answer, "body.id")
    expect(answer.text.length).toBeLessThan(1_000)
    expectInvalid(await add({ lineId: id }), "body.lineId")
    expectInvalid(await add({ sku: id }), "body.sku")
  })

  it("in another encoding than UTF-8", async () => {
    const body = Buffer.concat([
      Buffer.from('{"currency":"GBP","country":"'),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('"}')
    ])
    const answer = await open(body)
    expectInvalid(answer, "body")
    expect(answer.body.detail).toContain("UTF-8")
    expectInvalid(await open(Buffer.from('{"currency":"GBP","country":"Österreich"}', "latin1")), "body")
    expectInvalid(await open(Buffer.from('{"currency":"GBP"}', "utf16le")), "body")
  })

  it("of 10 MB", async () => {
    for (const body of [" ".repeat(10_000_000), `{"currency":"${"G".repeat(10_000_000)}"}`]) {
      expectProblem(await open(body), 413, "BodyTooLarge")
    }
  })

  it("of another type than JSON", async () => {
    for (const type of [
      "text/plain",
      "application/xml",
      "application/x-www-form-urlencoded",
      "nonsense",
      "multipart/form-data"
    ]) {
      const answer = await post("/carts", { body: '{"currency":"GBP"}', headers: { "content-type": type } })
      expectProblem(answer, 415, "UnsupportedMediaType")
      expect(answer.body.detail).toContain(type)
    }
    const zipped = { "content-encoding": "gzip" }
    expectProblem(await post("/carts", { body: "{}", headers: zipped }), 415, "UnsupportedMediaType")
  })

  it("has its undeclared fields ignored, a price among them, and the last of a repeated key counts", async () => {
    const opened = await open('{"currency":"EUR","currency":"GBP","colour":"red","__proto__":{"id":"x"},"id":"extra"}')
    expect(opened.status).toBe(202)
    const body = { sku: "MUG-BLUE", quantity: 1, unitPrice: { amountMinor: 1, currency: "GBP" }, price: 1 }
    expect((await post("/carts/extra/items", { body })).status).toBe(202)
    const { body: view } = await shop.call("GET", "/carts/extra?atLeastVersion=2")
    expect(view.total).toEqual({ amountMinor: 750, currency: "GBP" })
  })
})

describe("an address", () => {
  it.each(["/nope", "/carts/cart-1/nope", "/carts/cart-1/items/line-1/nope", "/reports", "/Health/nope"])(
    "%s that leads nowhere",
    async (path) => expectProblem(await shop.call("GET", path), 404, "NoSuchResource")
  )

  it.each([
    ["PUT", "/carts", "GET, HEAD, POST"],
    ["DELETE", "/carts/cart-1", "GET, HEAD"],
    ["GET", "/carts/cart-1/items", "POST"],
    ["OPTIONS", "/carts/cart-1/items/line-1", "DELETE, PATCH"],
    ["POST", "/health/ready", "GET, HEAD"],
    ["POST", "/openapi.json", "GET, HEAD"]
  ])("%s %s has other methods", async (method, path, allowed) => {
    const answer = await shop.call(method, path)
    expectProblem(answer, 405, "MethodNotAllowed")
    expect(answer.headers.allow).toBe(allowed)
  })

  it.each([
    "nobody",
    "a%2Fb",
    "%2e%2e%2f%2e%2e",
    "%F0%9F%9B%92",
    "Lantern%20%26%20Heart",
    "a+b",
    "'%22%3B--",
    "%3Fx=1%23y"
  ])("of an unknown cart %s", async (id) => {
    expectProblem(await shop.call("GET", `/carts/${id}`), 404, "CartNotFound")
    expectProblem(await post(`/carts/${id}/items`, { body: { sku: "MUG-BLUE", quantity: 1 } }), 404, "CartNotFound")
    expectProblem(await shop.call("DELETE", `/carts/${id}/items/1`), 404, "CartNotFound")
  })

  it("of an unknown line", async () => {
    expectProblem(await shop.call("DELETE", `${cart}/items/nope`), 404, "UnknownLine")
    expectProblem(await shop.call("PATCH", `${cart}/items/nope`, { body: { quantity: 1 } }), 404, "UnknownLine")
    expectProblem(await post(`${cart}/items`, { body: { sku: "nope", quantity: 1 } }), 422, "UnknownSku")
  })

  it.each(["%", "%zz", "%ff", "%c3%28", "a%"])("with the malformed escape %s", async (id) =>
    expectProblem(await shop.call("GET", `/carts/${id}`), 400, "UnreadableRequest")
  )

  it.each([
    ["too long", "x".repeat(65)],
    ["very long", "x".repeat(6_000)],
    ["with a NUL", "a%00b"]
  ])("with an id that is %s", async (_, id) => {
    expectInvalid(await shop.call("GET", `/carts/${id}`), "path.id")
    expectInvalid(await shop.call("DELETE", `/carts/${id}/items/${id}`), "path.id", "path.lineId")
  })

  it("with an id of 64 characters that take nine bytes each", async () => {
    const id = "画".repeat(64)
    const opened = await open({ id, currency: "GBP" })
    expect(opened.status).toBe(202)
    expect((await shop.call("GET", `${opened.headers.location}?atLeastVersion=1`)).body.id).toBe(id)
  })

  it("with an id of odd characters", async () => {
    const id = "a/b c?d#e%f&g=🛒'\";"
    const opened = await open({ id, currency: "GBP" })
    expect(opened.headers.location).toBe(`/carts/${encodeURIComponent(id)}`)
    expect((await shop.call("GET", `${opened.headers.location}?atLeastVersion=1`)).body.id).toBe(id)
  })

  it("is answered to HEAD without a body", async () => {
    const found = await shop.call("HEAD", cart)
    expect(found).toMatchObject({ status: 200, text: "", headers: { etag: '"2"' } })
    expect(await shop.call("HEAD", "/carts/nope")).toMatchObject({ status: 404, text: "" })
  })
})

describe("a query", () => {
  it.each([
    ["/carts/cart-1?atLeastVersion=-1", "query.atLeastVersion"],
    ["/carts/cart-1?atLeastVersion=x", "query.atLeastVersion"],
    ["/carts/cart-1?atLeastVersion=1.5", "query.atLeastVersion"],
    ["/carts/cart-1?atLeastVersion=2e0", "query.atLeastVersion"],
    ["/carts/cart-1?atLeastVersion=%2B2", "query.atLeastVersion"],
    ["/carts/cart-1?atLeastVersion=2.0", "query.atLeastVersion"],
    ["/carts/cart-1?atLeastVersion=0x2", "query.atLeastVersion"],
    ["/carts/cart-1?atLeastVersion=%202", "query.atLeastVersion"],
    ["/carts/cart-1?atLeastVersion=-0", "query.atLeastVersion"],
    ["/carts/cart-1?atLeastVersion=1&atLeastVersion=2", "query.atLeastVersion"],
    ["/carts/cart-1?atLeastVersion=99999999999", "query.atLeastVersion"],
    ["/carts", "query.customerId"],
    ["/carts?customerId=", "query.customerId"],
    ["/carts?customerId=%00", "query.customerId"],
    ["/carts?customerId=1&customerId=2", "query.customerId"],
    ["/carts?customerId=1&limit=0", "query.limit"],
    ["/carts?customerId=1&limit=501", "query.limit"],
    ["/carts?customerId=1&limit=ten", "query.limit"],
    ["/carts?customerId=1&limit=1e400", "query.limit"],
    ["/carts?customerId=1&limit=1e2", "query.limit"],
    ["/carts?customerId=1&limit=", "query.limit"],
    ["/carts?customerId=1&after=", "query.after"],
    ["/reports/abandoned-carts?hours=-1", "query.hours"],
    ["/reports/abandoned-carts?hours=NaN", "query.hours"],
    ["/reports/abandoned-carts?hours=1e3", "query.hours"],
    ["/reports/abandoned-carts?hours=.5", "query.hours"],
    ["/reports/abandoned-carts?hours=Infinity", "query.hours"],
    ["/reports/revenue?from=2011-02-31", "query.from"],
    ["/reports/revenue?to=2011-13-01", "query.to"],
    ["/reports/revenue?to=yesterday", "query.to"],
    ["/reports/revenue?from=0000-01-01", "query.from"],
    ["/reports/revenue?from=2011-1-1", "query.from"],
    ["/reports/revenue?from=2011-02-02&to=2011-02-01", "query.to"],
    [`/reports/revenue?country=${"x".repeat(101)}`, "query.country"]
  ])("%s", async (path, field) => expectInvalid(await shop.call("GET", path), field))

  it("with several wrong parameters", async () => {
    expectInvalid(await shop.call("GET", "/carts?limit=x&after="), "query.customerId", "query.limit", "query.after")
  })

  it("with undeclared parameters, which are ignored", async () => {
    expect((await shop.call("GET", `${cart}?utm_source=x&x=1&x=2`)).status).toBe(200)
  })

  it("of a list that is to go on after a cart which is not in it", async () => {
    for (const list of ["/carts?customerId=17850", "/reports/abandoned-carts?hours=0"]) {
      const answer = await shop.call("GET", `${list}&after=nope`)
      expectProblem(answer, 422, "UnknownCursor")
      expect(answer.body).toMatchObject({ after: "nope" })
    }
    expectProblem(await shop.call("GET", "/carts?customerId=17851&after=cart-1"), 422, "UnknownCursor")
  })
})

describe("a header", () => {
  it.each(["abc", '"abc"', "*", 'W/"1"', "-1", "1.5", '"1', "9999999999", '"1", "2"', ""])(
    "If-Match: %s",
    async (version) => {
      const headers = { "if-match": version }
      expectInvalid(await shop.call("DELETE", `${cart}/items/line-1`, { headers }), "header.if-match")
    }
  )

  it("that is too long or empty", async () => {
    const headers = { "idempotency-key": "x".repeat(201), "x-actor": "", traceparent: "x".repeat(101) }
    expectInvalid(
      await shop.call("DELETE", `${cart}/items/line-1`, { headers }),
      "header.idempotency-key",
      "header.x-actor",
      "header.traceparent"
    )
  })
})

/** Sends bytes that may be no HTTP, and reads until the connection is closed. */
const raw = (text: string) =>
  new Promise<string>((resolve, reject) => {
    const socket = connect(shop.port(), "127.0.0.1", () => socket.write(text))
    let answer = ""
    socket.setEncoding("utf8").on("data", (chunk) => {
      answer += chunk
    })
    socket.on("error", reject).on("close", () => resolve(answer))
  })

it("everything that is wrong is named, in whichever parts of the request it is", async () => {
  const headers = { "if-match": "x", "idempotency-key": "" }
  expectInvalid(
    await shop.call("PATCH", "/carts/%00/items/line-1", { headers, body: { quantity: "many" } }),
    "path.id",
    "header.idempotency-key",
    "header.if-match",
    "body.quantity"
  )
  expectInvalid(await post("/carts", { headers, body: "{" }), "header.idempotency-key", "header.if-match", "body")
  expectInvalid(await shop.call("GET", "/carts/%00?atLeastVersion=x"), "path.id", "query.atLeastVersion")
  const latin1 = Buffer.from('{"quantity":"ü"}', "latin1")
  expectInvalid(await shop.call("PATCH", "/carts/%00/items/line-1", { headers, body: latin1 }), "body")
})

describe("what is no request", () => {
  it.each([
    ["a long address", `GET /carts/${"x".repeat(20_000)} HTTP/1.1\r\nhost: x\r\n\r\n`, 431, "HeadersTooLarge"],
    ["a long header", `GET / HTTP/1.1\r\nhost: x\r\nx-long: ${"x".repeat(20_000)}\r\n\r\n`, 431, "HeadersTooLarge"],
    ["no HTTP at all", "EHLO mail.example\r\n\r\n", 400, "UnreadableRequest"],
    [
      "a length that is no number",
      "POST /carts HTTP/1.1\r\nhost: x\r\ncontent-length: x\r\n\r\n",
      400,
      "UnreadableRequest"
    ],
    [
      "two lengths",
      "POST /carts HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n12",
      400,
      "UnreadableRequest"
    ]
  ])("%s", async (_, text, status, type) => {
    const [head, body] = (await raw(text)).split("\r\n\r\n")
    expect(head).toContain(`HTTP/1.1 ${status}`)
    expect(head).toContain("application/problem+json")
    expect(JSON.parse(body!)).toMatchObject({ type: `urn:daybook:problem:${type}`, status, detail: expect.any(String) })
  })

  it("a client that leaves in the middle of a body", async () => {
    const socket = connect(shop.port(), "127.0.0.1")
    socket.write(
      'POST /carts HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"id":"half"'
    )
    await new Promise((resolve) => socket.once("connect", resolve))
    socket.destroy()
    expectProblem(await shop.call("GET", "/carts/half"), 404, "CartNotFound")
  })
})
