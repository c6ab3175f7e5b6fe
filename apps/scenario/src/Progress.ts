/**
 * How far a run has come, on standard error: a bar on a terminal, a line every few seconds anywhere else.
 */
const width = 30

export class Progress implements Disposable {
  done = 0
  readonly #what: string
  readonly #total: number
  readonly #timer: NodeJS.Timeout
  readonly #isTerminal = process.stderr.isTTY === true

  constructor(what: string, total: number) {
    this.#what = what
    this.#total = total
    this.#timer = setInterval(() => this.#draw(), this.#isTerminal ? 100 : 5_000)
  }

  #draw(): void {
    const full = Math.floor((this.done / this.#total) * width)
    const bar = `${"█".repeat(full)}${"░".repeat(width - full)} ${this.done} of ${this.#total} ${this.#what}`
    process.stderr.write(this.#isTerminal ? `\r${bar}\u001b[K` : `${this.done} of ${this.#total} ${this.#what}\n`)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    if (this.#isTerminal) process.stderr.write("\r\u001b[K")
  }
}
