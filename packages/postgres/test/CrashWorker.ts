/**
 * The process that `Crash.ts` kills: it opens an embedded store, checks it against what was acknowledged before, and goes on.
 *
 * `node CrashWorker.ts FOLDER LEVEL ROUND ACKNOWLEDGED`: the file ACKNOWLEDGED has the lines that the rounds before printed.
 * Prints `verified N` when all is well, then `ack STREAM COMMAND VERSION` for every command as soon as it is answered. A line is
 * out when `write` returns, since pipes are written synchronously, so that a kill can lose no line that was printed.
 */
import { deepEqual, equal, ok } from "node:assert/strict"
import { readFileSync } from "node:fs"
import * as Aggregate from "@daybook/core/Aggregate"
import * as Entities from "@daybook/core/Entities"
import * as Event from "@daybook/core/Event"
import { Journal } from "@daybook/core/Journal"
import * as Persistence from "@daybook/core/Persistence"
import * as Database from "@daybook/postgres/Database"
import * as Stores from "@daybook/postgres/Stores"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

const [folder = "", level = "", round = "", acknowledgedFile = ""] = process.argv.slice(2)

const callers = 8
const tallies = 5

interface State {
  readonly sum: number
  readonly count: number
}

const events = Event.define({ Added: { amount: Schema.Int, padding: Schema.String } })
type Added = Event.Type<typeof events>

const Command = Schema.TaggedUnion({ Add: { amount: Schema.Int, padding: Schema.String } })

const Tally: Aggregate.Aggregate<State, typeof Command.Type, Added, Error> = Aggregate.make({
  name: "tally",
  initial: { sum: 0, count: 0 },
  evolve: { Added: ({ sum, count }, { amount }) => ({ sum: sum + amount, count: count + 1 }) },
  decide: { Add: (command) => [{ ...command, _tag: "Added" }] },
  state: { version: 1, schema: Schema.Struct({ sum: Schema.Int, count: Schema.Int }) },
  events,
  commands: Command
})

const persistence = level === "2" ? Persistence.state() : Persistence.events({ snapshotEvery: 7 })

const print = (line: string): void => void process.stdout.write(`${line}\n`)

/** Everything in the journal, whose positions and versions must have no gaps. */
const readJournal = Effect.gen(function* () {
  const journal = yield* Journal
  const heads = yield* journal.heads
  const streams = new Map<string, Array<{ readonly commandId: string; readonly amount: number }>>()
  for (const [partition, head] of heads.entries()) {
    const stored = yield* journal.readPartition(partition, { after: 0, limit: 1_000_000 })
    deepEqual(
      stored.map(({ position }) => position),
      Array.from({ length: head }, (_, i) => i + 1),
      `the positions of partition ${partition}`
    )
    for (const { stream, version, commandId, data } of stored) {
      const known = streams.get(stream) ?? []
      equal(version, known.length + 1, `the version after ${known.length} events of ${stream}`)
      known.push({ commandId: commandId!, amount: (data as Added).amount })
      streams.set(stream, known)
    }
  }
  return streams
})

type Tallies = Entities.Entities<State, typeof Command.Type, Error>

const add = (amount: number): typeof Command.Type => ({ _tag: "Add", amount, padding: "x".repeat(amount * 40) })

const verify = (entities: Tallies) =>
  Effect.gen(function* () {
    const streams = yield* readJournal
    const lines = readFileSync(acknowledgedFile, "utf8").split("\n").filter(Boolean)
    for (const line of lines) {
      const [, stream = "", commandId = "", version = ""] = line.split(" ")
      const places = (streams.get(stream) ?? []).flatMap((event, i) => (event.commandId === commandId ? [i + 1] : []))
      deepEqual(places, [Number(version)], `the places of the acknowledged ${commandId} in ${stream}`)
    }
    for (const [stream, stored] of streams) {
      const id = stream.slice("tally-".length)
      const sum = stored.reduce((total, { amount }) => total + amount, 0)
      deepEqual(yield* entities.read(id), { version: stored.length, state: { sum, count: stored.length } }, stream)
      equal(new Set(stored.map(({ commandId }) => commandId)).size, stored.length, `${stream} has each command once`)
      // The last one may have been stored without having been answered: sent again, it is answered, and not stored again.
      const again = yield* entities.execute(id, add(1), { commandId: stored.at(-1)!.commandId })
      ok(again.duplicate)
      equal(again.version, stored.length)
    }
    print(`verified ${lines.length}`)
  })

const caller = (entities: Tallies, name: number) =>
  Effect.gen(function* () {
    for (let n = 0; ; n++) {
      const commandId = `${round}/${name}/${n}`
      const id = String((name + n) % tallies)
      const { version } = yield* entities.execute(id, add(1 + (n % 50)), { commandId })
      print(`ack tally-${id} ${commandId} ${version}`)
    }
  })

const program = Effect.gen(function* () {
  const entities = yield* Entities.make(Tally, { persistence })
  yield* verify(entities)
  yield* Effect.all(
    Array.from({ length: callers }, (_, name) => caller(entities, name)),
    { concurrency: "unbounded" }
  )
})

await Effect.runPromise(
  Effect.scoped(program).pipe(
    Effect.provide(Stores.writeSide({ schema: "tally", partitions: 3 }).pipe(Layer.provide(Database.layer({ folder }))))
  ) as Effect.Effect<void>
)
