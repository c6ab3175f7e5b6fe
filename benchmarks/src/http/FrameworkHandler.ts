/**
 * The constant of `ConstantHandler` through the HTTP framework that the shop is built on, without any of our code: routes, an API
 * description, and the answer's schema. A program on `PORT`, in a process of its own; used by `http`.
 */
import { createServer } from "node:http"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import { HttpRouter } from "effect/http"
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { constantAnswer } from "../limits/ConstantHandler.ts"

const Answer = Schema.Struct({
  id: Schema.String,
  version: Schema.Int,
  partition: Schema.Int,
  position: Schema.Int,
  repeated: Schema.Boolean,
  lineId: Schema.String
}).pipe(HttpApiSchema.status(202))

const api = HttpApi.make("constant").add(
  HttpApiGroup.make("carts").add(
    HttpApiEndpoint.post("open", "/carts", { success: Answer }),
    HttpApiEndpoint.post("addItem", "/carts/:id/items", { success: Answer })
  )
)

const handlers = HttpApiBuilder.group(api, "carts", (given) =>
  given.handle("open", () => Effect.succeed(constantAnswer)).handle("addItem", () => Effect.succeed(constantAnswer))
)

const layer = HttpRouter.serve(HttpApiBuilder.layer(api).pipe(Layer.provide(handlers)), {
  disableLogger: true,
  disableListenLog: true
}).pipe(Layer.provide(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: Number(process.env.PORT) })))

NodeRuntime.runMain(Layer.launch(layer))
