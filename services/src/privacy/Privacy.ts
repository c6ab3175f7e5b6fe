/**
 * The privacy service as layers: what an app composes. Which data subjects are on hold, and which are erased.
 *
 * Level 3 (see docs/canvas/privacy.md): who had whom erased, when and why, is kept for ever. It has no read models: whoever asks is
 * answered by a command.
 */
import type { Broker } from "@daybook/core/Broker"
import * as Entities from "@daybook/core/Entities"
import type { Journal } from "@daybook/core/Journal"
import * as Persistence from "@daybook/core/Persistence"
import type { ProjectionStore } from "@daybook/core/ProjectionStore"
import * as Projector from "@daybook/core/Projector"
import type { Snapshots } from "@daybook/core/Snapshot"
import type { SubjectKeys } from "@daybook/core/SubjectKeys"
import type { MigrationSet } from "@daybook/postgres/Migrations"
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import { type Command, make as makeSubject, type State } from "./Domain.ts"
import { privacyPublication } from "./Publication.ts"
import type { Rejection } from "./Rejection.ts"

/** The schema that holds the service's tables; the keys of the subjects are in it too. */
export const schema = "privacy"

/** There are no read models. */
export const tables: ReadonlyArray<MigrationSet> = []

/** The level: every event for ever; a subject has few. */
export const persistence: Persistence.Persistence = Persistence.events()

/** The subjects, as entities. */
export class Subjects extends Context.Service<Subjects, Entities.Entities<State, Command, Rejection>>()(
  "@daybook/services/privacy/Subjects"
) {}

/** How the service is run. Everything has a default. */
export interface Options {
  readonly entities?: Entities.Limits
  readonly projector?: Projector.Options
}

/** The command side: the subjects. */
export const commandSide = (options: Options = {}): Layer.Layer<Subjects, never, Journal | Snapshots> =>
  Layer.effect(Subjects, Entities.make(makeSubject(), { ...options.entities, persistence }))

/** The message side: destroys the keys of erased subjects, and tells everyone. Runs while it lives. */
export const messageSide = (
  options: Options = {}
): Layer.Layer<never, never, Journal | ProjectionStore | Broker | SubjectKeys> =>
  Layer.effectDiscard(Projector.make([privacyPublication], options.projector))
