/**
 * A real Apache Kafka for tests and benchmarks: one node (KRaft, broker and controller in one), its own data folder and ports,
 * on loopback, gone when stopped.
 *
 * Its durability is that of one Kafka node in production: an acknowledged message is in the operating system's memory, and
 * survives the end of the process. More than that comes from replicas, of which one node has none.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { freePort } from "./FreePort.ts"
import { type KafkaJars, kafkaJars } from "./KafkaJars.ts"

/** A running server. `stop` is idempotent; `await using` stops it too. */
export interface Kafka extends AsyncDisposable {
  /** `host:port`, as `KAFKA_BROKERS` wants it. */
  readonly brokers: string
  /** Ends the server as a failure would, in the middle of whatever it does. Its data stays. */
  readonly crash: () => Promise<void>
  /** Starts it again after a crash, with its data and at the same address. */
  readonly recover: () => Promise<void>
  readonly stop: () => Promise<void>
}

export interface KafkaOptions {
  /** Server settings (`server.properties` names) beside the defaults below. */
  readonly settings?: Readonly<Record<string, string>>
}

const defaults: Readonly<Record<string, string>> = {
  "process.roles": "broker,controller",
  "node.id": "1",
  "controller.listener.names": "CONTROLLER",
  "inter.broker.listener.name": "PLAINTEXT",
  "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
  // A topic that nobody created is a mistake, not a topic with the server's idea of partitions.
  "auto.create.topics.enable": "false",
  // One node has one replica of everything.
  "offsets.topic.replication.factor": "1",
  "transaction.state.log.replication.factor": "1",
  "transaction.state.log.min.isr": "1",
  "share.coordinator.state.topic.replication.factor": "1",
  // Fifty by default, which a small machine takes seconds to create.
  "offsets.topic.num.partitions": "4",
  // How long a server that comes back after a crash waits for its own former self to be declared dead: 9 s by default.
  "broker.session.timeout.ms": "3000",
  "broker.heartbeat.interval.ms": "500",
  // A first member waits 3 s for others by default. Tests start groups by the dozen.
  "group.initial.rebalance.delay.ms": "0",
  "group.min.session.timeout.ms": "1000"
}

const startAttempts = 3
const readyTimeoutMillis = 90_000
const stopTimeoutMillis = 30_000

const running = (server: ChildProcess | undefined): server is ChildProcess =>
  server?.pid !== undefined && server.exitCode === null && server.signalCode === null

/** Starts a server and waits until it answers clients. If the process exits without `stop`, the server is killed. */
export const startKafka = async (options: KafkaOptions = {}): Promise<Kafka> => {
  const jars = kafkaJars()
  const folder = mkdtempSync(join(tmpdir(), "daybook-kafka-"))
  let server: ChildProcess | undefined
  const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
  const abandon = () => {
    server?.kill("SIGKILL")
    remove()
  }
  process.once("exit", abandon)
  const stop = async () => {
    if (running(server)) await end(server, "SIGTERM")
    process.off("exit", abandon)
    remove()
  }
  const start = (): Promise<string | undefined> => {
    server = launch(jars, folder)
    return ready(server)
  }
  try {
    for (let attempt = 1; ; attempt++) {
      const brokers = await configure(folder, options.settings)
      format(jars, folder)
      const failure = await start()
      if (failure === undefined) return handle({ brokers, ...failing(() => server, start), stop })
      // Another process may take a port between choosing and binding it.
      if (attempt === startAttempts || !failure.includes("Address already in use")) {
        throw new Error(`Kafka did not start: ${failure}`)
      }
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Writes the server's properties with ports of their own, and answers the address for clients. */
const configure = async (folder: string, settings: KafkaOptions["settings"]): Promise<string> => {
  const [port, controllerPort] = [await freePort(), await freePort()]
  const brokers = `127.0.0.1:${port}`
  const all = {
    ...defaults,
    listeners: `PLAINTEXT://${brokers},CONTROLLER://127.0.0.1:${controllerPort}`,
    "advertised.listeners": `PLAINTEXT://${brokers}`,
    "controller.quorum.voters": `1@127.0.0.1:${controllerPort}`,
    "log.dirs": join(folder, "data"),
    ...settings
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}=${value}\n`)
  writeFileSync(join(folder, "server.properties"), lines.join(""))
  return brokers
}

/** A KRaft server starts only on a folder that was formatted for its cluster. */
const format = ({ java, classPath }: KafkaJars, folder: string): void => {
  // The first digit is 0, since an id that begins with a hyphen would be taken for an option.
  const clusterId = Buffer.from(crypto.randomUUID().replaceAll("-", "").replace(/^./, "0"), "hex").toString("base64url")
  const tool = ["-XX:TieredStopAtLevel=1", "-cp", classPath, "kafka.tools.StorageTool"]
  const args = ["format", "--ignore-formatted", "--cluster-id", clusterId, "--config", properties(folder)]
  try {
    execFileSync(java, [...tool, ...args], { encoding: "utf8", stdio: "pipe" })
  } catch (cause) {
    const { stdout = "", stderr = "" } = cause as { stdout?: string; stderr?: string }
    throw new Error(`Kafka's folder could not be prepared: ${`${stdout}${stderr}`.trim() || String(cause)}`, { cause })
  }
}

const properties = (folder: string): string => join(folder, "server.properties")

const launch = ({ java, classPath }: KafkaJars, folder: string): ChildProcess => {
  const machine = ["-Xms256m", "-Xmx1g", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-Djava.awt.headless=true"]
  const log = ["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
  const announce = ["-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info"]
  return spawn(java, [...machine, ...log, ...announce, "-cp", classPath, "kafka.Kafka", properties(folder)], {
    cwd: folder,
    // Its own process group: Ctrl-C must reach the tests first, and the server only when they have ended.
    detached: true,
    stdio: ["ignore", "ignore", "pipe"]
  })
}

/** Resolves when the server answers clients, or to the reason why it never will. */
const ready = (server: ChildProcess): Promise<string | undefined> =>
  new Promise((resolve) => {
    let log = ""
    const settle = (failure?: string) => {
      clearTimeout(timer)
      server.stderr?.off("data", read).resume()
      resolve(failure === undefined ? undefined : `${failure}\n${log}`)
    }
    const read = (text: string) => {
      log += text
      if (log.includes("Kafka Server started")) settle()
    }
    const timer = setTimeout(settle, readyTimeoutMillis, `not ready after ${readyTimeoutMillis} ms`)
    server.once("error", (error) => settle(error.message))
    // "close" rather than "exit": only then has all of the log been read.
    server.once("close", (code, signal) => settle(`it ended with ${code ?? signal}`))
    server.stderr?.setEncoding("utf8").on("data", read)
  })

const end = async (server: ChildProcess, signal: "SIGTERM" | "SIGKILL"): Promise<void> => {
  const exited = once(server, "exit")
  server.kill(signal)
  const timer = setTimeout(() => server.kill("SIGKILL"), stopTimeoutMillis)
  await exited
  clearTimeout(timer)
}

const failing = (current: () => ChildProcess | undefined, start: () => Promise<string | undefined>) => ({
  crash: async () => {
    const server = current()
    if (running(server)) await end(server, "SIGKILL")
  },
  recover: async () => {
    const failure = await start()
    if (failure !== undefined) throw new Error(`Kafka did not start again: ${failure}`)
  }
})

const handle = (server: Omit<Kafka, typeof Symbol.asyncDispose>): Kafka => {
  let stopping: Promise<void> | undefined
  const stop = () => {
    stopping ??= server.stop()
    return stopping
  }
  return { ...server, stop, [Symbol.asyncDispose]: stop }
}
