/**
 * Why a read model could not be rebuilt: see `SqlRebuild`. The live one is as it was in each case, and goes on.
 */
import { Problem } from "@daybook/core/Problem"
import * as Schema from "effect/Schema"

/** It could not be put in place of the live one. Nothing was changed. */
export class NotRebuildable extends Problem<NotRebuildable>()(
  "NotRebuildable",
  { status: 409, title: "The read model cannot be rebuilt as things are" },
  { projection: Schema.String }
) {}

/** Another process rebuilds it. Nothing was changed. */
export class RebuildRunning extends Problem<RebuildRunning>()(
  "RebuildRunning",
  { status: 409, title: "The read model is being rebuilt already" },
  { projection: Schema.String }
) {}

/** The rebuild does not come up to the live one. What was rebuilt is kept. */
export class CannotCatchUp extends Problem<CannotCatchUp>()(
  "CannotCatchUp",
  { status: 409, title: "The rebuilt read model and the live one do not meet" },
  { projection: Schema.String, behind: Schema.Int }
) {}

/** Somebody has held the live tables all the time. What was rebuilt is kept. */
export class SwitchBlocked extends Problem<SwitchBlocked>()(
  "SwitchBlocked",
  { status: 503, title: "The live read model cannot be replaced while it is held" },
  { projection: Schema.String }
) {}

export const noTables = (projection: string): NotRebuildable =>
  new NotRebuildable({
    projection,
    detail: `Projection ${projection} declares no tables (Projection.make({ tables: … })), so that nothing of it can be switched.`
  })

export const hasDependents = (projection: string, dependents: ReadonlyArray<string>): NotRebuildable =>
  new NotRebuildable({
    projection,
    detail:
      `The tables of projection ${projection} are to be replaced, and others depend on them: ${dependents.join(", ")}. ` +
      "Drop these before the rebuild, and create them again after it."
  })

export const otherColumns = (projection: string, live: string, rebuilt: string): NotRebuildable =>
  new NotRebuildable({
    projection,
    detail:
      `The live tables of projection ${projection} are not what this release makes, so that statements of running processes would ` +
      `fail after the switch. Live: ${live}. Made: ${rebuilt}. Undo what was changed by hand, or run the release that the database belongs to.`
  })

export const nothingToReplay = (projection: string): NotRebuildable =>
  new NotRebuildable({
    projection,
    detail:
      `The journal holds no events, and the live tables of projection ${projection} hold rows: the service runs at level 1, which ` +
      "keeps no events to rebuild from, or the journal is another one. Check the service's write and read databases."
  })

export const rebuildRunning = (projection: string): RebuildRunning =>
  new RebuildRunning({
    projection,
    detail: `Another process is rebuilding projection ${projection}. Wait for it, or stop it and go on here: what it has done is kept.`
  })

export const tooSlow = (projection: string, behind: number): CannotCatchUp =>
  new CannotCatchUp({
    projection,
    behind,
    detail:
      `The rebuild of projection ${projection} stays ${behind} events behind: they come faster than it goes. Run it again with more ` +
      "partitions in parallel or a higher rate, or when there is less to do; what was rebuilt is kept."
  })

export const liveBehind = (projection: string, behind: number): CannotCatchUp =>
  new CannotCatchUp({
    projection,
    behind,
    detail:
      `To be compared, the live projection ${projection} would have to get to where the rebuilt one is, and it stays ${behind} events ` +
      "behind. Check that the service runs and that the projection is neither paused nor stopped (daybook projection list), or do " +
      "not compare; what was rebuilt is kept."
  })

export const switchBlocked = (projection: string, seconds: number, why: string): SwitchBlocked =>
  new SwitchBlocked({
    projection,
    detail:
      `For ${seconds} s the tables of projection ${projection} could not be had for a moment to switch them (${why}). End what holds ` +
      "them for long, a report or a backup, and run the same command again; what was rebuilt is kept."
  })
