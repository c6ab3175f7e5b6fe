/**
 * The physical limit for Kafka: messages of the same kind are produced and consumed with the same client, and nothing is done with
 * them. No events, no publication, no inbox, no transaction; the consumer commits its place once a second. Used by `broker`.
 */
import { randomUUID } from "node:crypto"
import { Admin, Consumer, type MessageToProduce, Producer } from "@platformatic/kafka"
import type { Contestant, Settings } from "../Contestant.ts"
import { barelyPiledPerSecond, round, until } from "./BrokerLoad.ts"
import { sample } from "./Sample.ts"

/** A topic and group of its own for each run, since a cluster may have been used before. */
const topic = `bare-kafka-${randomUUID()}`
const partitions = 8
/** Messages of one request: as many as a publication has in a batch. */
const batchSize = 500

/** Sends messages with one request under way at a time; those that come meanwhile are the next one. Without that, each is a request. */
const grouped = (producer: Producer) => {
  let waiting: Array<MessageToProduce> = []
  let sending: Promise<unknown> | undefined
  const sendAll = async () => {
    while (waiting.length > 0) {
      const messages = waiting
      waiting = []
      await producer.send({ messages })
    }
    sending = undefined
  }
  return (message: MessageToProduce): Promise<unknown> => {
    waiting.push(message)
    sending ??= sendAll()
    return sending
  }
}

/** Starts a producer and a consumer, each with connections of its own. */
export const start = async (_databaseUrl: string, { kafka }: Settings): Promise<Contestant> => {
  const options = { clientId: "bare-kafka", bootstrapBrokers: [String(kafka)] }
  const admin = new Admin(options)
  await admin.createTopics({ topics: [topic], partitions, replicas: 1 })
  const producer = new Producer({ ...options, idempotent: true, compression: "lz4" })
  const consumer = new Consumer({ ...options, groupId: topic, maxWaitTime: 250 })
  const stream = await consumer.consume({ topics: [topic], mode: "earliest", autocommit: 1_000 })
  const send = grouped(producer)
  const awaited = new Map<string, () => void>()
  let piled: ReadonlyArray<MessageToProduce> = []
  let [expected, received] = [0, 0]
  stream.on("data", ({ key }) => {
    received++
    awaited.get(key.toString())?.()
  })
  const message = (key: string): MessageToProduce => {
    const nth = expected++
    return { topic, partition: nth % partitions, key: Buffer.from(key), value: Buffer.from(sample(nth, key)) }
  }
  return {
    round: (load) =>
      round(
        load,
        {
          pileUp: async (messages) => {
            piled = Array.from({ length: messages }, () => message(randomUUID()))
          },
          release: async () => {
            for (let sent = 0; sent < piled.length; sent += batchSize) {
              await producer.send({ messages: piled.slice(sent, sent + batchSize) })
            }
            await until(async () => received >= expected)
          },
          send: async () => {
            const key = randomUUID()
            const since = performance.now()
            const heard = new Promise<number>((resolve) => awaited.set(key, () => resolve(performance.now())))
            const [at] = await Promise.all([heard, send(message(key))])
            awaited.delete(key)
            return at - since
          }
        },
        barelyPiledPerSecond
      ),
    stored: async () => received,
    close: async () => {
      await stream.close()
      await Promise.all([producer.close(), consumer.close(true), admin.close()])
    }
  }
}
