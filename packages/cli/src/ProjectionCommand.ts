/**
 * `daybook projection`: looks after the read models. The commands only read and write what workers go by; the workers run in
 * the services' processes.
 */
import type { Status } from "@daybook/core/Projector"
import { CartProjector } from "@daybook/services/cart/Cart"
import * as Console from "effect/Console"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { Failure } from "./Failure.ts"
import * as Stores from "./Stores.ts"
import { type Cell, table } from "./Table.ts"

const json = Flag.Boolean("json").pipe(Flag.withDescription("Print the result as JSON"), Flag.withDefault(false))

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

const print = (statuses: ReadonlyArray<Status>, asJson: boolean) => {
  if (asJson) return Console.log(JSON.stringify(statuses))
  const rows = statuses.map((status): ReadonlyArray<Cell> => [status.name, status.lag, stateOf(status)])
  const advice = statuses.flatMap(adviceOf)
  const text = table([["PROJECTION", { right: "BEHIND" }, "STATE"], ...rows])
  return Console.log(advice.length === 0 ? text : `${text}\n\n${advice.join("\n")}`)
}

/** The projectors of every service, their workers not running. */
const projectors = Effect.map(CartProjector, (cart) => [cart])

/** The projector that has a projection of a name. */
const projectorOf = Effect.fnUntraced(function* (name: string) {
  const names: Array<string> = []
  for (const projector of yield* projectors) {
    const found = yield* projector.status
    if (found.some((status) => status.name === name)) return projector
    names.push(...found.map((status) => status.name))
  }
  return yield* new Failure({
    message: `There is no projection ${name}. There ${names.length === 1 ? "is" : "are"}: ${names.join(", ")}.`
  })
})

const withStores = Stores.withCart({ projector: { run: false } })

const list = Command.make(
  "list",
  { json },
  Effect.fn("Daybook.projectionList")(function* (input) {
    const statuses = yield* Effect.forEach(yield* projectors, ({ status }) => status)
    yield* print(statuses.flat(), input.json)
  }, withStores)
).pipe(
  Command.withDescription("Shows each projection: how many events it is behind, and what keeps it"),
  Command.withExamples([
    { command: "daybook projection list", description: "For people" },
    { command: "daybook projection list --json | jq '.[].lag'", description: "For monitoring" }
  ])
)

/** Does something with a projection, and shows how it is then. */
const onProjection = (act: (projector: CartProjector["Service"], name: string) => Effect.Effect<void, Error>) =>
  Effect.fn("Daybook.projection")(function* (input: { readonly projection: string; readonly json: boolean }) {
    const projector = yield* projectorOf(input.projection)
    yield* act(projector, input.projection)
    const statuses = yield* projector.status
    yield* print(
      statuses.filter(({ name }) => name === input.projection),
      input.json
    )
  }, withStores)

const pause = Command.make(
  "pause",
  { projection, json },
  onProjection((projector, name) => projector.pause(name))
).pipe(
  Command.withDescription("Stops applying events to a read model, in every process. Queries go on with what there is"),
  Command.withExamples([{ command: "daybook projection pause cart-views", description: "Until it is resumed" }])
)

const resume = Command.make(
  "resume",
  { projection, json },
  onProjection((projector, name) => projector.resume(name))
).pipe(
  Command.withDescription("Goes on after a pause, or after a failure that stopped a partition"),
  Command.withExamples([{ command: "daybook projection resume cart-views", description: "From where it was" }])
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
    onProjection((projector, name) =>
      Effect.gen(function* () {
        const statuses = yield* projector.status
        const parked = statuses.find((status) => status.name === name)!.parked
        if (!parked.some(({ stream }) => stream === input.stream)) {
          return yield* new Failure({
            message: `${name} has not set ${input.stream} aside. daybook projection list shows the streams that are.`
          })
        }
        yield* projector.unpark(name, input.stream)
      })
    )(input)
).pipe(
  Command.withDescription("Applies the events of a stream that was set aside, and takes the stream back in"),
  Command.withExamples([
    { command: "daybook projection unpark cart-views cart-536365", description: "Once its handler has been mended" }
  ])
)

/** `daybook projection …`. */
export const projectionCommand = Command.make("projection").pipe(
  Command.withDescription("Looks after the read models"),
  Command.withExamples([{ command: "daybook projection list", description: "How each one is doing" }]),
  Command.withSubcommands([list, pause, resume, unpark])
)
