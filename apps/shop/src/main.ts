/**
 * Starts the shop: `npm start`. All services in one process; see `Settings.ts` for what the environment may say.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Server from "./Server.ts"
import * as Services from "./Services.ts"
import * as Settings from "./Settings.ts"

const banner = (address: string) =>
  Console.log(
    [
      "",
      "  Daybook shop is ready",
      "",
      `    API           ${address}/carts`,
      `    Documentation ${address}/docs`,
      `    OpenAPI       ${address}/openapi.json`,
      `    Health        ${address}/health/ready`,
      `    Metrics       ${address}/metrics`,
      "",
      "  Ctrl-C stops it; everything acknowledged is kept.",
      ""
    ].join("\n")
  )

const addressOf = ({ host, port }: Settings.Listen): string =>
  `http://${host.includes(":") ? `[${host}]` : host}:${port}`

const shop = Layer.unwrap(
  Effect.gen(function* () {
    const listen = yield* Settings.listen
    const server = Server.layer(listen).pipe(Layer.provide(Services.cart()))
    return Layer.tap(server, () => banner(addressOf(listen)))
  })
)

Layer.launch(shop).pipe(
  // Whoever starts the shop wants to know what to do, not where in the code it went wrong.
  Effect.catchCause((cause) =>
    Cause.hasInterruptsOnly(cause)
      ? Effect.failCause(cause)
      : Effect.andThen(
          Console.error(`The shop cannot start: ${messageOf(Cause.squash(cause))}`),
          Effect.sync(() => {
            process.exitCode = 1
          })
        )
  ),
  NodeRuntime.runMain
)

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
