/**
 * Finds what runs a Kafka server on this machine: Java 17 or later, and Kafka's jars, which Maven fetches once into a cache.
 * Java and Maven are installed where that can be done unasked: on a Debian-like system, as root. Anywhere else the error
 * says what the person should do.
 */
import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"

const pom = join(import.meta.dirname, "../kafka/pom.xml")
const oldestJava = 17

const nextStep =
  "Install Java 17 or later and Maven (Debian: apt-get install default-jre-headless maven; macOS: brew install openjdk maven), " +
  "or set DAYBOOK_TEST_KAFKA_BROKERS to the addresses of a Kafka that tests may write to."

/** How to run a class of Kafka's. */
export interface KafkaJars {
  readonly java: string
  readonly classPath: string
}

/** Finds Java and the jars; installs and downloads what is missing, if it can. Throws with the next step otherwise. */
export const kafkaJars = (): KafkaJars => {
  const java = findJava() ?? installed("Java 17 or later", ["default-jre-headless"], findJava)
  const jars = join(cacheFolder(), `kafka-${kafkaVersion()}`)
  if (!existsSync(jars)) {
    if (!runs("mvn")) installed("Maven", ["maven"], () => (runs("mvn") ? "mvn" : undefined))
    download(jars)
  }
  return { java, classPath: join(jars, "*") }
}

const kafkaVersion = (): string => {
  const version = /<version>([^<]+)<\/version>/.exec(readFileSync(pom, "utf8"))?.[1]
  if (version === undefined) throw new Error(`${pom} does not say a version.`)
  return version
}

/** Outside the working tree, so that a fresh clone on the same machine downloads nothing. */
const cacheFolder = (): string => join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "daybook")

const findJava = (): string | undefined => {
  const home = process.env.JAVA_HOME
  return [...(home === undefined ? [] : [join(home, "bin/java")]), "java"].find(
    (java) => javaVersion(java) >= oldestJava
  )
}

/** The feature version of a Java; 0 when it is none, or older than Java 9, which said `1.8`. */
const javaVersion = (java: string): number => {
  try {
    const said = execFileSync(java, ["--version"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })
    return Number(/ (\d+)/.exec(said)?.[1] ?? 0)
  } catch {
    return 0
  }
}

const runs = (program: string): boolean => {
  try {
    execFileSync(program, ["--version"], { stdio: "ignore" })
    return true
  } catch {
    return false
  }
}

const installed = (what: string, packages: ReadonlyArray<string>, find: () => string | undefined): string => {
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) {
    throw new Error(`Kafka needs ${what}, which was not found. ${nextStep}`)
  }
  process.stderr.write(`${what} is missing: installing it with apt-get\n`)
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" }
  try {
    execFileSync("apt-get", ["update", "-q"], { env, stdio: ["ignore", 2, 2] })
    const options = ["-q", "-y", "--no-install-recommends"]
    execFileSync("apt-get", ["install", ...options, ...packages], { env, stdio: ["ignore", 2, 2] })
  } catch (cause) {
    throw new Error(`apt-get could not install ${packages.join(" ")} (its output is above). ${nextStep}`, { cause })
  }
  const found = find()
  if (found === undefined) throw new Error(`${packages.join(" ")} was installed, but is not ${what}. ${nextStep}`)
  return found
}

/** Into a folder beside, renamed when complete: whoever finds the folder finds all of it, and two at once do no harm. */
const download = (jars: string): void => {
  process.stderr.write(`Kafka's jars are missing: Maven fetches them into ${jars}, once\n`)
  mkdirSync(cacheFolder(), { recursive: true })
  const partial = mkdtempSync(`${jars}-`)
  const copy = ["dependency:copy-dependencies", "-DincludeScope=runtime", `-DoutputDirectory=${partial}`]
  try {
    execFileSync("mvn", ["-q", "-B", "-f", pom, ...copy], { stdio: ["ignore", 2, 2] })
    renameSync(partial, jars)
  } catch (cause) {
    rmSync(partial, { recursive: true, force: true })
    if (existsSync(jars)) return
    throw new Error(
      "Maven could not fetch Kafka's jars (its output is above). Check that Maven reaches its repository, and run this again; " +
        "or set DAYBOOK_TEST_KAFKA_BROKERS to the addresses of a Kafka that tests may write to.",
      { cause }
    )
  }
}
