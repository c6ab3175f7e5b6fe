/**
 * `daybook audit`: who did what, and the proof that nobody has changed it since.
 */
import * as Command from "effect/cli/Command"
import { auditAnchorCommand } from "./AuditAnchorCommand.ts"
import { auditExportCommand } from "./AuditExportCommand.ts"
import { auditProveCommand } from "./AuditProveCommand.ts"
import { auditRotateCommand } from "./AuditRotateCommand.ts"
import { auditSealCommand } from "./AuditSealCommand.ts"
import { auditSearchCommand } from "./AuditSearchCommand.ts"
import { auditTreeCommand } from "./AuditTreeCommand.ts"
import { auditVerifyCommand } from "./AuditVerifyCommand.ts"

/** `daybook audit …`. */
export const auditCommand = Command.make("audit").pipe(
  Command.withDescription(
    "Shows who did what, when, why and because of what; and proves that nobody has changed it since"
  ),
  Command.withShortDescription("Show who did what and why, and prove that nobody has changed it"),
  Command.withExamples([
    { command: "daybook audit search --actor operator:ann", description: "What somebody did" },
    { command: "daybook audit tree o-1", description: "A checkout, from request to end" },
    { command: "daybook audit verify", description: "Whether anybody has tampered with the journals" }
  ]),
  Command.withSubcommands([
    auditSearchCommand,
    auditTreeCommand,
    auditExportCommand,
    auditSealCommand,
    auditVerifyCommand,
    auditProveCommand,
    auditAnchorCommand,
    auditRotateCommand
  ])
)
