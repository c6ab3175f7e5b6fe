/**
 * The maturity level is a matter of what is stored, not of what an aggregate does: the same life, cut in two by a restart, has
 * the same outcomes and ends in the same state at all three levels.
 */
import * as Aggregate from "@daybook/core/Aggregate"
import * as Entities from "@daybook/core/Entities"
import { Journal } from "@daybook/core/Journal"
import * as Persistence from "@daybook/core/Persistence"
import { Snapshots } from "@daybook/core/Snapshot"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as fc from "fast-check"

const levels: ReadonlyArray<readonly [string, Persistence.Persistence]> = [
  ["1", Persistence.inline],
  ["2", Persistence.state()],
  ["3", Persistence.events()],
  ["3, with snapshots all the time", Persistence.events({ snapshotEvery: 1, keepSnapshots: 1 })]
]

/** What became of one command. */
interface Step<State, Command, Event> {
  readonly command: Command
  readonly outcome: ReadonlyArray<Event> | Error
  readonly after: State
}

/** Declares the tests of an aggregate: forty random lives, at each level. */
export const holds = <State, Command extends Aggregate.Tagged, Event extends Aggregate.Tagged, Rejection extends Error>(
  aggregate: Aggregate.Aggregate<State, Command, Event, Rejection>,
  commands: fc.Arbitrary<ReadonlyArray<Command>>
): void => {
  /** Carries commands out, one after the other, without any runtime. */
  const live = (commands: ReadonlyArray<Command>): ReadonlyArray<Step<State, Command, Event>> => {
    let state = aggregate.initial
    return commands.map((command) => {
      const outcome = Aggregate.decide(aggregate, command, state)
      if (!(outcome instanceof Error)) state = Aggregate.evolveAll(aggregate, state, outcome)
      return { command, outcome, after: state }
    })
  }

  const lives = fc.sample(commands, { seed: 7, numRuns: 40 }).map((commands) => live(commands))

  /** Sends the commands of a part of a life to a runtime of its own, and compares each outcome. */
  const run = (persistence: Persistence.Persistence, id: string, steps: ReadonlyArray<Step<State, Command, Event>>) =>
    Effect.gen(function* () {
      const entities = yield* Entities.make(aggregate, { persistence })
      for (const { command, outcome } of steps) {
        const exit = yield* Effect.exit(entities.execute(id, command))
        if (outcome instanceof Error) expect(exit).toEqual(Exit.fail(outcome))
        else expect(Exit.isSuccess(exit)).toBe(true)
      }
      return yield* entities.read(id)
    }).pipe(Effect.scoped)

  describe.each(levels)("level %s", (_, persistence) => {
    it.effect("lives the same life, across a restart", () =>
      Effect.gen(function* () {
        for (const [i, steps] of lives.entries()) {
          const half = Math.floor(steps.length / 2)
          yield* run(persistence, `${i}`, steps.slice(0, half))
          const { state, version } = yield* run(persistence, `${i}`, steps.slice(half))
          expect(state).toEqual(steps.at(-1)?.after ?? aggregate.initial)
          expect(version).toBe(
            steps.reduce((sum, { outcome }) => sum + (outcome instanceof Error ? 0 : outcome.length), 0)
          )
        }
      }).pipe(Effect.provide(Layer.mergeAll(Journal.layerMemory(), Snapshots.layerMemory)))
    )
  })
}
