/**
 * How far a file has come: the line up to which everything is done, while later lines may be done already and others not.
 */

/** Lines of one file that are under way. */
export class Watermark {
  /** In ascending order, as they were begun, so that the first is the lowest. */
  readonly #underWay = new Set<number>()
  #read: number

  /** `done` is the line that an earlier run came to. */
  constructor(done: number) {
    this.#read = done
  }

  /** A line has been read, and nothing more is to be done about it. */
  pass(line: number): void {
    this.#read = line
  }

  /** A line has been read, and work on it begins. */
  begin(line: number): void {
    this.#read = line
    this.#underWay.add(line)
  }

  /** The work on a line is done. */
  end(line: number): void {
    this.#underWay.delete(line)
  }

  /** Everything up to and including this line is done. */
  get done(): number {
    const [lowest] = this.#underWay
    return lowest === undefined ? this.#read : lowest - 1
  }

  /** Nothing that was read is under way. */
  get idle(): boolean {
    return this.#underWay.size === 0
  }
}
