/**
 * What every contestant of `lag` goes through in a round: commits at a fixed rate, and then some alone, each after a while in
 * which nothing happened. Used by `Daybook.ts` and `Notify.ts`.
 */
import { setTimeout as sleep } from "node:timers/promises"
import type { Figures, Load } from "../Contestant.ts"
import { atRate } from "../FixedRate.ts"
import { Latencies, percentile } from "../Statistics.ts"

/** Commits the next thing of a kind, and waits until it can be read: how many milliseconds after the commit. */
export type Commit = (nth: number) => Promise<number>

/** Quiet before each commit of its own: longer than any pause in Daybook but that of polling, and never in step with it. */
const quietMillis = (nth: number): number => 200 + ((nth * 37) % 100)

const idlePerSecond = 3

/** One round. */
export const round = async (rate: number, { seconds }: Load, commit: Commit): Promise<Figures> => {
  const [busy, idle] = [new Latencies(), new Latencies()]
  const cpuBefore = process.cpuUsage()
  const began = performance.now()
  const under: Array<Promise<void>> = []
  await atRate(rate, seconds, (nth) => under.push(commit(nth).then((millis) => busy.record(millis))))
  const lasted = (performance.now() - began) / 1000
  await Promise.all(under)
  const cpu = process.cpuUsage(cpuBefore)
  for (let nth = 0; nth < Math.max(idlePerSecond * seconds, 1); nth++) {
    await sleep(quietMillis(nth))
    idle.record(await commit(nth))
  }
  const [sorted, alone] = [busy.sorted(), idle.sorted()]
  return {
    commands: busy.count + idle.count,
    commandsPerSecond: busy.count / lasted,
    p50Millis: percentile(sorted, 50),
    p95Millis: percentile(sorted, 95),
    p99Millis: percentile(sorted, 99),
    maxMillis: percentile(sorted, 100),
    idleP50Millis: percentile(alone, 50),
    idleP95Millis: percentile(alone, 95),
    cpuMicrosPerCommand: (cpu.user + cpu.system) / busy.count
  }
}
