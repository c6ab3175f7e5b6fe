/**
 * `daybook projection rebuild`: makes a read model anew from the journal, beside the live one, and switches.
 */
import * as Replay from "@daybook/core/Replay"
import type { Compared } from "@daybook/postgres/SqlComparison"
import * as SqlRebuild from "@daybook/postgres/SqlRebuild"
import * as Settings from "@daybook/shop/Settings"
import { Clock } from "effect/Clock"
import * as Console from "effect/Console"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as CodeFingerprint from "./CodeFingerprint.ts"
import { Failure } from "./Failure.ts"
import { json } from "./Flags.ts"
import * as Progress from "./Progress.ts"
import * as ServiceProjections from "./ServiceProjections.ts"
import { group, table } from "./Table.ts"

/** What to rebuild, by the projection's name. */
const subjectOf = Effect.fnUntraced(function* (name: string) {
  const service = ServiceProjections.serviceOf(name)
  const readModels = Settings.serviceNames.flatMap((one) => {
    const { readModels, schema } = ServiceProjections.kept[one]
    return readModels(schema).map((projection) => projection.name)
  })
  if (service === undefined) {
    return yield* new Failure({ message: `There is no projection ${name}. Read models are: ${readModels.join(", ")}.` })
  }
  const { schema, tables, projections, readModels: inSchema } = ServiceProjections.kept[service]
  yield* Replay.check(projections.find((projection) => projection.name === name)!)
  const subject: SqlRebuild.Subject = {
    schema,
    migrations: [tables].flat(),
    projection: (side) => inSchema(side).find((projection) => projection.name === name)!,
    fingerprint: CodeFingerprint.ofService(service)
  }
  return { service, subject }
})

/** Tells of each step as it comes. */
const teller = (progress: Progress.Progress) => {
  let total = -1
  return (step: SqlRebuild.Step): void => {
    switch (step._tag) {
      case "Begun":
        if (step.resumed) progress.remark("Going on with what was rebuilt before.")
        if (step.anew) progress.remark("Beginning anew: what was rebuilt before was by other code.")
        break
      case "Replaying":
        // Others go on writing, so that there is more to come each time it has caught up.
        if (step.total !== total) progress.begin("Rebuilding", { total: step.total, unit: "events", done: step.done })
        total = step.total
        progress.done = step.done
        break
      case "Comparing":
      case "Switching":
        progress.end()
        progress.remark(step._tag === "Comparing" ? "Comparing row by row." : "Switching.")
        total = -1
        break
    }
  }
}

const differences = ({ onlyLive, onlyRebuilt, different }: Compared): number => onlyLive + onlyRebuilt + different

const comparedText = (compared: ReadonlyArray<Compared>): string => {
  if (compared.every((one) => differences(one) === 0))
    return "The rebuilt tables were the same as the live ones, row by row."
  const rows = compared.map((one) => [one.table, one.onlyLive, one.onlyRebuilt, one.different] as const)
  const header = ["TABLE", { right: "ONLY LIVE" }, { right: "ONLY REBUILT" }, { right: "DIFFERENT" }] as const
  const examples = compared.flatMap(({ table: name, examples }) =>
    examples.map(
      ({ key, live, rebuilt }) =>
        `${name} ${JSON.stringify(key)}: live ${JSON.stringify(live)}, rebuilt ${JSON.stringify(rebuilt)}`
    )
  )
  return [table([header, ...rows]), "", ...examples].join("\n")
}

const text = (done: SqlRebuild.Rebuilt, seconds: number): string => {
  const events = done.positions.reduce((sum, position) => sum + position, 0)
  const made = `${done.projection}: rebuilt from ${group(events)} events in ${seconds.toFixed(1)} s`
  const end = done.switched
    ? `${made}, and switched. Queries waited ${done.heldMillis} ms at most for the switch.`
    : `${made}. Not switched; the same command without --dry-run goes on from there, and --abandon throws it away.`
  return done.compared === undefined ? end : `${comparedText(done.compared)}\n${end}`
}

const carryOn =
  "Stopped. The live read model is as it was. What was rebuilt is kept: the same command goes on from there, and --abandon throws it away."

interface Input {
  readonly projection: string
  readonly parallel: number
  readonly rate: Option.Option<number>
  readonly compare: boolean
  readonly dryRun: boolean
  readonly abandon: boolean
  readonly json: boolean
}

const abandon = Effect.fnUntraced(function* ({ schema }: SqlRebuild.Subject, { projection, json }: Input) {
  const abandoned = yield* SqlRebuild.abandon(schema, projection)
  if (json) return yield* Console.log(JSON.stringify({ projection, abandoned }))
  yield* Console.log(
    abandoned
      ? `${projection}: what was rebuilt is thrown away. The live read model is as it was.`
      : `${projection}: nothing was rebuilt that has not been switched.`
  )
})

const rebuild = Effect.fnUntraced(function* (subject: SqlRebuild.Subject, input: Input) {
  const clock = yield* Clock
  const progress = yield* Progress.make(Progress.ofProcess())
  const startedMillis = clock.currentTimeMillisUnsafe()
  const done = yield* SqlRebuild.run(subject, {
    parallel: input.parallel,
    eventsPerSecond: Option.getOrUndefined(input.rate),
    compare: input.compare,
    switch: !input.dryRun,
    onStep: teller(progress)
  }).pipe(Effect.onInterrupt(() => Console.error(carryOn)))
  progress.end()
  const seconds = (clock.currentTimeMillisUnsafe() - startedMillis) / 1000
  yield* Console.log(input.json ? JSON.stringify({ ...done, seconds }) : text(done, seconds))
})

const run = Effect.fn("Daybook.projectionRebuild")(function* (input: Input) {
  const { service, subject } = yield* subjectOf(input.projection)
  const stores = yield* ServiceProjections.storesOf(service)
  yield* Effect.provide(input.abandon ? abandon(subject, input) : rebuild(subject, input), stores)
}, Effect.scoped)

/** `daybook projection rebuild`, a subcommand of `daybook projection`. */
export const rebuildCommand = Command.make(
  "rebuild",
  {
    projection: Argument.String("projection").pipe(
      Argument.withMetavar("NAME"),
      Argument.withDescription("A read model, as daybook projection list names it")
    ),
    parallel: Flag.Int("parallel").pipe(
      Flag.withMetavar("N"),
      Flag.withDescription("Partitions at a time, 1 to 64. Default: 4"),
      Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 64 }))),
      Flag.withDefault(4)
    ),
    rate: Flag.Int("rate").pipe(
      Flag.withMetavar("EVENTS_PER_SECOND"),
      Flag.withDescription("How many events a second at most, to spare the database. Default: as many as can be done"),
      Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000 }))),
      Flag.optional
    ),
    compare: Flag.Boolean("compare").pipe(
      Flag.withDescription("Compare with the live tables, row by row and at the same events, and show what differs"),
      Flag.withDefault(false)
    ),
    dryRun: Flag.Boolean("dry-run").pipe(
      Flag.withDescription("Do not switch: what is rebuilt stays beside the live one"),
      Flag.withDefault(false)
    ),
    abandon: Flag.Boolean("abandon").pipe(
      Flag.withDescription("Throw away what was rebuilt and not switched, and do nothing else"),
      Flag.withDefault(false)
    ),
    json
  },
  run
).pipe(
  Command.withDescription(
    "Makes a read model anew from the journal, beside the live one, and puts it in its place in one step. Services go on meanwhile, " +
      "and queries are answered throughout. Nothing is sent again: what goes out because of events is refused. A rebuild that was " +
      "stopped goes on when the same command is run again. The embedded store has one process: stop the shop first."
  ),
  Command.withShortDescription("Make a read model anew from the journal"),
  Command.withExamples([
    { command: "daybook projection rebuild cart-views", description: "Once its handler has been mended" },
    {
      command: "daybook projection rebuild cart-views --compare --dry-run",
      description: "See whether it is right, and change nothing"
    },
    {
      command: "daybook projection rebuild order-views --parallel 2 --rate 5000",
      description: "Gently, while the shop is busy"
    }
  ])
)
