/**
 * The contestants of `lag` and `broker`, on real servers at a tiny size: what they send has its effect once, round after round.
 */
import { describe, expect, it } from "vitest"
import { start as startBareKafka } from "../src/broker/BareKafka.ts"
import { start as startBareSql } from "../src/broker/BareSql.ts"
import { start as startBroker } from "../src/broker/Daybook.ts"
import type { Settings, Start } from "../src/Contestant.ts"
import { start as startLag } from "../src/lag/Daybook.ts"
import { start as startNotify } from "../src/lag/Notify.ts"
import { openServer } from "../src/Server.ts"

process.env.DATABASE_URL_BENCH ??= process.env.DATABASE_URL

const kafka = (process.env.KAFKA_BROKERS ?? "").split(",")[0]!

/** Two short rounds, and what is stored in the end. */
const twoRounds = async (start: Start, settings: Settings) => {
  await using server = await openServer()
  const contestant = await start(await server.database("contestant"), settings)
  try {
    const first = await contestant.round({ callers: 1, seconds: 0.2 })
    const second = await contestant.round({ callers: 1, seconds: 0.2 })
    return { first, sent: first.commands! + second.commands!, stored: await contestant.stored() }
  } finally {
    await contestant.close()
  }
}

describe("contestants of the lag benchmark", () => {
  it.each<[string, Start, Settings]>([
    ["the cart service", startLag, { apart: false, rate: 100 }],
    ["the cart service with a query side that hears of appends by notifications", startLag, { apart: true, rate: 100 }],
    ["a bare notification", startNotify, { rate: 100 }]
  ])("%s: all that was committed could be read", async (_, start, settings) => {
    const { first, sent, stored } = await twoRounds(start, settings)
    expect(first.commands).toBe(21)
    expect(stored).toBe(sent)
    expect(first.p50Millis).toBeGreaterThan(0)
    expect(first.p99Millis).toBeGreaterThanOrEqual(first.p50Millis!)
    expect(first.idleP95Millis).toBeGreaterThanOrEqual(first.idleP50Millis!)
  })
})

describe("contestants of the broker benchmark", () => {
  it.each<[string, Start, Settings, number]>([
    ["Daybook on SQL", startBroker, {}, 1_200],
    ["Daybook on Kafka", startBroker, { kafka }, 1_200],
    ["the bare table", startBareSql, {}, 4_200],
    ["bare Kafka", startBareKafka, { kafka }, 4_200]
  ])("%s: every message had its effect once", async (_, start, settings, messages) => {
    const { first, sent, stored } = await twoRounds(start, settings)
    expect(first.commands).toBe(messages)
    expect(stored).toBe(sent)
    expect(first.messagesPerSecond).toBeGreaterThan(0)
    expect(first.p95Millis).toBeGreaterThanOrEqual(first.p50Millis!)
  })
})
