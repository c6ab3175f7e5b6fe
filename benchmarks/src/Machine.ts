/**
 * What the figures were taken on. Part of every report, since an absolute figure without its machine says nothing.
 */
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import * as os from "node:os"

export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memoryGigabytes: number
  readonly system: string
  readonly node: string
  /** Processes that wanted to run, on average over the minute before the run: near 0 on a quiet machine. */
  readonly loadBefore: number
}

/** This machine, now. */
export const describeMachine = (): Machine => {
  const processors = os.cpus()
  return {
    processor: processors[0]?.model.trim() ?? "unknown",
    cores: processors.length,
    memoryGigabytes: Math.round(os.totalmem() / 2 ** 30),
    system: `${os.type()} ${os.release()} ${os.arch()}`,
    node: process.versions.node,
    loadBefore: Number(os.loadavg()[0]!.toFixed(2))
  }
}

const load = createRequire(import.meta.url)

/** The installed version of a package that this workspace depends on. */
export const packageVersion = (name: string): string => {
  const folders = load.resolve.paths(name) ?? []
  for (const folder of folders) {
    try {
      return (JSON.parse(readFileSync(`${folder}/${name}/package.json`, "utf8")) as { version: string }).version
    } catch {
      // Not in this folder; the next one up may have it.
    }
  }
  throw new Error(`${name} is not installed: run npm ci`)
}
