/**
 * The `daybook` command: its subcommands, how it speaks to people, and its exit codes. Run by `main.ts`, and by tests.
 *
 * Exit codes: 0 done, 1 could not be done, 2 not understood, 3 a reconciliation found something, 130 interrupted.
 */
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as CliConfig from "effect/cli/CliConfig"
import * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import { TerminalCapabilities } from "effect/cli/TerminalCapabilities"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import { archiveCommand } from "./ArchiveCommand.ts"
import { auditCommand } from "./AuditCommand.ts"
import { deadLetterCommand } from "./DeadLetterCommand.ts"
import { eventsCommand } from "./EventsCommand.ts"
import { Ended, explain } from "./Failure.ts"
import { historyCommand } from "./HistoryCommand.ts"
import { importCommand } from "./ImportCommand.ts"
import { migrateCommand } from "./MigrateCommand.ts"
import { projectionCommand } from "./ProjectionCommand.ts"
import { pruneCommand } from "./PruneCommand.ts"
import { reconcileCommand } from "./ReconcileCommand.ts"
import { storageCommand } from "./StorageCommand.ts"
import { subjectCommand } from "./SubjectCommand.ts"

const daybook = Command.make("daybook").pipe(
  Command.withDescription(
    "Works on the stores of the Daybook services: the embedded one in DAYBOOK_HOME (default .daybook), or the PostgreSQL " +
      "database that DATABASE_URL names"
  ),
  Command.withExamples([
    { command: "daybook import online-retail ./orders", description: "Import a folder of order lines" },
    { command: "daybook projection list", description: "See whether the read models are up to date" },
    { command: "daybook migrate", description: "Bring a database up to date" }
  ]),
  Command.withSubcommands([
    archiveCommand,
    auditCommand,
    deadLetterCommand,
    eventsCommand,
    historyCommand,
    importCommand,
    migrateCommand,
    projectionCommand,
    pruneCommand,
    reconcileCommand,
    storageCommand,
    subjectCommand
  ])
)

/** What was not understood, on one line, and what may have been meant. */
const misunderstood = ({ message }: CliError.NonShowHelpErrors): string =>
  message
    .replace("Expected: Schema validation failed: Expected", "Expected")
    // No flag and no argument takes a fraction.
    .replace(/Expected (?:a string representing a finite number|an integer)$/, "Expected a whole number")
    .replace(/\s*Did you mean this\?\s*(.*)$/s, ". Did you mean $1?")
    .replaceAll(/\s*\n\s*/g, " or ")

/** Help goes to standard output when it was asked for; what was not understood is said in a line or two, without the help. */
const presenter = CliOutput.layerPresenter({
  present: Effect.fnUntraced(function* (event) {
    if (event._tag === "InvalidInvocation") {
      const messages = event.errors.map(misunderstood)
      return yield* Console.error(`${messages.join("\n")}\nSee ${event.commandPath.join(" ")} --help`)
    }
    if (event._tag === "Version") return yield* CliOutput.defaultPresenter.present(event)
    const { canColor: colors } = yield* TerminalCapabilities
    const help = CliOutput.defaultFormatter({ colors, globalFlags: "summary" }).formatHelpDoc(event.helpDoc)
    // The formatter leaves no line between the subcommands and the examples.
    yield* Console.log(help.replace(/([^\n])\n([^\n ]*EXAMPLES)/, "$1\n\n$2"))
  })
})

const config = CliConfig.layer({
  builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.LogLevel, GlobalFlag.Completions]
})

/** Commands speak for themselves; logs are for those who ask (`--log-level`), and never on standard output. */
const logs = Layer.merge(Layer.succeed(Logger.LogToStderr, true), Layer.succeed(References.MinimumLogLevel, "None"))

const exitCodeOf = (cause: Cause.Cause<unknown>): Effect.Effect<number> => {
  if (Cause.hasInterruptsOnly(cause)) return Effect.interrupt
  const error = Cause.squash(cause)
  // The presenter has spoken already.
  if (CliError.isCliError(error) && error._tag === "ShowHelp") return Effect.succeed(2)
  if (error instanceof Ended) return Effect.succeed(error.code)
  return Effect.as(Console.error(explain(error)), 1)
}

/** Runs the command with arguments and answers its exit code. */
export const run = (args: ReadonlyArray<string>, version: string) =>
  Command.runWith(daybook, { version })(args).pipe(
    Effect.as(0),
    Effect.catchCause(exitCodeOf),
    Effect.provide(Layer.mergeAll(presenter, config, logs))
  )
