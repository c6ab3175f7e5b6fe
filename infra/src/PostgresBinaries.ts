/**
 * Finds PostgreSQL's programs on this machine, and installs them where that can be done unasked: on a Debian-like system,
 * as root (a container, a CI machine). Anywhere else the error says what the person should do.
 */
import { execFileSync } from "node:child_process"
import { accessSync, constants, existsSync, readdirSync } from "node:fs"
import { delimiter, join } from "node:path"

const debianRoot = "/usr/lib/postgresql"

const nextStep =
  "Install PostgreSQL 14 or later (Debian: apt-get install postgresql; macOS: brew install postgresql@17), " +
  "or set POSTGRES_BIN to the folder that holds initdb and postgres, " +
  "or set DAYBOOK_TEST_DATABASE_URL to a server that tests may write to."

/** The folder that holds `initdb` and `postgres`. Installs them if it must and can; throws with the next step otherwise. */
export const postgresBinaries = (): string => {
  const chosen = process.env.POSTGRES_BIN
  if (chosen !== undefined) {
    if (hasServer(chosen)) return chosen
    throw new Error(`POSTGRES_BIN is ${chosen}, which does not hold initdb and postgres. ${nextStep}`)
  }
  const found = find()
  if (found !== undefined) return found
  install()
  const installed = find()
  if (installed !== undefined) return installed
  throw new Error(`PostgreSQL was installed, but its programs are not under ${debianRoot}. ${nextStep}`)
}

const find = (): string | undefined => [...debianVersions(), ...searchPath()].find(hasServer)

/** Debian keeps the server's programs off the search path, one folder per major version; the newest comes first. */
const debianVersions = (): ReadonlyArray<string> =>
  existsSync(debianRoot)
    ? readdirSync(debianRoot)
        .sort((a, b) => Number(b) - Number(a))
        .map((version) => join(debianRoot, version, "bin"))
    : []

/** The folders in which a shell looks for programs. */
export const searchPath = (): ReadonlyArray<string> => (process.env.PATH ?? "").split(delimiter).filter(Boolean)

const hasServer = (folder: string): boolean => ["initdb", "postgres"].every((name) => isExecutable(join(folder, name)))

/** Whether there is a program of that name that this user may run. */
export const isExecutable = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

const install = (): void => {
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) {
    throw new Error(`PostgreSQL's server programs were not found. ${nextStep}`)
  }
  process.stderr.write("PostgreSQL is missing: installing it with apt-get\n")
  // RUNLEVEL=1 keeps the package from starting a server of its own: ours has its own port and data folder.
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" }
  try {
    execFileSync("apt-get", ["update", "-q"], { env, stdio: ["ignore", 2, 2] })
    const options = ["-q", "-y", "--no-install-recommends"]
    execFileSync("apt-get", ["install", ...options, "postgresql"], { env, stdio: ["ignore", 2, 2] })
  } catch (cause) {
    throw new Error(`apt-get could not install PostgreSQL (its output is above). ${nextStep}`, { cause })
  }
}
