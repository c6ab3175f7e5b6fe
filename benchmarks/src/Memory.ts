/**
 * Memory as it is on a machine that has been up for a while: nearly all of it holds pages of files, and whoever needs some gets a page
 * that is in use already.
 *
 * On a virtual machine the difference is large. Its host takes free memory back, and gives a page again when it is touched, for
 * 5 to 8 µs each where that was measured. Whoever writes most (a log, tables, their pages in buffers) pays for that most, and more from round
 * to round, as what the rounds before have left behind is used up.
 */
import { readFileSync } from "node:fs"
import { mkdtemp, open, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

const gigabyte = 2 ** 30

/** Left free, so that the kernel does not have to look for memory while the filling goes on. */
const reservedBytes = gigabyte

const chunkBytes = 16 * 2 ** 20

/** Bytes of memory that nobody uses, page cache included among the users, unlike `os.freemem()`; 0 where the system does not say. */
export const freeBytes = (): number => {
  try {
    const kilobytes = /^MemFree:\s+(\d+) kB$/m.exec(readFileSync("/proc/meminfo", "utf8"))
    return kilobytes === null ? 0 : Number(kilobytes[1]) * 1024
  } catch {
    return 0
  }
}

/**
 * Fills free memory with the pages of a file that has none on disk, and has lost its name already: nothing is written, and nothing is left
 * of it when it is closed, or when the process ends. The kernel gives these pages to whoever needs memory, before any others.
 */
export const fillMemory = async (
  say: (line: string) => void,
  bytes = freeBytes() - reservedBytes
): Promise<AsyncDisposable> => {
  if (bytes <= 0) return { [Symbol.asyncDispose]: async () => {} }
  const folder = await mkdtemp(join(tmpdir(), "daybook-memory-"))
  const file = await open(join(folder, "pages"), "w+")
  await rm(folder, { recursive: true })
  await file.truncate(bytes)
  const chunk = Buffer.allocUnsafe(chunkBytes)
  for (let at = 0; at < bytes; at += chunkBytes) {
    if (at % gigabyte === 0) say(`filling memory: ${at / gigabyte} of ${(bytes / gigabyte).toFixed(1)} GB`)
    await file.read(chunk, 0, chunkBytes, at)
  }
  return { [Symbol.asyncDispose]: () => file.close() }
}
