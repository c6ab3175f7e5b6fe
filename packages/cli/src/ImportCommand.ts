/**
 * `daybook import online-retail`: reads a folder of order lines into carts.
 */
import { Carts } from "@daybook/services/cart/Cart"
import * as Settings from "@daybook/shop/Settings"
import { Clock } from "effect/Clock"
import * as Console from "effect/Console"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import { explain, Failure } from "./Failure.ts"
import * as OutputFile from "./OutputFile.ts"
import { CheckoutQueue } from "./online-retail/CheckoutQueue.ts"
import * as Delivery from "./online-retail/Delivery.ts"
import * as Import from "./online-retail/Import.ts"
import { ImportStore, withCheckouts } from "./online-retail/ImportStore.ts"
import * as Report from "./online-retail/Report.ts"
import * as Survey from "./online-retail/Survey.ts"
import * as Progress from "./Progress.ts"
import { Shop } from "./Shop.ts"
import * as Stores from "./Stores.ts"
import { group } from "./Table.ts"

/** Where the outputs of a run go. */
interface Outputs {
  readonly report: string | undefined
  readonly rejects: string
  /** The rejects file was asked for, and is written even when nothing was rejected. */
  readonly rejectsAsked: boolean
}

const defaultRejects = "online-retail.rejects.csv"

const outputsOf = Effect.fnUntraced(function* (
  folder: string,
  asked: { readonly report: Option.Option<string>; readonly rejects: Option.Option<string> }
) {
  const path = yield* Path.Path
  const report = Option.getOrUndefined(asked.report)
  const rejects = Option.getOrElse(asked.rejects, () =>
    path.join(path.dirname(report ?? defaultRejects), defaultRejects)
  )
  const inFolder = path.dirname(path.resolve(rejects)) === path.resolve(folder)
  if (inFolder && Survey.isOrderFile(path.basename(rejects))) {
    return yield* new Failure({
      message: `${rejects} would be read as order lines the next time. Give it another folder, or a name that ends in .rejects.csv.`
    })
  }
  if (report !== undefined) yield* OutputFile.check(report)
  yield* OutputFile.check(rejects)
  const outputs: Outputs = { report, rejects, rejectsAsked: Option.isSome(asked.rejects) }
  return outputs
})

const secondsSince = (startedMillis: number) =>
  Effect.map(Clock, (clock) => Math.max((clock.currentTimeMillisUnsafe() - startedMillis) / 1000, 0.001))

const told = ({ linesBefore, linesNow }: Import.Outcome, seconds: number): string => {
  if (linesNow === 0) return `All ${group(linesBefore)} lines had been imported before; nothing was changed.`
  const now = `Imported ${group(linesNow)} lines in ${seconds.toFixed(1)} s (${group(Math.round(linesNow / seconds))} lines/s).`
  return linesBefore === 0 ? now : `${now} ${group(linesBefore)} had been imported before.`
}

/** What a person should know before the import begins. */
const remarks = Effect.fnUntraced(function* ({ copies, files }: Survey.Survey) {
  for (const [name, twin] of copies) yield* Console.error(`${name} is left out: it has the same content as ${twin}.`)
  for (const name of yield* (yield* ImportStore).namesakes(files)) {
    yield* Console.error(
      `${name} was imported before with another content. Lines of invoices that are checked out already will be rejected.`
    )
  }
})

const surveyed = Effect.fnUntraced(function* (folder: string, progress: Progress.Progress) {
  const survey = yield* Survey.survey(folder, {
    onBegin: (total) => progress.begin("Checking", { total, unit: "bytes" }),
    onRead: (bytes) => {
      progress.done += bytes
    }
  })
  progress.end()
  return survey
})

const carryOn = "Nothing that was acknowledged is lost. Run the same command again: it carries on from there."

/** Says how to go on after a failure that is not about the input. */
const stopped = (error: unknown): Failure =>
  new Failure({ message: `The import has stopped. ${explain(error)}\n${carryOn}` })

/** What was asked for. */
interface Input {
  readonly checkout: boolean
  readonly stock: Option.Option<number>
  readonly folder: string
  readonly report: Option.Option<string>
  readonly rejects: Option.Option<string>
  readonly json: boolean
  readonly concurrency: number
  readonly patience: number
}

/** Writes what came of an import to where it was asked for. */
const tell = Effect.fnUntraced(function* (
  survey: Survey.Survey,
  outputs: Outputs,
  {
    json,
    headline,
    shop
  }: { readonly json: boolean; readonly headline: string; readonly shop: Shop["Service"] | undefined }
) {
  const totals = yield* Report.totals(survey.files)
  const report = shop === undefined ? totals : yield* Report.withCheckouts(totals, shop, survey)
  const rejects = outputs.rejectsAsked || Object.keys(report.rejected).length > 0 ? outputs.rejects : undefined
  if (rejects !== undefined) yield* Report.writeRejects(rejects, survey.files)
  const text = Report.toJson(report)
  if (outputs.report !== undefined) yield* OutputFile.write(outputs.report, OutputFile.text(`${text}\n`))
  if (json) return yield* Console.log(text)
  yield* Console.log(`${headline}\n\n${Report.toTable(report)}\n`)
  if (rejects !== undefined) yield* Console.log(`Rejected lines: ${rejects}`)
  if (outputs.report !== undefined) yield* Console.log(`Report: ${outputs.report}`)
})

/** The import of a folder that has been looked at, from its beginning or where it was left. */
const importing = Effect.fnUntraced(function* (
  { concurrency, json, patience: seconds }: Input,
  { survey, outputs, progress }: Prepared,
  checkOut?: Import.Options["checkOut"]
) {
  const shop = Option.getOrUndefined(yield* Effect.serviceOption(Shop))
  yield* remarks(survey)
  const started = (yield* Clock).currentTimeMillisUnsafe()
  const patience = `${seconds} seconds` as const
  const store = yield* ImportStore
  const carts = yield* Carts
  const outcome = yield* Import.run({ survey, carts, store, progress, concurrency, patience, checkOut })
  yield* Report.caughtUp(progress)
  if (shop !== undefined) yield* Report.checkoutsCaughtUp(progress, shop)
  yield* tell(survey, outputs, { json, headline: told(outcome, yield* secondsSince(started)), shop })
})

/** What is there before a store is opened. */
interface Prepared {
  readonly survey: Survey.Survey
  readonly outputs: Outputs
  readonly progress: Progress.Progress
}

/** The same with every service at work: the stock comes first, and each cart's checkout is carried to its end. */
const selling = Effect.fnUntraced(function* (input: Input, prepared: Prepared) {
  const shop = yield* Shop
  const { survey, progress } = prepared
  const percent = Option.getOrElse(input.stock, () => 100)
  yield* Delivery.receive({ survey, shop, progress, percent, patience: `${input.patience} seconds` })
  const queue = new CheckoutQueue(shop)
  const imported = importing(input, prepared, (...checkout) => queue.run(...checkout))
  yield* Effect.raceFirst(imported, queue.watching).pipe(
    Effect.provideService(ImportStore, withCheckouts(yield* ImportStore))
  )
})

/** What was asked for has to make sense, before anything is read. */
const checkInput = Effect.fnUntraced(function* ({ checkout, stock }: Input) {
  if (Option.isSome(stock) && !checkout) {
    return yield* new Failure({ message: "--stock says how much --checkout has in stock. Give both, or neither." })
  }
  const provider = checkout ? yield* Settings.providerKind : "simulated"
  if (provider !== "simulated") {
    return yield* new Failure({
      message:
        `--checkout pays by the simulated provider, and PAYMENT_PROVIDER is ${provider}. Nobody has agreed to these payments: import ` +
        "into a shop that is not a real one, without PAYMENT_PROVIDER."
    })
  }
})

const onlineRetail = Effect.fn("Daybook.importOnlineRetail")(
  function* (input: Input) {
    yield* checkInput(input)
    const outputs = yield* outputsOf(input.folder, input)
    const progress = yield* Progress.make(Progress.ofProcess())
    const survey = yield* surveyed(input.folder, progress)
    // Carts that have been checked out are not needed again, so that few are kept in memory, and not for long.
    const entities = {
      mailbox: 2 * input.concurrency,
      inFlight: 4 * input.concurrency,
      resident: 5_000,
      passivateAfter: "5 seconds"
    } as const
    const prepared = { survey, outputs, progress }
    const resumable = <A, E, R>(program: Effect.Effect<A, E, R>) =>
      Effect.mapError(program, (error) => (error instanceof Failure ? error : stopped(error)))
    if (input.checkout) return yield* Stores.withShop({ cart: entities })(resumable(selling(input, prepared)))
    yield* Stores.withCart({ entities })(resumable(importing(input, prepared)))
  },
  Effect.scoped,
  Effect.onInterrupt(() => Console.error(`Stopped. ${carryOn}`))
)

const importOnlineRetail = Command.make(
  "online-retail",
  {
    folder: Argument.String("folder").pipe(
      Argument.withMetavar("DIR"),
      Argument.withDescription("Folder with *.csv and *.csv.gz files, read in the order of their names")
    ),
    checkout: Flag.Boolean("checkout").pipe(
      Flag.withDescription(
        "Receive the goods that the lines ask for, and carry each cart through a whole checkout: order, stock, simulated payment"
      ),
      Flag.withDefault(false)
    ),
    stock: Flag.Int("stock").pipe(
      Flag.withMetavar("PERCENT"),
      Flag.withDescription("With --checkout: how much of the goods there is, 0 to 1000 per cent. Default: 100"),
      Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000 }))),
      Flag.optional
    ),
    report: Flag.String("report").pipe(
      Flag.withMetavar("FILE"),
      Flag.withDescription("Write the totals to a file, as JSON"),
      Flag.optional
    ),
    rejects: Flag.String("rejects").pipe(
      Flag.withMetavar("FILE"),
      Flag.withDescription(`Where rejected lines go, as CSV. Default: ${defaultRejects}, beside the report`),
      Flag.optional
    ),
    json: Flag.Boolean("json").pipe(
      Flag.withDescription("Print the totals as JSON, and nothing else on standard output"),
      Flag.withDefault(false)
    ),
    concurrency: Flag.Int("concurrency").pipe(
      Flag.withMetavar("N"),
      Flag.withDescription("Lines under way at once, 1 to 10000. Default: 1000"),
      Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10_000 }))),
      Flag.withDefault(1_000)
    ),
    patience: Flag.Int("patience").pipe(
      Flag.withMetavar("SECONDS"),
      Flag.withDescription("How long to wait for a database that does not answer, before stopping. Default: 30"),
      Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 86_400 }))),
      Flag.withDefault(30)
    )
  },
  onlineRetail
).pipe(
  Command.withDescription(
    "Imports order lines of the UCI Online Retail data set: each invoice becomes a cart, each line that the rules accept an " +
      "item in it, and the last line checks it out. With --checkout, that is a whole checkout by all services, which run in this process " +
      "for as long as it takes. Every file is checked before anything is written. An import that was " +
      "stopped carries on when the same command is run again; one that is complete changes nothing."
  ),
  Command.withShortDescription("Order lines of the UCI Online Retail data set, as carts"),
  Command.withExamples([
    { command: "daybook import online-retail ./orders", description: "Into the embedded store, in .daybook" },
    {
      command: "DATABASE_URL=postgres://localhost/shop daybook import online-retail ./orders --report report.json",
      description: "Into PostgreSQL, with the totals in a file"
    },
    {
      command: "daybook import online-retail ./orders --checkout --stock 90",
      description: "Each cart bought, as far as the stock goes"
    },
    { command: "daybook import online-retail ./orders --json | jq .revenueMinor", description: "For scripts" }
  ])
)

/** `daybook import …`. */
export const importCommand = Command.make("import").pipe(
  Command.withDescription("Imports data from elsewhere"),
  Command.withShortDescription("Import data from elsewhere"),
  Command.withExamples([
    { command: "daybook import online-retail ./orders", description: "Order lines of the UCI Online Retail data set" }
  ]),
  Command.withSubcommands([importOnlineRetail])
)
