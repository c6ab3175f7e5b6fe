/**
 * The shop's HTTP server: the services' APIs, their documentation, health and metrics.
 */

import { createServer } from "node:http"
import { defaultAnswerMillis } from "@daybook/postgres/AnswerLimit"
import { CartApi } from "@daybook/services/cart/Api"
import { CartProjector } from "@daybook/services/cart/Cart"
import { RequestProblems } from "@daybook/services/InvalidRequest"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { HttpIncomingMessage, HttpRouter, HttpServerResponse } from "effect/http"
import { HttpApi, HttpApiBuilder, HttpApiScalar, OpenApi } from "effect/http-api"
import * as Layer from "effect/Layer"
import { PrometheusMetrics } from "effect/observability"
import * as AllowedMethods from "./AllowedMethods.ts"
import * as Problems from "./Problems.ts"
import { cartHandlers } from "./Services.ts"
import type { Listen } from "./Settings.ts"

/** Every service's API as one, for the documentation. */
export const ShopApi = HttpApi.make("shop")
  .addHttpApi(CartApi)
  .annotateMerge(
    OpenApi.annotations({
      title: "Daybook shop",
      version: "1",
      description:
        "Commands answer 202 once their events are durable, with a version; give it to a query as `atLeastVersion` to read " +
        "your own write. Errors are RFC 9457 problem documents, told apart by `type`."
    })
  )

/** How long the readiness probe waits for the read side; a probe itself times out after some seconds. */
const readyWithinMillis = 2_000

const health = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const projector = yield* CartProjector
    yield* router.add("GET", "/health/live", HttpServerResponse.jsonUnsafe({ status: "live" }))
    // In a fiber of its own, since an attempt to connect cannot be interrupted and would keep the probe waiting.
    const status = Effect.flatMap(Effect.forkDetach(projector.status), Fiber.join)
    yield* router.add(
      "GET",
      "/health/ready",
      status.pipe(
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
    )
  })
)

const landing = HttpRouter.use((router) =>
  router.add("GET", "/", HttpServerResponse.redirect("/docs", { status: 302 }))
)

/** A part of a path may be as long as a whole request's head: what is too long for its field is told so by the field's name. */
const routerConfig = { maxParamLength: 16_384 }

/** All routes. Needs the services. */
const routes = (answerMillis: number) => {
  const allowed = AllowedMethods.make(routerConfig)
  return Layer.mergeAll(
    HttpApiBuilder.layer(CartApi).pipe(Layer.provide(cartHandlers)),
    HttpRouter.use((router) =>
      router.add("GET", "/openapi.json", HttpServerResponse.jsonUnsafe(OpenApi.fromApi(ShopApi)))
    ),
    HttpApiScalar.layer(ShopApi, { path: "/docs" }),
    PrometheusMetrics.layerHttp(),
    health,
    landing,
    Problems.layer(allowed, answerMillis)
  ).pipe(Layer.provide(RequestProblems.layer), Layer.provide(allowed.layer))
}

const httpServer = () => createServer().on("clientError", Problems.refuse)

/** The server, listening. Port 0 is any free port; `HttpServer` says which. */
export const layer = ({ host, port, answerMillis = defaultAnswerMillis }: Listen) =>
  HttpRouter.serve(routes(answerMillis), { disableLogger: true, disableListenLog: true, routerConfig }).pipe(
    Layer.provide(Layer.succeed(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(Problems.maxBodyBytes))),
    Layer.provideMerge(NodeHttpServer.layer(httpServer, { host, port }))
  )
