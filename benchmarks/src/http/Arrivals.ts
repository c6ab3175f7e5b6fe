/**
 * An open load: requests arrive when they arrive, whatever has become of those before, as those of many independent people do
 * (a Poisson process). Used by `http`.
 */
import { setTimeout as sleep } from "node:timers/promises"

/** One kind of request. */
export interface Arriving {
  readonly perSecond: number
  /** Called at the intended moment or, since timers are coarse, up to some two milliseconds later; `intended` is on `now`'s clock. */
  readonly issue: (intended: number) => void
}

/** The moments of a Poisson process from a beginning on, in milliseconds. `random` answers numbers from 0 to below 1. */
export const moments = (perSecond: number, began: number, random: () => number): (() => number) => {
  let moment = began
  return () => {
    moment -= (Math.log(1 - random()) * 1000) / perSecond
    return moment
  }
}

/** Issues requests of all kinds for so many seconds; none is left out, however late. */
export const arrive = async (
  kinds: ReadonlyArray<Arriving>,
  seconds: number,
  random: () => number,
  now: () => number = () => performance.now()
): Promise<void> => {
  const began = now()
  const ends = began + seconds * 1000
  const streams = kinds.map(({ perSecond, issue }) => {
    const following = moments(perSecond, began, random)
    return { issue, following, next: following() }
  })
  for (let due = began; due < ends; await sleep(1)) {
    due = Math.min(now(), ends)
    for (const stream of streams) {
      for (; stream.next < due; stream.next = stream.following()) stream.issue(stream.next)
    }
  }
}
