/**
 * The log of messages in memory, for `Broker.layerMemory`.
 */
import * as Effect from "effect/Effect"
import type { LogEntry, MessageLog, NewLogEntry } from "./MessageLog.ts"
import * as Partition from "./Partition.ts"
import { Signal, Signals } from "./Signal.ts"

export class MemoryMessageLog implements MessageLog {
  readonly partitions: number
  readonly durable = false
  readonly others = new Signal()
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
        const partition = Partition.ofId(key, this.partitions)
        const log = this.#topic(topic)[partition]!
        log.push({ partition, position: log.length + 1, text })
      }
      this.signalOf(topic).notify()
    })

  read: MessageLog["read"] = (topic, { after, each, all }) =>
    Effect.sync(() => {
      const logs = this.#topic(topic)
      const found = after.map(({ partition, position }) => logs[partition]!.slice(position, position + each))
      const rows = Array.from({ length: Math.max(0, ...found.map(({ length }) => length)) }, (_, row) => row)
      return rows.flatMap((row) => found.flatMap((entries) => entries.slice(row, row + 1))).slice(0, all)
    })
}
