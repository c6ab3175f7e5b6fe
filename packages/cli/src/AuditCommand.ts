/**
 * `daybook audit`: who did what, and the proof that nobody has changed it since.
 */
import * as Command from "effect/cli/Command"
import { auditExportCommand } from "./AuditExportCommand.ts"
import { auditSearchCommand } from "./AuditSearchCommand.ts"
import { auditTreeCommand } from "./AuditTreeCommand.ts"

/** `daybook audit …`. */
export const auditCommand = Command.make("audit").pipe(
  Command.withDescription("Shows who did what, when, why and because of what"),
  Command.withExamples([
    { command: "daybook audit search --actor operator:ann", description: "What somebody did" },
    { command: "daybook audit tree o-1", description: "A checkout, from request to end" }
  ]),
  Command.withSubcommands([auditSearchCommand, auditTreeCommand, auditExportCommand])
)
