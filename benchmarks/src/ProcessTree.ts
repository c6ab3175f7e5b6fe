/**
 * A process with all that it has started, as Linux shows it in `/proc`: `npm start` is npm, a shell and the shop. For
 * processor time, of the server too, and to stop the program behind npm.
 */
import { readdirSync, readFileSync } from "node:fs"

interface Process {
  readonly pid: number
  readonly parent: number
  /** Its own, and that of children which have ended. */
  readonly cpuSeconds: number
}

/** Linux counts processor time in these, whatever its own clock does. */
const ticksPerSecond = 100

/** Nothing when it has ended meanwhile. */
const read = (pid: number): ReadonlyArray<Process> => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
    // After the program's name, which is in brackets and may have any character in it.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    const ticks = [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field]), 0)
    return [{ pid, parent: Number(fields[1]), cpuSeconds: ticks / ticksPerSecond }]
  } catch {
    return []
  }
}

/** The process itself comes first, whatever was started later after it. */
const treeOf = (root: number): ReadonlyArray<Process> => {
  const all = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => read(Number(name)))
  const tree = all.filter(({ pid }) => pid === root)
  for (const { pid } of tree) tree.push(...all.filter(({ parent }) => parent === pid))
  return tree
}

/** Processor time of a process and of all that it has started. */
export const cpuSecondsOf = (pid: number): number => treeOf(pid).reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0)

/** Sends a signal to the processes that have started none: the program, and not what waits for it. */
export const signalLeaves = (root: number, signal: NodeJS.Signals): void => {
  const tree = treeOf(root)
  const parents = new Set(tree.map(({ parent }) => parent))
  for (const { pid } of tree) if (!parents.has(pid)) signalOne(pid, signal)
}

const signalOne = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal)
  } catch (error) {
    // It has ended meanwhile.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error
  }
}
