/**
 * The shop's HTTP server: the services' APIs, their documentation, health and metrics.
 */

import { createServer, ServerResponse } from "node:http"
import * as AsyncApi from "@daybook/core/AsyncApi"
import { defaultAnswerMillis } from "@daybook/postgres/AnswerLimit"
import { RequestProblems } from "@daybook/services/InvalidRequest"
import { parties } from "@daybook/services/Parties"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { HttpIncomingMessage, HttpRouter, HttpServerResponse } from "effect/http"
import { HttpApi, HttpApiScalar, OpenApi } from "effect/http-api"
import * as Layer from "effect/Layer"
import { PrometheusMetrics } from "effect/observability"
import * as AllowedMethods from "./AllowedMethods.ts"
import type { Part } from "./Parts.ts"
import * as Problems from "./Problems.ts"
import { Readiness } from "./Readiness.ts"
import { type Listen, type Roles, roleNames } from "./Settings.ts"
import type { Stopping } from "./Stopping.ts"

const annotations = OpenApi.annotations({
  title: "Daybook shop",
  version: "1",
  description:
    "Commands answer 202 once their events are durable, with a version; give it to a query as `atLeastVersion` to read " +
    "your own write. Errors are RFC 9457 problem documents, told apart by `type`."
})

/** The services' APIs as one, for the documentation. */
export const apiOf = (parts: ReadonlyArray<Pick<Part, "api">>): Part["api"] => {
  const none: Part["api"] = HttpApi.make("shop") as never
  return parts.reduce((all, { api }) => all.addHttpApi(api), none).annotateMerge(annotations)
}

/** The messages that these services send and receive, as an AsyncAPI document. */
const messagesOf = (parts: ReadonlyArray<Part>): AsyncApi.Document =>
  AsyncApi.document(
    {
      title: "Daybook shop",
      version: "1",
      description: "What the services say to each other, and what they can be told: CloudEvents 1.0 in structured JSON"
    },
    parties.filter(({ service }) => parts.some(({ name }) => name === service))
  )

/** What a server has to do with the stop of its process. */
type Stop = Pick<Stopping, "serving" | "isAsked">

/** How long the readiness probe waits for the read side; a probe itself times out after some seconds. */
const readyWithinMillis = 2_000

const health = (stopping: Stop) =>
  HttpRouter.use(
    Effect.fnUntraced(function* (router) {
      const { statuses } = yield* Readiness
      yield* router.add("GET", "/health/live", HttpServerResponse.jsonUnsafe({ status: "live" }))
      // In a fiber of its own, since an attempt to connect cannot be interrupted and would keep the probe waiting.
      const status = Effect.flatMap(Effect.forkDetach(statuses), Fiber.join)
      const ready = status.pipe(
        Effect.map((projections) =>
          HttpServerResponse.jsonUnsafe({
            status: "ready",
            projections: projections.map(({ name, lag, paused, parked, offsets }) => ({
              name,
              lag,
              paused,
              parked: parked.length,
              stopped: offsets.filter((offset) => offset.stoppedBecause !== null).length
            }))
          })
        ),
        Effect.timeoutOrElse({
          duration: readyWithinMillis,
          orElse: () => Effect.succeed(Problems.unready("The database does not answer in time."))
        }),
        Effect.catch((error) => Effect.succeed(Problems.unready(error.message)))
      )
      const notReady = Effect.succeed(Problems.unready("The process has been asked to stop."))
      yield* router.add(
        "GET",
        "/health/ready",
        Effect.suspend(() => (stopping.isAsked ? notReady : ready))
      )
    })
  )

const landing = HttpRouter.use((router) =>
  router.add("GET", "/", HttpServerResponse.redirect("/docs", { status: 302 }))
)

/** A document that is made when somebody first asks for it: a start does not wait for it. */
const document = (path: "/openapi.json" | "/asyncapi.json", make: () => unknown) =>
  HttpRouter.use((router) =>
    Effect.flatMap(Effect.cached(Effect.sync(() => HttpServerResponse.jsonUnsafe(make()))), (answer) =>
      router.add("GET", path, answer)
    )
  )

/** A part of a path may be as long as a whole request's head: what is too long for its field is told so by the field's name. */
const routerConfig = { maxParamLength: 16_384 }

/** All routes, and what the services run behind them. */
const routes = ({ parts, roles, answerMillis, stopping }: Serving) => {
  const allowed = AllowedMethods.make(routerConfig)
  const api = apiOf(parts)
  const services = parts.reduce<Part["layer"]>((all, { layer }) => Layer.merge(all, layer), Layer.empty)
  return Layer.mergeAll(
    services,
    document("/openapi.json", () => OpenApi.fromApi(api)),
    document("/asyncapi.json", () => messagesOf(parts)),
    HttpApiScalar.layer(api, { path: "/docs" }),
    PrometheusMetrics.layerHttp(),
    health(stopping),
    landing,
    Problems.layer({ allowed, answerMillis, roles })
  ).pipe(Layer.provide(RequestProblems.layer), Layer.provide(allowed.layer), Layer.provide(Readiness.layer))
}

/** What is served. */
interface Serving {
  readonly parts: ReadonlyArray<Part>
  readonly roles: Roles
  readonly answerMillis: number
  readonly stopping: Stop
}

/**
 * How long a connection that is not used is kept: longer than the minute for which load balancers commonly keep theirs. One that is closed
 * here just as it is used there is a request without an answer.
 */
const keepAliveTimeout = 75_000

/**
 * While it closes, a server waits so long before it closes the connections that are kept and not used: a request may be on its way on any of
 * them, and is answered.
 */
const lastRequestsMillis = 1_000

/** It listens before the services are there; until then it says so, since a request that nobody hears is never answered. */
const httpServer = () => {
  class Answer extends ServerResponse {
    /** Once the server is closing this is the last answer on its connection: it would wait for connections that stay in use. */
    override writeHead(...given: ReadonlyArray<never>): this {
      if (!server.listening) this.shouldKeepAlive = false
      return super.writeHead(...(given as unknown as Parameters<ServerResponse["writeHead"]>))
    }
  }
  // Of its length Node does not make sure: it is the framework's, which counts what it sends. Where Node does, it writes head and body one by
  // one, in four pieces, and each answer costs twice as much (24 instead of 10 µs).
  Object.defineProperty(Answer.prototype, "strictContentLength", { get: () => false, set: () => {} })
  const server = createServer({ ServerResponse: Answer, keepAliveTimeout })
    .on("clientError", Problems.refuse)
    .on("request", Problems.refuseEarly)
  const closeIdleConnections = server.closeIdleConnections.bind(server)
  server.closeIdleConnections = () => void setTimeout(closeIdleConnections, lastRequestsMillis).unref()
  return server.on("newListener", (event) => {
    if (event === "request") server.off("request", Problems.refuseEarly)
  })
}

/**
 * The server of these services, listening. Port 0 is any free port; `HttpServer` says which. What is `serving` begins before requests are
 * served, and ends when those accepted are answered, before the services do. Who is asked to stop is not ready.
 */
export const layer = (
  { host, port, answerMillis = defaultAnswerMillis }: Listen,
  parts: ReadonlyArray<Part>,
  roles: Roles = new Set(roleNames),
  stopping: Stop = { serving: Effect.void, isAsked: false }
) =>
  HttpRouter.serve(
    Layer.provideMerge(Layer.effectDiscard(stopping.serving), routes({ parts, roles, answerMillis, stopping })),
    { disableLogger: true, disableListenLog: true, routerConfig }
  ).pipe(
    Layer.provide(Layer.succeed(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(Problems.maxBodyBytes))),
    Layer.provideMerge(NodeHttpServer.layer(httpServer, { host, port }))
  )
