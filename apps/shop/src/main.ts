/**
 * Starts the shop: `npm start`. All services in one process; see `Settings.ts` for what the environment may say.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Server from "./Server.ts"
import * as Services from "./Services.ts"
import * as Settings from "./Settings.ts"
import * as StartFailure from "./StartFailure.ts"

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

const shop = (listen: Settings.Listen) =>
  Server.layer(listen).pipe(
    Layer.provide(Services.cartConfig),
    Layer.tap(() => banner(addressOf(listen)))
  )

const explained = (listen?: Settings.Listen) =>
  Effect.tapCause((cause: Cause.Cause<unknown>) =>
    Cause.hasInterruptsOnly(cause)
      ? Effect.void
      : Console.error(`The shop cannot start: ${StartFailure.explain(Cause.squash(cause), listen)}`)
  )

Settings.listen.pipe(
  explained(),
  Effect.flatMap((listen) => explained(listen)(Layer.launch(shop(listen)))),
  NodeRuntime.runMain({
    disableErrorReporting: true,
    // To be stopped is no failure: 0, where the default would be 130.
    teardown: (exit, onExit) => onExit(Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause) ? 0 : 1)
  })
)
