/**
 * Crashes a checkout at each of its changes to the world, before it and after it, and holds every run to the outcome of one that
 * was not crashed. For tests.
 *
 * Runs share stores and processes as the checkouts of a shop do: the process that takes over from a dead one goes on to the next
 * run. Several lanes, each with a database of its own, work side by side.
 */
import { reasonOf } from "@daybook/core/Problem"
import type * as Database from "@daybook/postgres/Database"
import { type Moment, momentsOf } from "@daybook/testkit/CrashPoints"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { SqlClient } from "effect/sql/SqlClient"
import { expect } from "vitest"
import * as Cases from "./CheckoutCases.ts"
import { type Outside, openOutside, type Process, schemas, startProcess } from "./CheckoutProcess.ts"

/** A place to work in, and the process that works there at present. */
export interface Lane {
  readonly outside: Outside
  process: Process
}

/** A lane in a database, which closes with the scope. */
export const openLane = (location: Database.Location): Effect.Effect<Lane, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const outside = yield* openOutside(location)
    const lane: Lane = { outside, process: yield* startProcess(outside) }
    yield* Effect.addFinalizer(() => lane.process.close)
    return lane
  })

/** One run: when its process was to die, whether it did, and what it did until then, or until the end. */
interface Run {
  readonly id: string
  readonly moment: Moment | undefined
  readonly isCrashed: boolean
  readonly changes: ReadonlyArray<string>
}

const nameOf = ({ name }: Cases.Scenario, moment: Moment | undefined): string =>
  moment === undefined
    ? `A checkout that ${name}`
    : `A checkout that ${name}, whose process died ${moment.when} "${moment.change}" (${moment.nth})`

let made = 0

/** Prepares so many checkouts, side by side, since nothing is crashed yet. */
const prepare = (scenario: Cases.Scenario, count: number, { process }: Lane) =>
  Effect.gen(function* () {
    const ids = Array.from({ length: count }, () => `run-${++made}`)
    yield* process.startInventory
    yield* Effect.forEach(ids, (id) => Cases.prepare(id, scenario, process), { concurrency: 50, discard: true })
    return ids
  })

/** Lets a process finish what the run before has left to it, so that changes are counted from the same beginning. */
const settle = ({ points }: Process) =>
  Effect.suspend(() => {
    let [seen, still] = [-1, 0]
    const isAtRest = Effect.sync(() => {
      still = points.changes.length === seen ? still + 1 : 0
      seen = points.changes.length
      return still < 3 ? undefined : true
    })
    return Cases.until("the process is at rest", isAtRest)
  })

/** Runs a checkout to its end, in another process once this one has died. */
const run = (id: string, scenario: Cases.Scenario, moment: Moment | undefined, lane: Lane) =>
  Effect.gen(function* () {
    const first = lane.process
    yield* scenario.isCancelled ? first.stopInventory : first.startInventory
    yield* settle(first)
    first.points.arm(moment)
    const exit = yield* Effect.exit(Effect.raceFirst(Cases.checkOut(id, scenario, first), first.points.died))
    const { isDead: isCrashed } = first.points
    const changes = [...first.points.changes]
    // What it does from here on is none of this run's.
    first.points.arm()
    if (isCrashed) {
      yield* first.close
      lane.process = yield* startProcess(lane.outside)
      yield* Cases.checkOut(id, scenario, lane.process)
    } else yield* exit
    return { id, moment, isCrashed, changes } satisfies Run
  }).pipe(
    Effect.catchCause((cause) => {
      const error = Cause.squash(cause)
      const why = reasonOf(error)
      return Effect.die(new Error(`${nameOf(scenario, moment)}: ${why}`, { cause: error }))
    })
  )

/** Holds a run to have come to what it should, once the read models show it. */
const verify = ({ id, moment }: Run, scenario: Cases.Scenario, { outside, process }: Lane) =>
  Effect.gen(function* () {
    let found = yield* Cases.outcomeOf(id, outside, process)
    for (let looks = 0; looks < 500 && !Cases.isAsItEnds(found, scenario); looks++) {
      yield* Effect.sleep(10)
      found = yield* Cases.outcomeOf(id, outside, process)
    }
    expect(found, nameOf(scenario, moment)).toEqual(scenario.ends)
  })

/** Holds a lane to have set nothing aside: no message, no stream, no partition. */
const verifyNothingIsStuck = ({ outside }: Lane) =>
  Effect.gen(function* () {
    const sql = Context.get(outside.sql, SqlClient)
    for (const schema of schemas) {
      const stuck = yield* sql.unsafe(
        `SELECT consumer AS who, state || ' ' || key || ': ' || error AS what FROM ${schema}.held_message
         UNION ALL SELECT projection, stream || ': ' || reason FROM ${schema}.projection_parked
         UNION ALL SELECT projection, stopped_because FROM ${schema}.projection_offset WHERE stopped_because IS NOT NULL`
      )
      expect(stuck, schema).toEqual([])
    }
  })

/** What was done to a scenario. */
export interface Account {
  /** Changes of the run that was not crashed. */
  readonly changes: number
  readonly crashes: number
  /** Crashes around planned writes of read models, which go on as they do in production: not as transactions. */
  readonly plannedCrashes: number
  /** Runs that never came to the change where they were to crash, since what goes side by side came in another order. */
  readonly missed: number
}

/**
 * Runs a scenario, then crashes it around every change that this run has made; and holds all of them to the outcome that the
 * scenario names.
 */
export const crashEverywhere = (
  scenario: Cases.Scenario,
  lanes: ReadonlyArray<Lane>
): Effect.Effect<Account, unknown> =>
  Effect.gen(function* () {
    const first = lanes[0]!
    const [id] = yield* prepare(scenario, 1, first)
    const uncrashed = yield* run(id!, scenario, undefined, first)
    yield* verify(uncrashed, scenario, first)
    const moments = momentsOf(uncrashed.changes)
    const crashed = yield* Effect.forEach(
      lanes,
      (lane, i) =>
        Effect.gen(function* () {
          const own = moments.filter((_, j) => j % lanes.length === i)
          const ids = yield* prepare(scenario, own.length, lane)
          const runs = yield* Effect.forEach(own, (moment, j) => run(ids[j]!, scenario, moment, lane))
          // All of them once more at the end, when whatever was sent twice has arrived twice.
          yield* settle(lane.process)
          for (const one of runs) yield* verify(one, scenario, lane)
          yield* verifyNothingIsStuck(lane)
          return runs
        }),
      { concurrency: "unbounded" }
    )
    const crashes = crashed.flat().filter(({ isCrashed }) => isCrashed)
    return {
      changes: uncrashed.changes.length,
      crashes: crashes.length,
      plannedCrashes: crashes.filter(({ moment }) => moment!.change.includes(" writes the plan of ")).length,
      missed: moments.length - crashes.length
    }
  })
