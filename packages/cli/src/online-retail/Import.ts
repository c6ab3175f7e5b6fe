/**
 * The import itself, after the survey: reads the files again, sends the accepted lines as commands, and remembers how far it has
 * come and what was rejected.
 *
 * Once a second the rejected lines and each file's watermark are stored together, so that a run which is killed at any moment
 * is carried on by the next. Lines after the watermark are sent again, which their carts take for what it is.
 */
import { createHash } from "node:crypto"
import type { Carts } from "@daybook/services/cart/Cart"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type { SqlError } from "effect/sql/SqlError"
import { explain, Failure } from "../Failure.ts"
import type { Progress } from "../Progress.ts"
import { CartLoader, type CheckOut, type Placed } from "./CartLoader.ts"
import type { FileState, ImportStore, RejectedLine } from "./ImportStore.ts"
import { type Entry, entries } from "./OrderFile.ts"
import { isRejected } from "./OrderLine.ts"
import type { Survey, SurveyedFile } from "./Survey.ts"
import { Watermark } from "./Watermark.ts"

/** What an import works with. */
export interface Options {
  readonly survey: Survey
  readonly carts: Carts["Service"]
  readonly store: ImportStore["Service"]
  readonly progress: Progress
  /** Lines under way at most. */
  readonly concurrency: number
  /** How long a store that does not answer is waited for. */
  readonly patience: Duration.Input
  /** Carries a filled cart's checkout to its end; without it carts are frozen, and no more. */
  readonly checkOut?: CheckOut | undefined
}

/** What an import did. */
export interface Outcome {
  /** Lines that an earlier run had done. */
  readonly linesBefore: number
  /** Lines that this run did. */
  readonly linesNow: number
}

const saveMillis = 1_000
/** Rejected lines in memory before reading waits for them to be stored. */
const maxUnsaved = 2_000
/** How long an interrupted import waits for what is under way. */
const lastAnswersWithin = "20 seconds"

/** Waits for what is under way, and says so when that takes a while. */
const lastAnswers = (loader: CartLoader): Effect.Effect<void> => {
  const idle = (within: Duration.Input) => Effect.timeoutOption(Effect.interruptible(loader.idle), within)
  return Effect.flatMap(idle("1 second"), (answered) =>
    Option.isSome(answered)
      ? Effect.void
      : Effect.andThen(
          Console.error("Stopping: waiting for the last answers. Ctrl-C again does not wait, and is harmless too."),
          Effect.asVoid(idle(lastAnswersWithin))
        )
  )
}

/** A file under way. */
interface Reading {
  readonly file: SurveyedFile
  readonly mark: Watermark
  /** Lines up to here were done by an earlier run. */
  readonly skipThrough: number
  ended: boolean
  saved: number
  completed: boolean
}

class Run {
  linesBefore = 0
  linesNow = 0
  readonly #options: Options
  readonly #readings: ReadonlyMap<string, Reading>
  readonly #saving = Semaphore.makeUnsafe(1)
  #rejected: Array<RejectedLine> = []

  constructor(options: Options, states: ReadonlyArray<FileState>) {
    this.#options = options
    const stateOf = new Map(states.map((state) => [state.hash, state]))
    this.#readings = new Map(
      options.survey.files.map((file) => {
        const { doneThroughLine, completed } = stateOf.get(file.hash)!
        const mark = new Watermark(doneThroughLine)
        const reading = {
          file,
          mark,
          skipThrough: doneThroughLine,
          ended: completed,
          saved: doneThroughLine,
          completed
        }
        return [file.hash, reading]
      })
    )
  }

  /** Everything from the first file to the last answer. What was done is remembered, however it ends. */
  get all(): Effect.Effect<void, unknown, FileSystem.FileSystem> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.gen({ self: this }, function* () {
        const loader = new CartLoader(this.#loading, yield* Effect.scope)
        const work = Effect.andThen(this.#readAll(loader), loader.idle)
        yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(saveMillis), Effect.ignore(this.#save))))
        const exit = yield* Effect.exit(restore(Effect.raceFirst(work, loader.broken)))
        if (Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)) yield* lastAnswers(loader)
        const saved = yield* Effect.exit(this.#save)
        yield* exit
        yield* saved
      })
    ).pipe(Effect.scoped)
  }

  get #loading() {
    const { carts, survey, concurrency, patience, progress, checkOut } = this.#options
    return {
      carts,
      checkOut,
      invoices: survey.invoices,
      concurrency,
      patience,
      onRejected: (
        { hash, line, cells, order }: Placed,
        problem: { readonly _tag: string; readonly message: string }
      ) => {
        const { invoice } = order
        this.#rejected.push({ hash, line, cells, invoice, reason: problem._tag, detail: problem.message })
      },
      onDone: ({ hash, line }: Placed) => {
        this.#readings.get(hash)!.mark.end(line)
        this.#count()
      },
      onRetry: (problem: Error) => progress.remark(`${explain(problem)} Trying again for a while.`)
    }
  }

  #count(): void {
    this.linesNow++
    this.#options.progress.done++
  }

  #readAll(loader: CartLoader): Effect.Effect<void, Failure | SqlError, FileSystem.FileSystem> {
    return Effect.forEach(this.#readings.values(), (reading) => this.#readFile(loader, reading), { discard: true })
  }

  #readFile(loader: CartLoader, reading: Reading): Effect.Effect<void, Failure | SqlError, FileSystem.FileSystem> {
    return Effect.gen({ self: this }, function* () {
      const { file } = reading
      if (reading.completed) {
        this.linesBefore += file.lines
        this.#options.progress.done += file.lines
        return
      }
      const hash = createHash("sha256")
      yield* Stream.runForEach(entries({ ...file, hash }), (batch) => this.#readBatch(loader, reading, batch))
      if (hash.digest("hex") !== file.hash) {
        return yield* new Failure({
          message: `${file.path} was changed while it was being imported. Leave it alone and start again.`
        })
      }
      reading.ended = true
    })
  }

  #readBatch(
    loader: CartLoader,
    { file, mark, skipThrough }: Reading,
    batch: ReadonlyArray<Entry>
  ): Effect.Effect<void, SqlError> {
    return Effect.gen({ self: this }, function* () {
      for (const { line, cells, verdict } of batch) {
        if (line <= skipThrough) {
          this.linesBefore++
          this.#options.progress.done++
        } else if (isRejected(verdict)) {
          this.#rejected.push({ hash: file.hash, line, cells, ...verdict })
          mark.pass(line)
          this.#count()
        } else {
          mark.begin(line)
          yield* loader.load({ hash: file.hash, line, cells, order: verdict })
        }
      }
      if (this.#rejected.length >= maxUnsaved) yield* this.#saveSurely
    })
  }

  /** Stores the rejected lines and the watermarks of the same moment. */
  get #save(): Effect.Effect<void, SqlError> {
    const attempt = Effect.suspend(() => {
      const rejected = this.#rejected
      const moved = [...this.#readings.values()]
        .map((reading) => ({ reading, done: reading.mark.done, completed: reading.ended && reading.mark.idle }))
        .filter(({ reading, done, completed }) => done > reading.saved || (completed && !reading.completed))
      if (rejected.length === 0 && moved.length === 0) return Effect.void
      this.#rejected = []
      const steps = moved.map(({ reading, done, completed }) => ({
        hash: reading.file.hash,
        doneThroughLine: done,
        completed
      }))
      return this.#options.store.save(steps, rejected).pipe(
        Effect.tap(() =>
          Effect.sync(() => {
            for (const { reading, done, completed } of moved) Object.assign(reading, { saved: done, completed })
          })
        ),
        Effect.onError(() =>
          Effect.sync(() => {
            this.#rejected = [...rejected, ...this.#rejected]
          })
        )
      )
    })
    return this.#saving.withPermits(1)(Effect.uninterruptible(attempt))
  }

  get #saveSurely(): Effect.Effect<void, SqlError> {
    return Effect.retry(this.#save, Schedule.upTo(Schedule.spaced("1 second"), { duration: this.#options.patience }))
  }
}

/**
 * Imports what a survey has found. Interrupted, it waits for the last answers and remembers how far it has come. It fails with a
 * `Failure` when a file is at fault, and with whatever a store answered when that is.
 */
export const run = Effect.fn("OnlineRetail.import")(function* (
  options: Options
): Effect.fn.Return<Outcome, unknown, FileSystem.FileSystem> {
  const { store, survey, progress } = options
  const states = yield* store.begin(survey.files)
  const total = survey.files.reduce((sum, { lines }) => sum + lines, 0)
  const run = new Run(options, states)
  progress.begin(options.checkOut === undefined ? "Importing" : "Importing and checking out", { total, unit: "lines" })
  yield* run.all
  progress.end()
  return { linesBefore: run.linesBefore, linesNow: run.linesNow }
})
