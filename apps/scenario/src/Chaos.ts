/**
 * Fate: kills processes one after the other at random moments and has them started again, and once Kafka too.
 */
import { setTimeout as sleep } from "node:timers/promises"
import type { Kafka } from "@daybook/infra/Kafka"
import type { Member } from "./Fleet.ts"
import { between, pick, type Random } from "./Random.ts"

/** How often each process is killed. */
export const killsOfEach = 5

export class Chaos {
  readonly #members: ReadonlyArray<Member>
  readonly #kafka: Kafka | undefined
  readonly #random: Random
  readonly #say: (what: string) => void
  brokerRestarts = 0

  constructor(
    members: ReadonlyArray<Member>,
    options: { readonly kafka: Kafka | undefined; readonly random: Random; readonly say: (what: string) => void }
  ) {
    this.#members = members
    this.#kafka = options.kafka
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
      if (this.progress >= 0.5 && this.brokerRestarts === 0) await this.#restartBroker()
    }
  }

  async #restartBroker(): Promise<void> {
    if (this.#kafka === undefined) return
    this.#say("killed Kafka")
    await this.#kafka.crash()
    await sleep(between(this.#random, 0, 1_000))
    await this.#kafka.recover()
    this.brokerRestarts++
    this.#say("Kafka is back")
  }
}
