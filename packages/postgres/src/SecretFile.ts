/**
 * Files that hold keys: readable by their owner alone, whole or not there at any moment, and on the disk before anybody uses what is
 * in them, since what is locked with a key that a power cut takes is lost. For `SealKeys` and `MasterKeyFile`.
 */
import { randomUUID } from "node:crypto"
import { closeSync, existsSync, fsyncSync, linkSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"

/** A name in a folder has to be on the disk, too. Windows opens no folder, and keeps names itself. */
const syncFolder = (folder: string): void => {
  if (process.platform === "win32") return
  const handle = openSync(folder, "r")
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

/** Writes a file beside its place, and puts it there. */
const put = (file: string, text: string, place: (unfinished: string) => void): void => {
  const unfinished = `${file}.${randomUUID()}.unfinished`
  try {
    writeFileSync(unfinished, text, { mode: 0o600, flag: "wx", flush: true })
    place(unfinished)
  } finally {
    rmSync(unfinished, { force: true })
  }
  syncFolder(dirname(file))
}

/** Writes a file where there is none. Where somebody else was faster, theirs stays. */
export const writeNew = (file: string, text: string): void => {
  try {
    // A link is made only where there is nothing.
    put(file, text, (unfinished) => linkSync(unfinished, file))
  } catch (error) {
    if (!existsSync(file)) throw error
  }
}

/** Replaces a file as a whole. */
export const replace = (file: string, text: string): void =>
  put(file, text, (unfinished) => renameSync(unfinished, file))
