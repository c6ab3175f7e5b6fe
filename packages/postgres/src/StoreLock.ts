/**
 * One process at a time on an embedded store: two would destroy it.
 *
 * The lock is the operating system's, on the file `store.lock`, so that it goes with its holder however that ends: there is no
 * lock left behind to be recognised and taken over, which is where two can get in. SQLite, which Node brings along, takes it,
 * since Node has no call for it. `lock.json` beside it only says who the holder is.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { Problem } from "@daybook/core/Problem"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"

/** Another process works on the embedded store. `pid` is 0 where it has not said yet who it is. */
export class StoreHeld extends Problem<StoreHeld>()(
  "StoreHeld",
  { status: 503, title: "Another process holds the embedded store" },
  { folder: Schema.String, pid: Schema.Int }
) {}

/** The lock could neither be taken nor was it taken: the folder cannot be written to, or its file system knows no locks. */
export class CannotLock extends Data.TaggedError("CannotLock")<{ readonly cause: unknown }> {}

interface Holder {
  readonly pid: number
  readonly command: string
}

const holderFile = (folder: string): string => join(folder, "lock.json")

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
}

/** Nothing while the holder has not written it yet, or what there is is still of one before that was killed. */
const readHolder = (folder: string): Holder | undefined => {
  try {
    const holder = JSON.parse(readFileSync(holderFile(folder), "utf8")) as Holder
    return isAlive(holder.pid) ? holder : undefined
  } catch {
    return undefined
  }
}

const held = (folder: string, holder: Holder | undefined): StoreHeld => {
  const who = holder === undefined ? "Another process" : `Process ${holder.pid} (${holder.command})`
  return new StoreHeld({
    folder,
    pid: holder?.pid ?? 0,
    detail:
      `${who} holds the embedded store in ${folder}. Stop it first, choose another folder with DAYBOOK_HOME, or use a ` +
      "PostgreSQL server with DATABASE_URL, which many processes may share."
  })
}

/** SQLite's code for a lock that another has. */
const busy = 5

/**
 * How long to wait for the lock. A holder keeps it for as long as it lives; but of several that try in the same moment, each has
 * a part of the lock for a moment, and without patience all of them could give up.
 */
const patienceMillis = 500

/** Takes the lock. It is held as long as the connection is open. */
const take = (folder: string): DatabaseSync => {
  const lock = new DatabaseSync(join(folder, "store.lock"), { timeout: patienceMillis })
  try {
    lock.exec("PRAGMA journal_mode = OFF; BEGIN EXCLUSIVE")
    return lock
  } catch (error) {
    lock.close()
    throw (error as { readonly errcode?: number }).errcode === busy ? held(folder, readHolder(folder)) : error
  }
}

/** The locks of this process. A connection that nobody refers to is closed by the garbage collector, and its lock goes with it. */
const locks = new Set<DatabaseSync>()

const acquire = (folder: string): DatabaseSync => {
  const lock = take(folder)
  const self: Holder = { pid: process.pid, command: process.argv.slice(1).join(" ") }
  try {
    writeFileSync(holderFile(folder), JSON.stringify(self))
    locks.add(lock)
    return lock
  } catch (error) {
    lock.close()
    throw error
  }
}

const release = (folder: string, lock: DatabaseSync): void => {
  rmSync(holderFile(folder), { force: true })
  locks.delete(lock)
  lock.close()
}

/** Holds the store in a folder until the scope closes, or fails within half a second. */
export const hold = (folder: string): Effect.Effect<void, StoreHeld | CannotLock, Scope.Scope> =>
  Effect.asVoid(
    Effect.acquireRelease(
      Effect.try({
        try: () => acquire(folder),
        catch: (cause) => (cause instanceof StoreHeld ? cause : new CannotLock({ cause }))
      }),
      (lock) => Effect.sync(() => release(folder, lock))
    )
  )
