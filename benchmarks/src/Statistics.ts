/**
 * The harness' own arithmetic: percentiles, medians, spreads, ratios. Small enough to be read and tested here.
 *
 * Latencies are kept one by one and sorted, not put into a histogram: a round has some hundred thousand of them at most, which
 * is a few megabytes and some milliseconds, and the percentiles are then exact, with no buckets or precision to explain.
 */

/** The median of some values and the extremes, in the values' own unit. */
export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

const smallestFirst = (a: number, b: number): number => a - b

/** The middle value; the mean of the two middle ones when there is an even number of values. */
export const median = (values: ReadonlyArray<number>): number => {
  if (values.length === 0) throw new RangeError("There is no median of no values")
  const sorted = values.toSorted(smallestFirst)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** The median with the smallest and the largest value. */
export const spread = (values: ReadonlyArray<number>): Spread => ({
  median: median(values),
  min: Math.min(...values),
  max: Math.max(...values)
})

/**
 * `ours` over `theirs`, round by round. Rounds of the same number ran one after the other, so that what slowed the machine
 * down for a while slowed both, and mostly leaves their ratio alone.
 */
export const ratios = (ours: ReadonlyArray<number>, theirs: ReadonlyArray<number>): ReadonlyArray<number> => {
  if (ours.length !== theirs.length) {
    throw new RangeError(`${ours.length} rounds cannot be compared with ${theirs.length}`)
  }
  return ours.map((value, round) => {
    if (!(theirs[round]! > 0)) throw new RangeError(`Round ${round + 1} measured ${theirs[round]}: no ratio to that`)
    return value / theirs[round]!
  })
}

/**
 * The value that `percent` of all values do not exceed: nearest rank, so that it is one of the values and never between two.
 * The values must be sorted, the smallest first.
 */
export const percentile = (sorted: ArrayLike<number>, percent: number): number => {
  if (sorted.length === 0) throw new RangeError("There is no percentile of no values")
  if (!(percent >= 0 && percent <= 100)) throw new RangeError(`${percent} is no percentage`)
  return sorted[Math.max(Math.ceil((percent / 100) * sorted.length) - 1, 0)]!
}

const initialCapacity = 65_536

/** Latencies of one round, in milliseconds. */
export class Latencies {
  #values = new Float64Array(initialCapacity)
  #count = 0

  get count(): number {
    return this.#count
  }

  record(millis: number): void {
    if (this.#count === this.#values.length) {
      const larger = new Float64Array(this.#values.length * 2)
      larger.set(this.#values)
      this.#values = larger
    }
    this.#values[this.#count++] = millis
  }

  /** All of them, the smallest first. */
  sorted(): Float64Array {
    return this.#values.slice(0, this.#count).sort()
  }
}

/** Rounded to so many significant digits, for people and for JSON. */
export const significant = (value: number, digits: number): number => Number(value.toPrecision(digits))
