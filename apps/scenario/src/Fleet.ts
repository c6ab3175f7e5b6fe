/**
 * The shop's processes: started, killed and started again as an operator, or fate, would.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { appendFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { freePort } from "@daybook/infra/FreePort"

const main = fileURLToPath(import.meta.resolve("@daybook/shop/main"))
const readyWithinMillis = 120_000

/** A process that is to run. */
export interface Planned {
  readonly name: string
  readonly services: ReadonlyArray<string>
  readonly settings: Readonly<Record<string, string>>
}

/** A process of the shop. */
export class Member {
  readonly name: string
  readonly port: number
  kills = 0
  readonly #planned: Planned
  readonly #log: string
  #child: ChildProcess | undefined

  constructor(planned: Planned, port: number, folder: string) {
    this.name = planned.name
    this.port = port
    this.#planned = planned
    this.#log = join(folder, `${planned.name}.log`)
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** Starts it and waits until it is ready. */
  async start(): Promise<void> {
    const { DATABASE_URL, KAFKA_BROKERS, ...environment } = process.env
    const { services, settings } = this.#planned
    const child = spawn(process.execPath, [main, "--services", services.join(",")], {
      env: { ...environment, ...settings, PORT: String(this.port), HOST: "127.0.0.1" },
      stdio: ["ignore", "pipe", "pipe"]
    })
    this.#child = child
    const abandon = () => child.kill("SIGKILL")
    process.once("exit", abandon)
    child.once("close", () => process.off("exit", abandon))
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => appendFileSync(this.#log, text))
    const givingUpAt = performance.now() + readyWithinMillis
    while (!(await this.#isReady())) {
      if (child.exitCode !== null) throw new Error(`The process ${this.name} ended by itself; see ${this.#log}`)
      if (performance.now() > givingUpAt) throw new Error(`The process ${this.name} is not ready; see ${this.#log}`)
      await sleep(100)
    }
  }

  async #isReady(): Promise<boolean> {
    try {
      return (await fetch(`${this.url}/health/ready`, { signal: AbortSignal.timeout(3_000) })).ok
    } catch {
      return false
    }
  }

  /** Ends it without warning, in the middle of whatever it does. */
  async kill(): Promise<void> {
    this.kills++
    await this.#end("SIGKILL")
  }

  async stop(): Promise<void> {
    const patience = setTimeout(() => this.#child?.kill("SIGKILL"), 20_000)
    await this.#end("SIGTERM")
    clearTimeout(patience)
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const closed = once(child, "close")
    child.kill(signal)
    await closed
  }
}

/** The processes of a run. */
export class Fleet implements AsyncDisposable {
  readonly members: ReadonlyArray<Member>
  readonly #byService: ReadonlyMap<string, Member>

  private constructor(members: ReadonlyArray<Member>, planned: ReadonlyArray<Planned>) {
    this.members = members
    this.#byService = new Map(planned.flatMap(({ services }, i) => services.map((name) => [name, members[i]!])))
  }

  /** Starts them all; their output goes into files of the folder. */
  static async start(planned: ReadonlyArray<Planned>, folder: string): Promise<Fleet> {
    const members: Array<Member> = []
    for (const one of planned) members.push(new Member(one, await freePort(), folder))
    const fleet = new Fleet(members, planned)
    try {
      await Promise.all(members.map((member) => member.start()))
    } catch (error) {
      await fleet[Symbol.asyncDispose]()
      throw error
    }
    return fleet
  }

  /** Where a service answers. */
  urlOf(service: string): string {
    return this.#byService.get(service)!.url
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.members.map((member) => member.stop()))
  }
}
