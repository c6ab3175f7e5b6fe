/**
 * An open load: so many calls a second, whatever becomes of those before. Used by benchmarks that measure below saturation,
 * where a closed load would ask less of whoever is slow.
 */
import { setTimeout as sleep } from "node:timers/promises"

/** Calls `issue` with 0, 1, 2 … at a fixed rate for so many seconds. A call that is late, since timers are coarse, is made up for. */
export const atRate = async (perSecond: number, seconds: number, issue: (nth: number) => void): Promise<void> => {
  const began = performance.now()
  const total = Math.round(perSecond * seconds)
  for (let issued = 0; issued < total; ) {
    const due = Math.min(total, Math.floor(((performance.now() - began) * perSecond) / 1000) + 1)
    for (; issued < due; issued++) issue(issued)
    await sleep(1)
  }
}
