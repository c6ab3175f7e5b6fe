/**
 * The peers' packages: in `benchmarks/peers`, apart from the workspaces, so that nobody's install fetches them. They are
 * installed from their own lockfile when a benchmark first needs them.
 */
import { execFileSync } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { fileURLToPath } from "node:url"

const folder = fileURLToPath(new URL("../peers/", import.meta.url))
const load = createRequire(`${folder}package.json`)

const lockfile = `${folder}package-lock.json`
const installedLockfile = `${folder}node_modules/.package-lock.json`

interface Lockfile {
  readonly packages: Readonly<Record<string, { readonly version: string }>>
}

const versionsOf = (path: string): ReadonlyMap<string, string> => {
  const { packages } = JSON.parse(readFileSync(path, "utf8")) as Lockfile
  return new Map(Object.entries(packages).flatMap(([name, { version }]) => (name === "" ? [] : [[name, version]])))
}

const isInstalled = (): boolean => {
  if (!existsSync(installedLockfile)) return false
  const installed = versionsOf(installedLockfile)
  return [...versionsOf(lockfile)].every(([name, version]) => installed.get(name) === version)
}

/** Installs the peers unless exactly the locked versions are there. `say` is told before it takes some seconds. */
export const installPeers = (say: (line: string) => void): void => {
  if (isInstalled()) return
  say("Installing the packages to compare with, once: npm ci in benchmarks/peers")
  execFileSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] })
}

/** A peer's package. Its types are the caller's to declare, since the packages may not be there when types are checked. */
export const loadPeer = <Module>(name: string): Module => load(name) as Module

/** The locked version of a peer's package. */
export const peerVersion = (name: string): string => {
  const version = versionsOf(lockfile).get(`node_modules/${name}`)
  if (version === undefined) throw new Error(`benchmarks/peers has no ${name}`)
  return version
}
