/**
 * What every contestant of `broker` goes through in a round: first as many messages as it can, which have piled up; then some at a
 * fixed rate, each timed. Used by the contestants.
 */
import { setTimeout as sleep } from "node:timers/promises"
import type { Figures, Load } from "../Contestant.ts"
import { atRate } from "../FixedRate.ts"
import { Latencies, percentile } from "../Statistics.ts"

/** What a contestant does in a round. */
export interface Course {
  /** Makes ready so many messages, and lets none of them go. */
  readonly pileUp: (messages: number) => Promise<void>
  /** Lets them go; resolves when all have had their effect. */
  readonly release: () => Promise<void>
  /** Sends the next message, and waits for its effect: how many milliseconds that took. */
  readonly send: (nth: number) => Promise<number>
}

/** Messages a second of the second part. */
export const rate = 1_000

/** How many pile up for each second of a round: what takes about half of that where 10,000 a second are reached. */
const piledPerSecond = 5_000

/** The same for a bare server, which is several times faster. */
export const barelyPiledPerSecond = 20_000

/** One round. */
export const round = async ({ seconds }: Load, course: Course, perSecond = piledPerSecond): Promise<Figures> => {
  const piled = Math.round(perSecond * seconds)
  await course.pileUp(piled)
  const cpuBefore = process.cpuUsage()
  const released = performance.now()
  await course.release()
  const took = (performance.now() - released) / 1000
  const cpu = process.cpuUsage(cpuBefore)
  const latencies = new Latencies()
  const began = performance.now()
  const under: Array<Promise<void>> = []
  await atRate(rate, seconds, (nth) => under.push(course.send(nth).then((millis) => latencies.record(millis))))
  const lasted = (performance.now() - began) / 1000
  await Promise.all(under)
  const sorted = latencies.sorted()
  return {
    commands: piled + sorted.length,
    commandsPerSecond: piled / took,
    messagesPerSecond: piled / took,
    sentPerSecond: sorted.length / lasted,
    p50Millis: percentile(sorted, 50),
    p95Millis: percentile(sorted, 95),
    p99Millis: percentile(sorted, 99),
    cpuMicrosPerMessage: (cpu.user + cpu.system) / piled
  }
}

const pollMillis = 5
const patienceMillis = 60_000

/** Resolves when `reached` says so. Fails when that takes a minute: messages have been lost, or wait for good. */
export const until = async (reached: () => Promise<boolean>): Promise<void> => {
  const gaveUpAt = performance.now() + patienceMillis
  while (!(await reached())) {
    if (performance.now() > gaveUpAt) throw new Error("Some messages have had no effect within a minute of being sent.")
    await sleep(pollMillis)
  }
}
