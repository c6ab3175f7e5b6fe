/**
 * The processor time of a database's own server processes, from Linux's `/proc`, in nanoseconds rather than in ticks. Used by `growth`,
 * whose rounds are too short for ticks.
 */
import { readFileSync } from "node:fs"
import type { Query } from "../Server.ts"

/** Microseconds on a processor, by process, of everyone who is connected to the database of `query`. */
type Times = ReadonlyMap<number, number>

const timeOf = (pid: number): number | undefined => {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ", 1)[0]) / 1000
  } catch (error) {
    // A connection that was closed a moment ago.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined
    throw error
  }
}

/** Reads the times of all. Fails where the server runs on another machine, or the system is not Linux. */
export const backendTimes = async (query: Query): Promise<Times> => {
  const rows = await query<{ readonly pid: number; readonly own: boolean }>(
    `SELECT pid, pid = pg_backend_pid() AS own FROM pg_stat_activity WHERE datname = current_database()`
  )
  const times = new Map<number, number>()
  for (const { pid, own } of rows) {
    const time = timeOf(pid)
    if (time !== undefined) times.set(pid, time)
    else if (own) {
      throw new Error(
        `The server's process ${pid} is not in /proc: its processor time can be read on Linux, on the server's own machine. ` +
          "Leave DATABASE_URL_BENCH out, and a server is started here."
      )
    }
  }
  return times
}

/** Microseconds between two readings. A process that is new has spent all of its time in between. */
export const spentMicros = (before: Times, after: Times): number =>
  after.entries().reduce((sum, [pid, time]) => sum + time - (before.get(pid) ?? 0), 0)
