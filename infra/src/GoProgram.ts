/**
 * Builds a program from its Go module, once, into a cache: stripe-mock, an S3-compatible store. Go is found on the search path, or
 * installed where that can be done unasked: on a Debian-like system, as root. A Go that is too old for the module fetches a newer one
 * as a module. Anywhere else the error says what the person should do.
 */
import { execFileSync } from "node:child_process"
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs"
import { homedir, tmpdir } from "node:os"
import { join } from "node:path"

/** A program, and where it is in a module. */
export interface GoProgram {
  readonly name: string
  readonly version: string
  /** The module's package, whose last part is the program's name. */
  readonly package: string
  /** The variable that names a server of one's own instead. */
  readonly variable: string
}

/** The first Go that fetches the version that a module asks for by itself. */
const oldestGo = 21
/** What an older Go fetches. */
const newerGo = "go1.24.0"

const nextStep = ({ name, variable }: GoProgram): string =>
  `Install Go 1.21 or later (https://go.dev/dl, or Debian: apt-get install golang-go), or set ${variable} to the address of ` +
  `a ${name} of your own.`

/** The program's path; builds it if it is not there. Throws with the next step when that cannot be done. */
export const goProgram = (program: GoProgram): string => {
  const folder = join(cacheFolder(), `${program.name}-${program.version}`)
  if (!existsSync(folder)) build(program, findGo(program), folder)
  return join(folder, program.name)
}

/** Outside the working tree, so that a fresh clone on the same machine builds nothing. */
const cacheFolder = (): string => join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "daybook")

/** Where Go's own installer and Debian put it. */
const candidates = ["go", "/usr/local/go/bin/go", "/usr/lib/go/bin/go"]

const findGo = (program: GoProgram): string => {
  const found = newest() ?? installed(program)
  return minorOf(found) >= oldestGo ? found : fetched(program, found)
}

const newest = (): string | undefined => {
  const [best] = candidates.toSorted((a, b) => minorOf(b) - minorOf(a))
  return best !== undefined && minorOf(best) > 0 ? best : undefined
}

/** The 22 of Go 1.22; 0 when it is none. */
const minorOf = (go: string): number => {
  try {
    const said = execFileSync(go, ["version"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })
    return Number(/ go1\.(\d+)/.exec(said)?.[1] ?? 0)
  } catch {
    return 0
  }
}

const installed = (program: GoProgram): string => {
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) {
    throw new Error(`${program.name} is built with Go, which was not found. ${nextStep(program)}`)
  }
  process.stderr.write("Go is missing: installing it with apt-get\n")
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" }
  try {
    execFileSync("apt-get", ["update", "-q"], { env, stdio: ["ignore", 2, 2] })
    const options = ["-q", "-y", "--no-install-recommends"]
    execFileSync("apt-get", ["install", ...options, "golang-go", "ca-certificates"], { env, stdio: ["ignore", 2, 2] })
  } catch (cause) {
    throw new Error(`apt-get could not install golang-go (its output is above). ${nextStep(program)}`, { cause })
  }
  const found = newest()
  if (found === undefined) throw new Error(`golang-go was installed, but go is not to be found. ${nextStep(program)}`)
  return found
}

const architectures: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" }

/** Go's toolchains are modules, which older Gos can download without knowing what they are. Their programs come without the right to run. */
const fetched = (program: GoProgram, go: string): string => {
  const toolchain = `golang.org/toolchain@v0.0.1-${newerGo}.${process.platform}-${architectures[process.arch] ?? process.arch}`
  process.stderr.write(`${go} is older than Go 1.${oldestGo}: fetching ${toolchain}\n`)
  try {
    const said = execFileSync(go, ["mod", "download", "-json", toolchain], {
      cwd: tmpdir(),
      encoding: "utf8",
      stdio: ["ignore", "pipe", 2],
      maxBuffer: 1_000_000
    })
    const { Dir: folder } = JSON.parse(said) as { readonly Dir: string }
    for (const programs of ["bin", `pkg/tool/${process.platform}_${architectures[process.arch] ?? process.arch}`]) {
      for (const name of readdirSync(join(folder, programs))) chmodSync(join(folder, programs, name), 0o755)
    }
    return join(folder, "bin", "go")
  } catch (cause) {
    throw new Error(`A newer Go could not be fetched: ${String(cause)}. ${nextStep(program)}`, { cause })
  }
}

/** Into a folder beside, renamed when complete: whoever finds the folder finds the program, and two at once do no harm. */
const build = (program: GoProgram, go: string, folder: string): void => {
  process.stderr.write(`${program.name} is missing: Go builds it into ${folder}, once\n`)
  mkdirSync(cacheFolder(), { recursive: true })
  const partial = mkdtempSync(`${folder}-`)
  try {
    const env = { ...process.env, GOBIN: partial, GOFLAGS: "-buildvcs=false" }
    execFileSync(go, ["install", `${program.package}@${program.version}`], {
      cwd: partial,
      env,
      stdio: ["ignore", 2, 2]
    })
    renameSync(partial, folder)
  } catch (cause) {
    rmSync(partial, { recursive: true, force: true })
    if (existsSync(folder)) return
    throw new Error(
      `Go could not build ${program.name} (its output is above). Check that Go reaches its module proxy, and run this again. ${nextStep(program)}`,
      { cause }
    )
  }
}
