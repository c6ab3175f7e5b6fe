/**
 * Two Kafka clients at the same work: `node compare.mjs <platformatic|confluent>`, with KAFKA_BROKERS set and the client
 * installed beside this file. docs/adr/0011-kafka-client.md has the figures.
 *
 * First throughput: batches of 100 messages of 500 bytes, one batch acknowledged before the next, while a consumer reads
 * them. Then latency: one message each 5 ms, from before publishing until the consumer has it. Producers are idempotent, with
 * all acknowledgements and lz4; consumers commit by themselves.
 */
const [name] = process.argv.slice(2)
const brokers = process.env.KAFKA_BROKERS.split(",")
const [batches, batchSize, singles] = [500, 100, 1_000]
const body = JSON.stringify({ text: "x".repeat(460) })
const topic = `compare-${name}-${Date.now()}`

const clients = {
  async platformatic(received) {
    const { Admin, Consumer, Producer } = await import("@platformatic/kafka")
    const options = { clientId: "compare", bootstrapBrokers: brokers }
    const admin = new Admin(options)
    await admin.createTopics({ topics: [topic], partitions: 8, replicas: 1 })
    const producer = new Producer({ ...options, idempotent: true, compression: "lz4" })
    const consumer = new Consumer({ ...options, groupId: topic, maxWaitTime: 250 })
    const stream = await consumer.consume({ topics: [topic], mode: "earliest", autocommit: 1_000 })
    stream.on("data", ({ key }) => received(key.toString()))
    return {
      publish: (messages) =>
        producer.send({
          messages: messages.map(({ key, partition }) => ({
            topic,
            partition,
            key: Buffer.from(key),
            value: Buffer.from(body)
          }))
        }),
      close: () => Promise.all([producer.close(), consumer.close(true), admin.close()])
    }
  },
  async confluent(received) {
    const { KafkaJS } = (await import("@confluentinc/kafka-javascript")).default
    const kafka = new KafkaJS.Kafka({ kafkaJS: { clientId: "compare", brokers, logLevel: KafkaJS.logLevel.ERROR } })
    const admin = kafka.admin()
    await admin.connect()
    await admin.createTopics({ topics: [{ topic, numPartitions: 8, replicationFactor: 1 }] })
    const producer = kafka.producer({
      kafkaJS: { idempotent: true, compression: KafkaJS.CompressionTypes.LZ4 },
      "linger.ms": 0
    })
    const consumer = kafka.consumer({ kafkaJS: { groupId: topic, fromBeginning: true, autoCommitInterval: 1_000 } })
    await Promise.all([producer.connect(), consumer.connect()])
    await consumer.subscribe({ topic })
    await consumer.run({
      partitionsConsumedConcurrently: 8,
      eachBatch: async ({ batch }) => {
        for (const { key } of batch.messages) received(key.toString())
      }
    })
    return {
      publish: (messages) =>
        producer.send({ topic, messages: messages.map(({ key, partition }) => ({ partition, key, value: body })) }),
      close: () => Promise.all([producer.disconnect(), consumer.disconnect(), admin.disconnect()])
    }
  }
}

const pause = (millis) => new Promise((resolve) => setTimeout(resolve, millis))
let count = 0
const sent = new Map()
const latencies = []
const client = await clients[name]((key) => {
  count++
  const since = sent.get(key)
  if (since !== undefined) latencies.push(performance.now() - since)
})
const until = async (n) => {
  while (count < n) await pause(1)
}

// Until the consumer has joined, and everything has run once.
for (let i = 0; i < 50; i++) await client.publish([{ key: `warm-${i}`, partition: i % 8 }])
await until(50)

const begun = performance.now()
for (let b = 0; b < batches; b++) {
  await client.publish(Array.from({ length: batchSize }, (_, i) => ({ key: `${b}-${i}`, partition: i % 8 })))
}
const published = performance.now()
await until(50 + batches * batchSize)
const received = performance.now()

const publishing = []
for (let i = 0; i < singles; i++) {
  const key = `single-${i}`
  sent.set(key, performance.now())
  publishing.push(client.publish([{ key, partition: i % 8 }]))
  await pause(5)
}
await Promise.all(publishing)
await until(50 + batches * batchSize + singles)
latencies.sort((a, b) => a - b)
const at = (share) => Number(latencies[Math.floor(latencies.length * share)].toFixed(2))
const perSecond = (millis) => Math.round((batches * batchSize * 1_000) / millis)
console.log(
  JSON.stringify({
    client: name,
    publishedPerSecond: perSecond(published - begun),
    receivedPerSecond: perSecond(received - begun),
    p50Millis: at(0.5),
    p95Millis: at(0.95),
    p99Millis: at(0.99)
  })
)
await client.close()
process.exit(0)
