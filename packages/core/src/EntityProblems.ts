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
