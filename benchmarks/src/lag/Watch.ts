/**
 * An onlooker who asks a store again and again whether what was committed can be read there, and notes how long that took. Used
 * by the `lag` benchmark for every contestant.
 *
 * It asks a millisecond after its last answer, as long as anything is awaited, and counts something as visible when the answer
 * that shows it is there. So what it adds is a wait of a millisecond or two at most and the query's own time, and all of that
 * counts as lag.
 */
import { setTimeout as sleep } from "node:timers/promises"

/** What an onlooker asks: how far each of these things can be read by now. */
export type Look = (ids: ReadonlyArray<string>) => Promise<ReadonlyMap<string, number>>

/** What cannot be read by then never will be. */
const patienceMillis = 60_000

interface Awaited {
  readonly version: number
  readonly sinceMillis: number
  readonly seen: (millis: number) => void
}

export class Watch {
  readonly #look: Look
  readonly #awaited = new Map<string, Array<Awaited>>()
  #looking: Promise<void> | undefined

  constructor(look: Look) {
    this.#look = look
  }

  /** Waits until `version` of something, committed a moment ago, can be read: how many milliseconds that took. */
  until(id: string, version: number): Promise<number> {
    const sinceMillis = performance.now()
    return new Promise((resolve, reject) => {
      const waiting = this.#awaited.get(id) ?? []
      waiting.push({ version, sinceMillis, seen: resolve })
      this.#awaited.set(id, waiting)
      this.#looking ??= this.#lookOn()
      this.#looking.catch(reject)
    })
  }

  async #lookOn(): Promise<void> {
    while (this.#awaited.size > 0) {
      const found = await this.#look([...this.#awaited.keys()])
      const now = performance.now()
      for (const [id, version] of found) this.#settle(id, version, now)
      this.#checkPatience(now)
      if (this.#awaited.size > 0) await sleep(1)
    }
    this.#looking = undefined
  }

  #checkPatience(now: number): void {
    for (const [id, [first]] of this.#awaited) {
      if (first === undefined || now - first.sinceMillis <= patienceMillis) continue
      throw new Error(`Version ${first.version} of ${id} was committed a minute ago and still cannot be read.`)
    }
  }

  #settle(id: string, version: number, now: number): void {
    const waiting = this.#awaited.get(id) ?? []
    const left = waiting.filter((one) => one.version > version)
    for (const one of waiting) if (one.version <= version) one.seen(now - one.sinceMillis)
    if (left.length === 0) this.#awaited.delete(id)
    else this.#awaited.set(id, left)
  }
}
