/** A request that waits too long is answered on time, whatever its handler does about being interrupted; its connection is fit for the next, or closed. */
import * as Http from "node:http"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Effect from "effect/Effect"
import { HttpRouter, HttpServer, HttpServerResponse } from "effect/http"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import * as AllowedMethods from "../src/AllowedMethods.ts"
import * as Problems from "../src/Problems.ts"

let url: string
let stop: () => Promise<void>
let interrupted: Array<string>
let open: () => void
let agent: Http.Agent

const routes = () => {
  const gate = new Promise<void>((resolve) => {
    open = resolve
  })
  const done = HttpServerResponse.text("done")
  const passing = Effect.as(
    Effect.promise(() => gate),
    done
  )
  const noted = (name: string) => Effect.onInterrupt(() => Effect.sync(() => interrupted.push(name)))
  return HttpRouter.use((router) =>
    Effect.all([
      router.add("GET", "/prompt", Effect.succeed(done)),
      router.add("GET", "/reading", (request) => noted("reading")(Effect.as(request.text, done))),
      router.add("GET", "/interruptible", noted("interruptible")(Effect.as(Effect.never, done))),
      router.add("GET", "/stubborn", noted("stubborn")(Effect.uninterruptible(passing)))
    ])
  )
}

beforeEach(async () => {
  interrupted = []
  agent = new Http.Agent({ keepAlive: true, maxSockets: 1 })
  const allowed = AllowedMethods.make({})
  const defence = Problems.layer({ allowed, answerMillis: 50, roles: new Set(["query"]) })
  const server = HttpRouter.serve(Layer.mergeAll(routes(), defence).pipe(Layer.provide(allowed.layer)), {
    disableLogger: true,
    disableListenLog: true
  }).pipe(Layer.provideMerge(NodeHttpServer.layer(() => Http.createServer(), { port: 0 })))
  const runtime = ManagedRuntime.make(server)
  const { address } = await runtime.runPromise(HttpServer.HttpServer)
  url = `http://127.0.0.1:${"port" in address ? address.port : 0}`
  stop = () => runtime.dispose()
})

afterEach(async () => {
  open()
  agent.destroy()
  await stop()
})

interface Answer {
  readonly status: number | undefined
  readonly retryAfter: string | undefined
  readonly text: string
  readonly localPort: number | undefined
}

/** Of a body of `bytes` the first is sent, and the others never. */
const get = (path: string, bytes = 0): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const request = Http.request(`${url}${path}`, { agent, headers: { "content-length": bytes } }, (response) => {
      const { localPort } = request.socket!
      response.setEncoding("utf8")
      let text = ""
      response.on("data", (chunk) => {
        text += chunk
      })
      response.on("end", () =>
        resolve({ status: response.statusCode, retryAfter: response.headers["retry-after"], text, localPort })
      )
    })
    request.on("error", reject)
    if (bytes === 0) request.end()
    else request.write("{")
  })

describe("a request that waits too long", () => {
  it.each(["interruptible", "stubborn"])("is answered, when its handler is %s", async (name) => {
    const prompt = await get("/prompt")
    expect(prompt).toMatchObject({ status: 200, text: "done" })
    const late = await get(`/${name}`)
    expect(late).toMatchObject({ status: 503, retryAfter: "1" })
    expect(JSON.parse(late.text)).toMatchObject({ type: "urn:daybook:problem:NotAnswered", status: 503 })
    // What the handler answers at last goes nowhere.
    open()
    await expect.poll(() => interrupted).toEqual([name])
    expect(await get("/prompt")).toEqual(prompt)
  })

  it("is told so when it has not arrived, and its connection is closed", async () => {
    const late = await get("/reading", 10)
    expect(late).toMatchObject({ status: 408, retryAfter: "1" })
    expect(JSON.parse(late.text)).toMatchObject({ type: "urn:daybook:problem:RequestTimeout", status: 408 })
    await expect.poll(() => interrupted).toEqual(["reading"])
    const prompt = await get("/prompt")
    expect(prompt).toMatchObject({ status: 200 })
    expect(prompt.localPort).not.toBe(late.localPort)
  })
})
