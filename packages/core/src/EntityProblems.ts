/**
 * What can go wrong with a command besides its rejection by the domain.
 */
import * as Schema from "effect/Schema"
import { Problem } from "./Problem.ts"

/** Too much is waiting already. Nothing of the command was done. */
export class Overloaded extends Problem<Overloaded>()(
  "Overloaded",
  { status: 503, title: "Too many commands are waiting" },
  { retryAfterSeconds: Schema.Int }
) {}

/** The runtime is shutting down and takes no more commands. Nothing of the command was done. */
export class ShuttingDown extends Problem<ShuttingDown>()(
  "ShuttingDown",
  { status: 503, title: "The service is shutting down" },
  { retryAfterSeconds: Schema.Int }
) {}

/** Another process keeps writing the same aggregate. Nothing of the command was stored. */
export class Contended extends Problem<Contended>()(
  "Contended",
  { status: 503, title: "The aggregate is being written by another process" },
  { retryAfterSeconds: Schema.Int }
) {}

/** The aggregate is not at the version that the sender expected (`If-Match`). Nothing of the command was done. */
export class VersionMismatch extends Problem<VersionMismatch>()(
  "VersionMismatch",
  { status: 412, title: "The version is not the expected one" },
  { expectedVersion: Schema.Int, actualVersion: Schema.Int }
) {}

/** Recovery of the aggregate took longer than its limit. Nothing of the command was done. */
export class RecoveryTimedOut extends Problem<RecoveryTimedOut>()(
  "RecoveryTimedOut",
  { status: 503, title: "The aggregate could not be recovered in time" },
  { stream: Schema.String, retryAfterSeconds: Schema.Int }
) {}

export const versionMismatch = (stream: string, expected: number, actual: number): VersionMismatch =>
  new VersionMismatch({
    expectedVersion: expected,
    actualVersion: actual,
    detail: `${stream} is at version ${actual}, not ${expected}. Read it again, and repeat the command if it still applies.`
  })

export const contended = (stream: string, attempts: number): Contended =>
  new Contended({
    retryAfterSeconds: 1,
    detail: `${stream} is being written by another process as well; after ${attempts} attempts this command was given up. Nothing was stored; try again.`
  })
