/**
 * An archive in a folder of this machine, or of one that it has mounted.
 *
 * A file is written under another name, forced to the disk, and then given its name, which is forced to the disk too: a power cut
 * leaves either the whole file or none.
 */
import { randomUUID } from "node:crypto"
import { mkdirSync } from "node:fs"
import { open, readdir, readFile, rename, rm } from "node:fs/promises"
import { dirname, join, relative, resolve, sep } from "node:path"
import { type ArchiveUnavailable, type Store, unavailable } from "@daybook/core/Archive"
import { reasonOf } from "@daybook/core/Problem"
import * as Effect from "effect/Effect"

/** What unfinished files end with. A crash leaves them behind; nobody reads them. */
const unfinished = ".unfinished"

const syncFolder = async (folder: string) => {
  const handle = await open(folder, "r")
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

const codeOf = (error: unknown): unknown => (error as { readonly code?: unknown } | null)?.code

const write = async (path: string, content: Uint8Array) => {
  // The synchronous one: the other tries for ever where a folder is there and takes no others, such as below /proc.
  const made = mkdirSync(dirname(path), { recursive: true })
  const partial = `${path}.${randomUUID()}${unfinished}`
  try {
    const handle = await open(partial, "wx")
    try {
      await handle.writeFile(content)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(partial, path)
  } catch (error) {
    await rm(partial, { force: true })
    throw error
  }
  await syncFolder(dirname(path))
  if (made !== undefined) await syncFolders(dirname(path), dirname(made))
}

/** Folders that were made have to be in their parents after a power cut. */
const syncFolders = async (from: string, to: string) => {
  for (let folder = from; folder !== to && folder !== dirname(folder); folder = dirname(folder)) {
    await syncFolder(dirname(folder))
  }
}

/** An archive in a folder, which is made with its first file. */
export const make = (folder: string): Store => {
  const root = resolve(folder)
  const attempt = <A>(file: string, what: string, run: (path: string) => Promise<A>) =>
    Effect.tryPromise({
      try: () => run(join(root, file)),
      catch: (error): ArchiveUnavailable =>
        unavailable(
          file,
          codeOf(error) === "ENOENT" && what === "read"
            ? `Archive file ${file} is not in ${root}. Bring it back from where it was copied to, or name its folder by ARCHIVE_URL.`
            : `Archive file ${file} in ${root} cannot be ${what}: ${reasonOf(error)}.`
        )
    })
  return {
    location: root,
    write: (name, content) => attempt(name, "written", (path) => write(path, content)),
    read: (name) => attempt(name, "read", async (path) => new Uint8Array(await readFile(path))),
    list: (prefix) =>
      attempt(prefix, "listed", async () => {
        const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
          if (codeOf(error) === "ENOENT") return []
          throw error
        })
        return entries
          .filter((entry) => entry.isFile() && !entry.name.endsWith(unfinished))
          .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join("/"))
          .filter((name) => name.startsWith(prefix))
      }),
    remove: (name) => attempt(name, "deleted", (path) => rm(path, { force: true }))
  }
}
