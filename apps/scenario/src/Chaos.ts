/**
 * Fate: kills processes one after the other at random moments and has them started again, and once each server that they use.
 */
import { setTimeout as sleep } from "node:timers/promises"
import type { Member } from "./Fleet.ts"
import { between, pick, type Random } from "./Random.ts"

/** How often each process is killed. */
export const killsOfEach = 5

/** A server that the processes use: a database, a broker. */
export interface Server {
  readonly name: string
  /** Ends it as a failure would. */
  readonly crash: () => Promise<void>
  /** Starts it again with what it had stored. */
  readonly recover: () => Promise<void>
}

export class Chaos {
  readonly #members: ReadonlyArray<Member>
  readonly #servers: ReadonlyArray<Server>
  readonly #random: Random
  readonly #say: (what: string) => void
  /** The names of the servers that were killed and are back. */
  readonly restarted: Array<string> = []

  constructor(
    members: ReadonlyArray<Member>,
    options: {
      readonly servers: ReadonlyArray<Server>
      readonly random: Random
      readonly say: (what: string) => void
    }
  ) {
    this.#members = members
    this.#servers = options.servers
    this.#random = options.random
    this.#say = options.say
  }

  /** How much of it is done, from 0 to 1. */
  get progress(): number {
    const kills = this.#members.reduce((sum, { kills }) => sum + Math.min(kills, killsOfEach), 0)
    return kills / (this.#members.length * killsOfEach)
  }

  async run(): Promise<void> {
    while (this.progress < 1) {
      await sleep(between(this.#random, 300, 2_000))
      const left = this.#members.filter(({ kills }) => kills < killsOfEach)
      const member = pick(this.#random, left)
      await member.kill()
      this.#say(`killed ${member.name} (${member.kills} of ${killsOfEach})`)
      await sleep(between(this.#random, 0, 1_000))
      await member.start()
      await this.#restartDue()
    }
  }

  /** The servers have their turns in between: of two the first after a third of the kills, the other after two thirds. */
  async #restartDue(): Promise<void> {
    const due = this.#servers[this.restarted.length]
    if (due === undefined || this.progress < (this.restarted.length + 1) / (this.#servers.length + 1)) return
    await due.crash()
    this.#say(`killed ${due.name}`)
    await sleep(between(this.#random, 0, 1_000))
    await due.recover()
    this.restarted.push(due.name)
    this.#say(`${due.name} is back`)
  }
}
