/**
 * Says on standard error how far a command has come: a bar that is drawn again and again on a terminal, a line every few seconds
 * anywhere else. Standard output is left to results.
 */
import { Clock } from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

const drawMillis = 100
const lineMillis = 5_000
/** The rate is that of the last so many milliseconds: long enough to be calm, short enough to notice a change. */
const windowMillis = 10_000
const barWidth = 24

/** How the drawing is done. */
export interface Options {
  /** The width of a terminal that can go back to the beginning of a line; `undefined` where there is none. */
  readonly columns: () => number | undefined
}

const number = (value: number): string => Math.round(value).toLocaleString("en-GB")

const duration = (seconds: number): string => {
  const minutes = Math.floor(seconds / 60)
  return minutes === 0 ? `${Math.ceil(seconds)} s` : `${minutes} min ${Math.round(seconds % 60)} s`
}

/** How far the present phase of a command has come. */
export class Progress {
  /** How much of the total is done. Set it as often as you like. */
  done = 0
  #what = ""
  #unit = ""
  #total = 0
  #remark: string | undefined
  #quietUntilMillis = 0
  #samples: Array<{ readonly atMillis: number; readonly done: number }> = []
  readonly #options: Options
  readonly #now: () => number

  constructor(options: Options, now: () => number) {
    this.#options = options
    this.#now = now
  }

  /** Begins a phase, some of which may be done already. */
  begin(what: string, phase: { readonly total: number; readonly unit: string; readonly done?: number }): void {
    this.#what = what
    this.#unit = phase.unit
    this.#total = phase.total
    this.done = phase.done ?? 0
    this.#samples = [{ atMillis: this.#now(), done: this.done }]
  }

  /** Ends the phase; nothing is shown until the next begins. */
  end(): void {
    this.#total = 0
  }

  /** Says something with the next drawing, and not again for a while: for what may happen a thousand times at once. */
  remark(message: string): void {
    if (this.#now() < this.#quietUntilMillis) return
    this.#quietUntilMillis = this.#now() + windowMillis
    this.#remark = message
  }

  /** Draws until the scope closes. */
  get drawing(): Effect.Effect<never> {
    const columns = this.#options.columns
    const terminal = columns() !== undefined
    const clear = Effect.sync(() => terminal && process.stderr.write("\r\u001b[K"))
    const remark = Effect.suspend(() => {
      if (this.#remark === undefined) return Effect.void
      const message = this.#remark
      this.#remark = undefined
      return Effect.andThen(clear, Console.error(message))
    })
    const draw = Effect.suspend(() => {
      if (terminal) return Effect.sync(() => process.stderr.write(`\r${this.#bar().slice(0, columns()! - 1)}\u001b[K`))
      return this.#total === 0 ? Effect.void : Console.error(this.#line())
    })
    const wait = Effect.sleep(terminal ? drawMillis : lineMillis)
    return Effect.forever(Effect.andThen(wait, Effect.andThen(remark, draw))).pipe(Effect.ensuring(clear))
  }

  /** Units a second, lately. */
  #rate(): number {
    const atMillis = this.#now()
    this.#samples.push({ atMillis, done: this.done })
    while (this.#samples.length > 2 && this.#samples[0]!.atMillis < atMillis - windowMillis) this.#samples.shift()
    const first = this.#samples[0]!
    return atMillis === first.atMillis ? 0 : ((this.done - first.done) / (atMillis - first.atMillis)) * 1000
  }

  #speed(): string {
    const rate = this.#rate()
    if (rate < 1) return ""
    return `, ${number(rate)} ${this.#unit}/s, ${duration((this.#total - this.done) / rate)} left`
  }

  #line(): string {
    const percent = Math.floor((this.done / this.#total) * 100)
    return `${this.#what}: ${number(this.done)} of ${number(this.#total)} ${this.#unit} (${percent} %)${this.#speed()}`
  }

  #bar(): string {
    if (this.#total === 0) return ""
    const full = Math.floor((this.done / this.#total) * barWidth)
    return `${this.#what} ${"█".repeat(full)}${"░".repeat(barWidth - full)} ${number(this.done)} of ${number(this.#total)} ${this.#unit}${this.#speed()}`
  }
}

/** A progress display that draws until the scope closes. */
export const make = (options: Options): Effect.Effect<Progress, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Clock
    const progress = new Progress(options, () => clock.currentTimeMillisUnsafe())
    yield* Effect.forkScoped(progress.drawing)
    return progress
  })

/** What the terminal of this process can do. */
export const ofProcess = (): Options => ({
  columns: () => (process.stderr.isTTY && process.env.TERM !== "dumb" ? process.stderr.columns : undefined)
})
