import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { describe, expect, it } from "vitest"
import { arrive, moments } from "../src/http/Arrivals.ts"
import { Connections, wholeAnswer, written } from "../src/http/Connections.ts"
import { reportOf } from "../src/http/HttpReport.ts"
import { Carts, commandRequest, queriesPerOwnWrite, settledMillis } from "../src/http/Traffic.ts"
import { judge } from "../src/Report.ts"

/** Numbers that are spread evenly, and the same in every run. */
const evenly = () => {
  let step = 0
  return () => (step++ * 0.618034) % 1
}

describe("the moments of an open load", () => {
  it("come at the given rate, in order, at irregular distances", () => {
    const next = moments(1_000, 50, evenly())
    const taken = Array.from({ length: 10_000 }, next)
    expect(taken[0]).toBeGreaterThanOrEqual(50)
    expect(taken.toSorted((a, b) => a - b)).toEqual(taken)
    expect(taken.at(-1)! - 50).toBeGreaterThan(9_500)
    expect(taken.at(-1)! - 50).toBeLessThan(10_500)
    expect(new Set(taken.slice(1).map((moment, index) => Math.round(moment - taken[index]!))).size).toBeGreaterThan(3)
  })

  it("are all issued, each as intended, also when the generator was held up", async () => {
    const intended: Array<number> = []
    const clock = [0, 3, 200, 1_000]
    const now = () => clock.shift() ?? 1_000
    await arrive([{ perSecond: 100, issue: (moment) => intended.push(moment) }], 1, evenly(), now)
    const next = moments(100, 0, evenly())
    const expected = Array.from({ length: 200 }, next).filter((moment) => moment < 1_000)
    expect(intended).toEqual(expected)
  })
})

describe("the people of an open load", () => {
  const fill = (carts: Carts, commands: number, nowMillis: number) => {
    const [customer] = carts.customers
    return Array.from({ length: commands }, () => {
      const step = customer!.next()
      carts.acknowledged(customer!, step, nowMillis)
      return step
    })
  }

  it("send what the shop takes", () => {
    const [open, add] = fill(new Carts(1, evenly()), 2, 0).map(commandRequest)
    expect(open).toMatchObject({ method: "POST", path: "/carts" })
    expect(JSON.parse(open!.body!)).toMatchObject({ currency: "GBP", id: expect.any(String) })
    expect(add!.path).toBe(`/carts/${JSON.parse(open!.body!).id}/items`)
    expect(Object.keys(JSON.parse(add!.body!))).toEqual(["sku", "quantity", "lineId"])
    expect(add!.headers["idempotency-key"]).not.toBe(open!.headers["idempotency-key"])
  })

  it("look at no cart that a read model need not have yet", () => {
    const carts = new Carts(1, evenly())
    expect(carts.query(5_000)).toBeUndefined()
    fill(carts, 3, 5_000)
    expect(carts.query(5_000 + settledMillis - 1)).toBeUndefined()
    expect(carts.query(5_000 + settledMillis)).toBeDefined()
  })

  it("now and then look at what was acknowledged last, in that version", () => {
    const carts = new Carts(1, evenly())
    const steps = fill(carts, 7, 0)
    const queries = Array.from({ length: queriesPerOwnWrite * 2 }, () => carts.query(settledMillis)!)
    const own = queries.filter(({ ofOwnWrite }) => ofOwnWrite).map(({ request }) => request.path)
    expect(own).toEqual(Array(2).fill(`/carts/${steps[6]!.cartId}?atLeastVersion=7`))
    const others = queries.filter(({ ofOwnWrite }) => !ofOwnWrite).map(({ request }) => request.path)
    expect(new Set(others)).toEqual(new Set([`/carts/${steps[0]!.cartId}`]))
  })
})

describe("a connection", () => {
  it("writes the body's length in bytes", () => {
    const text = written("shop:80", { method: "POST", path: "/carts", headers: { a: "b" }, body: '"é"' })
    expect(text).toBe('POST /carts HTTP/1.1\r\nhost: shop:80\r\na: b\r\ncontent-length: 4\r\n\r\n"é"')
  })

  it("waits until an answer is whole, and takes none without a length", () => {
    const answer = "HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}"
    for (const end of [5, 30, answer.length - 1]) expect(wholeAnswer(answer.slice(0, end))).toBeUndefined()
    expect(wholeAnswer(answer)).toEqual({ status: 202, end: answer.length })
    expect(() => wholeAnswer("HTTP/1.1 200 OK\r\n\r\n")).toThrow("Content-Length")
  })

  it("is one of few for many requests, and the first refusal ends all", async () => {
    const server = createServer((request, response) => {
      response.writeHead(request.url === "/refused" ? 409 : 200, { "content-length": 2 }).end("{}")
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const get = (path: string) => ({ method: "GET", path, headers: {}, body: null }) as const
    const all = (paths: ReadonlyArray<string>) =>
      Connections.using(url, 3, (connections) =>
        Promise.all(paths.map((path) => new Promise<void>((resolve) => connections.send(get(path), resolve))))
      )
    expect(await all(Array(50).fill("/"))).toHaveLength(50)
    await expect(all(["/", "/", "/", "/refused", "/"])).rejects.toThrow("GET /refused was answered: HTTP/1.1 409")
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
})

describe("the report of the http benchmark", () => {
  const saturated = (commandsPerSecond: number, cpuMicrosPerRequest: number) => ({
    commandsPerSecond,
    cpuMicrosPerRequest,
    p50Millis: 1,
    p95Millis: 2,
    busyPercent: 99,
    generatorCpuMicrosPerRequest: 13
  })
  const daybook = [saturated(10_000, 90), saturated(12_000, 80), saturated(9_000, 100)]
  const constant = [saturated(40_000, 18), saturated(40_000, 20), saturated(30_000, 20)]
  const percentiles = ["P50", "P95", "P99", "Max"].map((name, index) => [`${name}Millis`, index + 1])
  const fixedRate = [
    Object.fromEntries(
      ["command", "query", "ownWrite", "late"]
        .flatMap((kind) => [...percentiles, ["PerSecond", 1_000]].map(([name, value]) => [`${kind}${name}`, value]))
        .concat([["cpuMicrosPerRequest", 150]])
    ) as Record<string, number>
  ]

  it("holds the shop against the constant, round by round", () => {
    const { ratios } = reportOf({ daybook, constant, framework: constant }, {})
    expect(ratios.saturatedRatioToConstant).toEqual({ median: 0.3, min: 0.25, max: 0.3, better: "higher" })
    expect(ratios.cpuRatioToConstant).toEqual({ median: 5, min: 4, max: 5, better: "lower" })
  })

  it("has in its short form one ratio, which no neighbour on the machine changes much", () => {
    const report = reportOf({ daybook, constant }, {})
    expect(Object.keys(report.ratios)).toEqual(["cpuRatioToConstant"])
    expect(judge(report)).toEqual([])
  })

  it("has targets for the fixed rate where that was measured", () => {
    const verdicts = judge(reportOf({ daybook, constant, framework: constant, fixedRate }, {}))
    expect(verdicts.map(({ figure, met }) => [figure, met])).toEqual([
      ["commandP95Millis", true],
      ["queryP95Millis", true],
      ["saturatedRatioToConstant", false]
    ])
  })

  it("holds the fixed rate against the shop written by hand", () => {
    const bareFixedRate = [{ ...fixedRate[0]!, commandP95Millis: 1, queryP95Millis: 0.5, cpuMicrosPerRequest: 100 }]
    const { figures, ratios } = reportOf({ daybook, constant, framework: constant, fixedRate, bareFixedRate }, {})
    expect(ratios.commandP95RatioToBareShop?.median).toBe(2)
    expect(ratios.queryP95RatioToBareShop?.median).toBe(4)
    expect(ratios.fixedRateCpuRatioToBareShop?.median).toBe(1.5)
    expect(figures.bareQueryP95Millis?.median).toBe(0.5)
    expect(figures.bareFixedRateCpuMicrosPerRequest?.median).toBe(100)
  })
})
