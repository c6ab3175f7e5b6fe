/**
 * `daybook projection`: looks after the read models, and after what goes out because of events. The commands only read and write
 * what workers go by; the workers run in the services' processes. Taking a stream back in is done here.
 */
import type { Projector, Status } from "@daybook/core/Projector"
import type * as Settings from "@daybook/shop/Settings"
import * as Console from "effect/Console"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { asOfCommand } from "./AsOfCommand.ts"
import { Failure } from "./Failure.ts"
import { json } from "./Flags.ts"
import { rebuildCommand } from "./RebuildCommand.ts"
import * as ServiceProjections from "./ServiceProjections.ts"
import { type Cell, table } from "./Table.ts"

const projection = Argument.String("projection").pipe(
  Argument.withMetavar("NAME"),
  Argument.withDescription("A projection, as daybook projection list names it")
)

const stateOf = ({ paused, offsets, parked }: Status): string => {
  const stopped = offsets.filter(({ stoppedBecause }) => stoppedBecause !== null).length
  const states = [
    ...(paused ? ["paused"] : []),
    ...(stopped > 0 ? [`${stopped} of ${offsets.length} partitions stopped`] : []),
    ...(parked.length > 0 ? [parked.length === 1 ? "1 stream set aside" : `${parked.length} streams set aside`] : [])
  ]
  return states.length === 0 ? "in order" : states.join(", ")
}

/** What is wrong and how to put it right, a line each. */
const adviceOf = ({ name, paused, offsets, parked }: Status): ReadonlyArray<string> => [
  ...(paused ? [`${name} is paused. To go on: daybook projection resume ${name}`] : []),
  ...offsets.flatMap(({ partition, stoppedBecause }) =>
    stoppedBecause === null
      ? []
      : [
          `${name}, partition ${partition}: ${stoppedBecause}`,
          `  Once that is mended: daybook projection resume ${name}`
        ]
  ),
  ...parked.flatMap(({ stream, version, reason }) => [
    `${name}, stream ${stream} from version ${version}: ${reason}`,
    `  Once that is mended: daybook projection unpark ${name} ${stream}`
  ])
]

/** How a projection of a service is doing. */
interface Shown extends Status {
  readonly service: Settings.ServiceName
}

const print = (statuses: ReadonlyArray<Shown>, asJson: boolean) => {
  if (asJson) return Console.log(JSON.stringify(statuses))
  const rows = statuses.map((status): ReadonlyArray<Cell> => [status.name, status.service, status.lag, stateOf(status)])
  if (statuses.length === 0) return Console.log("No service has run here yet.")
  const advice = statuses.flatMap(adviceOf)
  const text = table([["PROJECTION", "SERVICE", { right: "BEHIND" }, "STATE"], ...rows])
  return Console.log(advice.length === 0 ? text : `${text}\n\n${advice.join("\n")}`)
}

/** The service of a projection. */
const serviceOf = (name: string): Effect.Effect<Settings.ServiceName, Failure> => {
  const service = ServiceProjections.serviceOf(name)
  return service === undefined
    ? Effect.fail(
        new Failure({
          message: `There is no projection ${name}. There are: ${ServiceProjections.names.join(", ")}.`
        })
      )
    : Effect.succeed(service)
}

const list = Command.make(
  "list",
  { json },
  Effect.fn("Daybook.projectionList")(function* (input) {
    const opened = yield* ServiceProjections.open(yield* ServiceProjections.known)
    const statuses = yield* Effect.forEach(opened, ({ service, projector }) =>
      Effect.map(projector.status, (found) => found.map((status): Shown => ({ service, ...status })))
    )
    yield* print(statuses.flat(), input.json)
  }, Effect.scoped)
).pipe(
  Command.withDescription(
    "Shows each projection of each service: how many events it is behind, and what keeps it. Read models, and what goes out because " +
      "of events: publications, reactions, the requests of checkouts"
  ),
  Command.withShortDescription("Show how each projection is doing"),
  Command.withExamples([
    { command: "daybook projection list", description: "For people" },
    { command: "daybook projection list --json | jq '.[].lag'", description: "For monitoring" }
  ])
)

/** Does something with a projection, and shows how it is then. */
const onProjection = (
  act: (projector: Projector, name: string) => Effect.Effect<void, Error>,
  options?: { readonly reacting: boolean }
) =>
  Effect.fn("Daybook.projection")(function* (input: { readonly projection: string; readonly json: boolean }) {
    const [opened] = yield* ServiceProjections.open([yield* serviceOf(input.projection)], options)
    const { service, projector } = opened!
    yield* act(projector, input.projection)
    const statuses = yield* projector.status
    yield* print(
      statuses.filter(({ name }) => name === input.projection).map((status) => ({ service, ...status })),
      input.json
    )
  }, Effect.scoped)

const pause = Command.make(
  "pause",
  { projection, json },
  onProjection((projector, name) => projector.pause(name))
).pipe(
  Command.withDescription(
    "Stops applying events to a read model, in every process: queries go on with what there is. A publication or a reaction that is " +
      "paused says and does nothing; what depends on it waits"
  ),
  Command.withShortDescription("Stop a projection until it is resumed"),
  Command.withExamples([
    { command: "daybook projection pause cart-views", description: "Until it is resumed" },
    { command: "daybook projection pause checkout-dispatch", description: "Hold all checkouts where they are" }
  ])
)

const resume = Command.make(
  "resume",
  { projection, json },
  onProjection((projector, name) => projector.resume(name))
).pipe(
  Command.withDescription("Goes on after a pause, or after a failure that stopped a partition"),
  Command.withExamples([
    { command: "daybook projection resume cart-views", description: "From where it was" },
    {
      command: "daybook projection resume order-publication",
      description: "Once what kept it from publishing is mended"
    }
  ])
)

const unpark = Command.make(
  "unpark",
  {
    projection,
    stream: Argument.String("stream").pipe(
      Argument.withMetavar("STREAM"),
      Argument.withDescription("A stream that was set aside, such as cart-536365")
    ),
    json
  },
  (input) =>
    onProjection(
      (projector, name) =>
        Effect.gen(function* () {
          const statuses = yield* projector.status
          const parked = statuses.find((status) => status.name === name)!.parked
          if (!parked.some(({ stream }) => stream === input.stream)) {
            return yield* new Failure({
              message: `${name} has not set ${input.stream} aside. daybook projection list shows the streams that are.`
            })
          }
          yield* projector.unpark(name, input.stream)
        }),
      { reacting: true }
    )(input)
).pipe(
  Command.withDescription(
    "Applies the events of a stream that was set aside, and takes the stream back in. For a reaction this process does what the " +
      "service would have done, commands and calls of the payment provider included: give it the service's settings"
  ),
  Command.withShortDescription("Take a stream back in that was set aside"),
  Command.withExamples([
    { command: "daybook projection unpark cart-views cart-536365", description: "Once its handler has been mended" },
    {
      command: "daybook projection unpark payment-provider payment-o-1",
      description: "Once the provider can be asked about it"
    }
  ])
)

/** `daybook projection …`. */
export const projectionCommand = Command.make("projection").pipe(
  Command.withDescription("Looks after the read models, and after what goes out because of events"),
  Command.withShortDescription("Look after the read models, rebuild them, ask them as of some time"),
  Command.withExamples([{ command: "daybook projection list", description: "How each one is doing" }]),
  Command.withSubcommands([asOfCommand, list, pause, rebuildCommand, resume, unpark])
)
