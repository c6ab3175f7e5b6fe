/**
 * The log of messages in memory, for `Broker.layerMemory`.
 */
import * as Effect from "effect/Effect"
import type { LogEntry, MessageLog, NewLogEntry } from "./MessageLog.ts"
import * as Partition from "./Partition.ts"
import { Signals } from "./Signal.ts"

export class MemoryMessageLog implements MessageLog {
  readonly partitions: number
  readonly durable = false
  readonly #signals = new Signals()
  readonly #topics = new Map<string, ReadonlyArray<Array<LogEntry>>>()

  constructor(partitions: number) {
    this.partitions = partitions
  }

  #topic(name: string): ReadonlyArray<Array<LogEntry>> {
    const topic = this.#topics.get(name) ?? Array.from({ length: this.partitions }, () => [])
    this.#topics.set(name, topic)
    return topic
  }

  signalOf: MessageLog["signalOf"] = (topic) => this.#signals.of(topic)

  append = (topic: string, entries: ReadonlyArray<NewLogEntry>): Effect.Effect<void> =>
    Effect.sync(() => {
      for (const { key, text } of entries) {
        const log = this.#topic(topic)[Partition.ofId(key, this.partitions)]!
        log.push({ position: log.length + 1, text })
      }
      this.signalOf(topic).notify()
    })

  heads = (topic: string): Effect.Effect<ReadonlyArray<number>> =>
    Effect.sync(() => this.#topic(topic).map((log) => log.length))

  read: MessageLog["read"] = (topic, { partition, after, limit }) =>
    Effect.sync(() => this.#topic(topic)[partition]!.slice(after, after + limit))
}
