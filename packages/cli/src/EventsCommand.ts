/**
 * `daybook events check`: whether this release can read all that is stored. Changes nothing.
 */
import * as Settings from "@daybook/shop/Settings"
import * as Console from "effect/Console"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import {
  check,
  examples,
  type Findings,
  type Tally,
  type Unreadable,
  type UnreadableFile,
  type Watcher
} from "./EventsCheck.ts"
import { Ended, Failure } from "./Failure.ts"
import * as Flags from "./Flags.ts"
import * as Journals from "./Journals.ts"
import { printableProse } from "./Printable.ts"
import * as Progress from "./Progress.ts"
import { aggregates } from "./ServiceAggregates.ts"
import { group, table } from "./Table.ts"

/** What was found in all journals. Snapshots that cannot be read are passed over by whoever recovers an aggregate. */
interface Found extends Findings {
  readonly services: ReadonlyArray<Settings.ServiceName>
  readonly events: number
  readonly states: number
  readonly snapshots: number
  /** Events and states that this release cannot read. */
  readonly failing: number
  /** Snapshots that it cannot read. */
  readonly passedOver: number
}

const neverRan = (service: string | undefined) =>
  new Failure({
    message:
      `There is nothing to check: ${service === undefined ? "no service has" : `the ${service} has not`} run on this store. Name another ` +
      "one with DAYBOOK_HOME or DATABASE_URL."
  })

const watcherOf = (progress: Progress.Progress): Watcher => ({
  begin: (what, total, unit) => (total === 0 ? progress.end() : progress.begin(what, { total, unit })),
  advance: (by) => {
    progress.done += by
  }
})

const sum = (tallies: ReadonlyArray<Tally>, count: (tally: Tally) => number): number =>
  tallies.reduce((total, tally) => total + count(tally), 0)

const together = (services: ReadonlyArray<Settings.ServiceName>, findings: ReadonlyArray<Findings>): Found => {
  const tallies = findings.flatMap((found) => found.tallies)
  const of = (kind: Tally["kind"]) => tallies.filter((tally) => tally.kind === kind)
  return {
    services,
    events: sum(of("event"), ({ count }) => count),
    states: sum(of("state"), ({ count }) => count),
    snapshots: sum(of("snapshot"), ({ count }) => count),
    failing: sum([...of("event"), ...of("state")], ({ unreadable }) => unreadable),
    passedOver: sum(of("snapshot"), ({ unreadable }) => unreadable),
    tallies,
    unreadable: findings.flatMap((found) => found.unreadable),
    unreadableFiles: findings.flatMap((found) => found.unreadableFiles)
  }
}

const checkAll = Effect.fnUntraced(function* (service: Settings.ServiceName | undefined) {
  const asked = service === undefined ? Settings.serviceNames : [service]
  const journals = yield* Journals.open(asked)
  if (journals.length === 0) return yield* neverRan(service)
  const progress = yield* Progress.make(Progress.ofProcess())
  const findings = yield* Effect.forEach(journals, ({ service, schema, context }) =>
    Effect.provideContext(check({ service, schema, aggregates: aggregates[service] }, watcherOf(progress)), context)
  )
  return together(
    journals.map(({ service }) => service),
    findings
  )
}, Effect.scoped)

// --- for people ---

const standings: Record<Tally["standing"], string> = {
  current: "current",
  upcast: "raised by upcasters",
  former: "a former name",
  unknown: "not known to this release"
}

const rowOf = ({ service, kind, type, schemaVersion, count, unreadable, standing }: Tally) => [
  service,
  kind === "event" ? printableProse(type) : `${kind} of ${printableProse(type)}`,
  schemaVersion,
  count,
  unreadable === 0 ? standings[standing] : `${group(unreadable)} UNREADABLE`
]

const placeOf = ({ partition, position }: Unreadable): string =>
  partition === null ? "" : `, partition ${partition} position ${position}`

const lineOf = (one: Unreadable): string =>
  printableProse(
    `${one.service}: ${one.kind === "event" ? one.type : `${one.kind} of ${one.type}`} (schema version ${one.schemaVersion}) at ` +
      `version ${one.version} of stream ${one.stream}${placeOf(one)}: ${one.why}`
  )

const fileLineOf = ({ service, events, why }: UnreadableFile): string =>
  printableProse(`${service}: ${group(events)} events could not be read. ${why}`)

const verdictOf = ({ events, states, snapshots, failing, passedOver, unreadableFiles }: Found): string => {
  const read = `${group(events)} events, ${group(states)} states and ${group(snapshots)} snapshots were read.`
  const gone = passedOver === 0 ? "" : ` ${group(passedOver)} snapshots cannot be read and will be passed over.`
  const archived = unreadableFiles.reduce((total, file) => total + file.events, 0)
  const unknown =
    archived === 0 ? "" : ` Of ${group(archived)} archived events nothing is known: their files could not be read.`
  if (failing === 0) {
    const all = archived === 0 ? "all events and states" : "all of these events and states"
    return `${read} This release understands ${all}.${unknown}${gone}`
  }
  return (
    `${read} This release cannot read ${group(failing)} events or states, and would stop at them. Do not deploy it on this store: ` +
    `give what is named above an upcaster, or use the release that wrote it.${unknown}${gone}`
  )
}

const told = (found: Found): string => {
  const tallies = table([["SERVICE", "STORED", "VERSION", "COUNT", "TODAY"], ...found.tallies.map(rowOf)])
  const more =
    found.failing + found.passedOver > found.unreadable.length
      ? [`Of each type and version, the first ${examples} are named.`]
      : []
  const lines = found.unreadable.length === 0 ? [] : [[...found.unreadable.map(lineOf), ...more].join("\n")]
  const files = found.unreadableFiles.length === 0 ? [] : [found.unreadableFiles.map(fileLineOf).join("\n")]
  return [tallies, ...lines, ...files, verdictOf(found)].join("\n\n")
}

const checkCommand = Command.make(
  "check",
  {
    service: Flags.service("Only the journal of this service"),
    json: Flags.json
  },
  Effect.fn("Daybook.eventsCheck")(function* ({ service, json }) {
    const found = yield* checkAll(Option.getOrUndefined(service))
    yield* Console.log(json ? JSON.stringify(found) : told(found))
    if (found.failing > 0 || found.unreadableFiles.length > 0) return yield* new Ended({ code: 1 })
  })
).pipe(
  Command.withDescription(
    "Reads whole journals and decodes every event, stored state and snapshot as this release does: how many there are of each type and " +
      "version, and what cannot be read, with its stream, position, type and version, and why. Ends with 1 when there is an event or a " +
      "state that cannot; a snapshot that cannot is passed over by recovery. Nothing is migrated or written, so that a release can be " +
      "tried before it is deployed. Archived events are read too, where ARCHIVE_URL says; a file that is damaged or missing is named, " +
      "and ends with 1"
  ),
  Command.withShortDescription("Check that this release can read every stored event"),
  Command.withExamples([
    { command: "daybook events check", description: "Before a release is deployed on a store" },
    { command: "daybook events check --service order", description: "One service alone" },
    { command: "daybook events check --json | jq '.unreadable[].stream'", description: "For scripts" }
  ])
)

/** `daybook events`. */
export const eventsCommand = Command.make("events").pipe(
  Command.withDescription("Looks at the events that services have stored, and changes none"),
  Command.withShortDescription("Look at stored events"),
  Command.withSubcommands([checkCommand])
)
