/**
 * One process at a time on an embedded store: a file that names the holder.
 *
 * The file is created exclusively and holds the process id and command. One that a killed process left behind is recognised,
 * because no process of that id runs any more (or one that began later), and is taken over.
 */

import { readFileSync, unlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Problem } from "@daybook/core/Problem"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"

/** Another process works on the embedded store. */
export class StoreHeld extends Problem<StoreHeld>()(
  "StoreHeld",
  { status: 503, title: "Another process holds the embedded store" },
  { folder: Schema.String, pid: Schema.Int }
) {}

interface Holder {
  readonly pid: number
  readonly command: string
  /** When the kernel says that the process began, in its own ticks; tells a process from a later one of the same id. */
  readonly began: string
}

/** Field 22 of /proc/PID/stat; empty where there is no such file system. */
const beganOf = (pid: number): string => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? ""
  } catch {
    return ""
  }
}

const isAlive = (holder: Holder): boolean => {
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
  return holder.began === beganOf(holder.pid)
}

/** The holder, or nothing when the file is gone, or was left half-written by a process that died. */
const readHolder = (file: string): Holder | undefined => {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Holder
  } catch {
    return undefined
  }
}

const held = (folder: string, holder: Holder): StoreHeld =>
  new StoreHeld({
    folder,
    pid: holder.pid,
    detail:
      `Process ${holder.pid} (${holder.command}) holds the embedded store in ${folder}. Stop it first, choose another ` +
      "folder with DAYBOOK_HOME, or use a PostgreSQL server with DATABASE_URL, which many processes may share."
  })

const acquire = (folder: string): Effect.Effect<string, StoreHeld> =>
  Effect.suspend(() => {
    const file = join(folder, "lock.json")
    const self: Holder = { pid: process.pid, command: process.argv.slice(1).join(" "), began: beganOf(process.pid) }
    for (let attempt = 0; attempt < 3; attempt++) {
      try {
        writeFileSync(file, JSON.stringify(self), { flag: "wx" })
        return Effect.succeed(file)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error
        const holder = readHolder(file)
        if (holder !== undefined && isAlive(holder)) return Effect.fail(held(folder, holder))
        unlinkSync(file)
      }
    }
    return Effect.fail(held(folder, readHolder(file) ?? self))
  })

/** Holds the store in a folder until the scope closes, or fails with `StoreHeld`. */
export const hold = (folder: string): Effect.Effect<void, StoreHeld, Scope.Scope> =>
  Effect.asVoid(Effect.acquireRelease(acquire(folder), (file) => Effect.sync(() => unlinkSync(file))))
