/**
 * The shop for tests: its real HTTP server on a port of its own, over an embedded store in memory that outlives restarts.
 */

// As the shop does when it starts.
import "effect/schema/SchemaJITCompiler/enable"

import { Agent, type IncomingHttpHeaders, request } from "node:http"
import { Broker } from "@daybook/core/Broker"
import * as Database from "@daybook/postgres/Database"
import type * as Cart from "@daybook/services/cart/Cart"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { HttpServer } from "effect/http"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import { expect } from "vitest"
import * as Parts from "../src/Parts.ts"
import * as Server from "../src/Server.ts"
import type { Roles } from "../src/Settings.ts"

/** An answer of the shop. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** The body as JSON; `undefined` when it is none. */
  readonly body: any
}

/** What a request says besides its method and path. */
export interface Sent {
  /** JSON unless text or bytes, which go as they are. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

const bytesOf = (body: unknown): Uint8Array | string =>
  typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body)

const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Sends a request. The path goes as it is, so that odd ones can be tried. */
export const call = (port: number, agent: Agent, method: string, path: string, { body, headers }: Sent = {}) =>
  new Promise<Answer>((resolve, reject) => {
    const payload = body === undefined ? undefined : bytesOf(body)
    const sent = request(
      {
        host: "127.0.0.1",
        port,
        agent,
        method,
        path,
        headers: {
          ...(payload === undefined
            ? {}
            : { "content-type": "application/json", "content-length": Buffer.byteLength(payload) }),
          ...headers
        }
      },
      (response) => {
        let text = ""
        response.setEncoding("utf8")
        response.on("data", (chunk) => {
          text += chunk
        })
        response.on("error", reject)
        response.on("end", () =>
          resolve({ status: response.statusCode!, headers: response.headers, text, body: jsonOf(text) })
        )
      }
    )
    sent.on("error", reject)
    sent.end(payload)
  })

/** A shop that runs. */
export interface Shop {
  readonly call: (method: string, path: string, sent?: Sent) => Promise<Answer>
  readonly port: () => number
  /** Stops everything but the database, and starts it again. */
  readonly restart: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** Warnings are what some tests provoke; errors are not. */
const quiet = Layer.succeed(References.MinimumLogLevel, "Error")

const build = async <A>(layer: Layer.Layer<A, unknown>) => {
  const scope = Effect.runSync(Scope.make())
  const context = await Effect.runPromise(Layer.buildWithScope(layer.pipe(Layer.provide(quiet)), scope))
  return { context, close: () => Effect.runPromise(Scope.close(scope, Exit.void)) }
}

/** A cart by itself: nobody to exchange messages with. */
const roles: Roles = new Set(["command", "query", "projection"])

/** Starts a shop, on an empty store in memory unless told otherwise. */
export const startShop = async (
  options: Cart.Options = {},
  location: Database.Location = { folder: undefined }
): Promise<Shop> => {
  const store = await build(Database.layer(location))
  const answerMillis = "url" in location ? location.answerMillis : undefined
  const database = Layer.succeedContext(store.context)
  const start = async () => {
    const cart = Parts.cart({ write: database, read: database, broker: Broker.layerMemory(), roles }, options)
    const server = await build(Server.layer({ host: "127.0.0.1", port: 0, answerMillis }, [cart]))
    const { address } = Context.get(server.context, HttpServer.HttpServer)
    if (!("port" in address)) throw new Error("The server has no port")
    return { port: address.port, close: server.close, agent: new Agent({ keepAlive: true }) }
  }
  let running = await start()
  const halt = async () => {
    running.agent.destroy()
    await running.close()
  }
  return {
    call: (method, path, sent) => call(running.port, running.agent, method, path, sent),
    port: () => running.port,
    restart: async () => {
      await halt()
      running = await start()
    },
    stop: async () => {
      await halt()
      await store.close()
    }
  }
}

/** Holds an answer to be the problem of that type, complete, and without what is none of the client's business. */
export const expectProblem = (answer: Answer, status: number, type: string): void => {
  expect({ status: answer.status, type: answer.body?.type, text: answer.text }).toMatchObject({
    status,
    type: `urn:daybook:problem:${type}`
  })
  expect(answer.headers["content-type"]).toBe("application/problem+json")
  expect(answer.body).toMatchObject({ status, title: expect.any(String), detail: expect.any(String) })
  expect(answer.text).not.toMatch(/node_modules|\.ts\b|\.js\b|\bat [\w.]+ \(/)
  const { retryAfterSeconds = 1 } = answer.body
  expect(answer.headers["retry-after"]).toBe(status === 503 ? String(retryAfterSeconds) : undefined)
}

/** Holds an answer to be `InvalidRequest`, naming these fields and no others. */
export const expectInvalid = (answer: Answer, ...fields: ReadonlyArray<string>): void => {
  expectProblem(answer, 400, "InvalidRequest")
  const named = answer.body.errors.map(({ path }: { path: ReadonlyArray<string> }) => path.join("."))
  expect([...new Set(named)].sort()).toEqual([...fields].sort())
  for (const field of fields.slice(0, 5)) expect(answer.body.detail).toContain(field)
}
