/**
 * The shop's command line, which `main.ts` runs: all services in one process, or some of them, or some of their roles; see
 * `Settings.ts` for what the environment may say.
 */

// Before any schema is used: what decodes and encodes is then compiled, where JavaScript may be compiled at run time.
import "effect/schema/SchemaJITCompiler/enable"

import { reasonOf } from "@daybook/core/Problem"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as CliConfig from "effect/cli/CliConfig"
import * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { FileSystem } from "effect/FileSystem"
import * as Layer from "effect/Layer"
import { Path } from "effect/Path"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import { Stdio } from "effect/Stdio"
import { Terminal } from "effect/Terminal"
import metadata from "../package.json" with { type: "json" }
import * as Parts from "./Parts.ts"
import * as Server from "./Server.ts"
import * as Settings from "./Settings.ts"
import * as StartFailure from "./StartFailure.ts"
import { Stopping } from "./Stopping.ts"
import * as StoresInUse from "./StoresInUse.ts"

const banner = Effect.fnUntraced(function* (
  address: string,
  services: ReadonlyArray<Settings.ServiceName>,
  roles: Settings.Roles
) {
  const [store, ...more] = yield* StoresInUse.lines(services, roles)
  yield* Console.log(
    [
      "",
      "  Daybook shop is ready",
      "",
      `    Services      ${services.join(", ")}${roles.size === Settings.roleNames.length ? "" : ` (${[...roles].join(", ")})`}`,
      `    Store         ${store}`,
      ...more.map((line) => `                  ${line}`),
      `    API           ${address}/`,
      `    Documentation ${address}/docs`,
      `    OpenAPI       ${address}/openapi.json`,
      `    AsyncAPI      ${address}/asyncapi.json`,
      `    Health        ${address}/health/ready`,
      `    Metrics       ${address}/metrics`,
      "",
      "  Ctrl-C stops it; everything acknowledged is kept.",
      ""
    ].join("\n")
  )
})

const addressOf = ({ host, port }: Settings.Listen): string =>
  `http://${host.includes(":") ? `[${host}]` : host}:${port}`

/** What was chosen of some names, separated by commas. */
const chosen = <Name extends string>(text: string, names: ReadonlyArray<Name>): ReadonlyArray<Name> => {
  const given = text.split(",").map((name) => name.trim())
  const unknown = given.find((name) => !(names as ReadonlyArray<string>).includes(name))
  if (unknown !== undefined) throw new Error(`some of ${names.join(", ")}; there is no ${JSON.stringify(unknown)}`)
  return names.filter((name) => given.includes(name))
}

const listOf = <Name extends string>(name: string, names: ReadonlyArray<Name>, description: string) =>
  Flag.String(name).pipe(
    Flag.withDescription(`${description}, separated by commas: ${names.join(", ")}. All, unless told otherwise`),
    Flag.withDefault(names.join(",")),
    Flag.mapTryCatch((text) => chosen(text, names), reasonOf)
  )

const explained = (listen?: Settings.Listen) =>
  Effect.tapCause((cause: Cause.Cause<unknown>) =>
    Cause.hasInterruptsOnly(cause)
      ? Effect.void
      : Console.error(`The shop cannot start: ${StartFailure.explain(Cause.squash(cause), listen)}`)
  )

/** What only the command line needs. The context of a request is made anew for each, and takes the longer the more is in it. */
const withoutCommandLine: (context: Context.Context<never>) => Context.Context<never> = Context.omit(
  ...[FileSystem, Path, Stdio, Terminal, ChildProcessSpawner, CliConfig.CliConfig, CliOutput.Presenter]
)

const stopping = new Stopping()

const shop = Command.make(
  "shop",
  {
    services: listOf("services", Settings.serviceNames, "The services to run"),
    roles: listOf("roles", Settings.roleNames, "What to do for them")
  },
  Effect.fnUntraced(function* ({ services, roles: roleList }) {
    const listen = yield* explained()(Settings.listen)
    const delayMillis = yield* explained()(Settings.shutdownDelayMillis)
    const roles: Settings.Roles = new Set(roleList)
    const running = Effect.gen(function* () {
      const parts = yield* Parts.fromEnvironment(services, roles)
      yield* Layer.build(Server.layer(listen, parts, roles, stopping))
      yield* banner(addressOf(listen), services, roles)
      yield* Effect.onInterrupt(Effect.never, () => stopping.notice(delayMillis))
    }).pipe(Effect.scoped)
    // Nobody is told of spans here, and each statement would make one.
    const untraced = Effect.withTracerEnabled(explained(listen)(running), false)
    yield* Effect.updateContext(untraced, withoutCommandLine)
  })
).pipe(
  Command.withDescription(
    "Runs the commerce services and answers on HOST (default 127.0.0.1) and PORT (default 3000). Data is in an embedded store in " +
      "DAYBOOK_HOME (default .daybook), or where DATABASE_URL says; each service can have databases of its own, by " +
      "<SERVICE>_WRITE_URL and <SERVICE>_READ_URL. Messages go through the same database, or through Kafka (BROKER=kafka)."
  ),
  Command.withExamples([
    { command: "npm start", description: "Everything in one process, nothing to install" },
    { command: "npm start -- --services order,checkout", description: "Some services; the others run elsewhere" },
    {
      command: "npm start -- --services cart --roles query",
      description: "A process that answers the cart's queries alone"
    }
  ])
)

/** What was not understood is said in a line, without the whole help. */
const presenter = CliOutput.layerPresenter({
  present: (event) => {
    if (event._tag !== "InvalidInvocation") return CliOutput.defaultPresenter.present(event)
    const messages = event.errors.map(({ message }) => message.replaceAll(/\s*\n\s*/g, " "))
    return Console.error(`${messages.join("\n")}\nSee npm start -- --help`)
  }
})

const config = CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.LogLevel] })

/** To be stopped is no failure: 0, where the default would be 130. 1 where that could not be finished. 2: not understood. */
const exitCode = (exit: Exit.Exit<unknown, unknown>): number => {
  if (Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)) return 0
  const error = Cause.squash(exit.cause)
  return CliError.isCliError(error) && error._tag === "ShowHelp" ? 2 : 1
}

stopping.onSignals()
Command.runWith(shop, { version: metadata.version })(process.argv.slice(2)).pipe(
  Effect.provide(Layer.mergeAll(presenter, config, NodeServices.layer)),
  NodeRuntime.runMain({ disableErrorReporting: true, teardown: (exit, onExit) => onExit(exitCode(exit)) })
)
