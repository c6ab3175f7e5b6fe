/**
 * `daybook subject`: what is kept about a person, and its end: export, legal holds, erasure, and the master key behind it all.
 */
import * as Command from "effect/cli/Command"
import { rotateCommand } from "./MasterKeyRotation.ts"
import { eraseCommand, holdCommand, releaseCommand } from "./SubjectErasure.ts"
import { exportCommand } from "./SubjectExport.ts"

/** `daybook subject`. */
export const subjectCommand = Command.make("subject").pipe(
  Command.withDescription(
    "Looks after what is kept about people. A subject is a customer, by their id, or a guest, by guest: and the id of their checkout"
  ),
  Command.withShortDescription("Export and erase what is kept about a person"),
  Command.withExamples([
    { command: "daybook subject export 17850 --output 17850.json", description: "Everything that concerns a customer" },
    { command: 'daybook subject erase 17850 --reason "request 4711"', description: "Erase them" },
    { command: 'daybook subject hold 17850 --reason "chargeback 81"', description: "Forbid to" }
  ]),
  Command.withSubcommands([exportCommand, eraseCommand, holdCommand, releaseCommand, rotateCommand])
)
