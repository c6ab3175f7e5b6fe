/**
 * Waits for read models: for the report, which is made from them, and for the stock, by which inventory chooses.
 */
import type { Journal } from "@daybook/core/Journal"
import type { Projector } from "@daybook/core/Projector"
import * as Effect from "effect/Effect"
import { Failure } from "../Failure.ts"
import type { Progress } from "../Progress.ts"

/** A read model, and how to speak of it. */
export interface ReadModel {
  /** The projection that writes it. */
  readonly name: string
  readonly projector: Projector
  readonly journal: Journal["Service"]
  /** What it is about, one of them and several. */
  readonly of: readonly [one: string, several: string]
  /** What has been done, and what will be when the same command is run again. */
  readonly done: string
  readonly next: string
}

/** How long a read model may stand still before it is given up. */
const patienceMillis = 60_000

const stuck = ({ done, next }: ReadModel, why: string): Failure =>
  new Failure({ message: `${done}: ${why}. See daybook projection list; then run the same command again, ${next}.` })

/** Waits until a read model holds everything that is in its journal now. */
export const caughtUp = Effect.fnUntraced(function* (progress: Progress, model: ReadModel) {
  const { name, projector, journal, of } = model
  const heads = yield* journal.heads
  const status = Effect.map(projector.status, (all) => all.find((one) => one.name === name)!)
  const total = (yield* status).lag
  progress.begin("Read models", { total, unit: "events" })
  for (const [partition, position] of heads.entries()) {
    let lagBefore = Number.POSITIVE_INFINITY
    let stoodStillMillis = 0
    while (position > 0 && !(yield* projector.awaitPosition(name, { partition, position }, "1 second"))) {
      const { lag, paused, offsets } = yield* status
      const stopped = offsets.find(({ stoppedBecause }) => stoppedBecause !== null)
      if (paused) return yield* stuck(model, "they are paused")
      if (stopped !== undefined)
        return yield* stuck(model, `partition ${stopped.partition} has stopped (${stopped.stoppedBecause})`)
      stoodStillMillis = lag < lagBefore ? 0 : stoodStillMillis + 1_000
      if (stoodStillMillis > patienceMillis) return yield* stuck(model, `${lag} events have been waiting for a minute`)
      lagBefore = lag
      progress.done = Math.max(total - lag, 0)
    }
  }
  progress.end()
  const { parked } = yield* status
  if (parked.length > 0)
    return yield* stuck(
      model,
      `${parked.length === 1 ? `1 ${of[0]} is` : `${parked.length} ${of[1]} are`} set aside, the first because: ${parked[0]!.reason}`
    )
})
