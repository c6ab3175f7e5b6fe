/**
 * `broker`: from the commit of an event to the committed effect of another service, through Kafka and through the SQL broker, each
 * beside the least that such a server has to do.
 */
import { reasonOf } from "@daybook/core/Problem"
import { type Kafka, startKafka } from "@daybook/infra/Kafka"
import type { Benchmark } from "../Benchmark.ts"
import { contest, type Entry, type Result, type Run } from "../Harness.ts"
import { packageVersion } from "../Machine.ts"
import { type Grid, lessIsBetter, moreIsBetter, type Report } from "../Report.ts"
import { ratios, type Spread } from "../Statistics.ts"
import { rate } from "./BrokerLoad.ts"

type Name = "daybookKafka" | "daybookSql" | "bareKafka" | "bareSql"

type Results = Readonly<Partial<Record<Name, Result>>>

const onSql: ReadonlyArray<Entry & { readonly name: Name }> = [
  { name: "daybookSql", contestant: "daybook", candidates: [{}] },
  { name: "bareSql", contestant: "bareSql", candidates: [{}] }
]

const onKafka = (kafka: string): ReadonlyArray<Entry & { readonly name: Name }> => [
  { name: "daybookKafka", contestant: "daybook", candidates: [{ kafka }] },
  { name: "bareKafka", contestant: "bareKafka", candidates: [{ kafka }] }
]

/** A cluster, or why there is none. `KAFKA_BROKERS_BENCH` names one to use instead of one that is started. */
const openKafka = async (): Promise<Pick<Kafka, "brokers" | "stop"> | { readonly missing: string }> => {
  const given = process.env.KAFKA_BROKERS_BENCH
  if (given !== undefined) return { brokers: given, stop: async () => {} }
  try {
    return await startKafka()
  } catch (error) {
    return { missing: reasonOf(error) }
  }
}

/** What was not measured: no number, which reaches no target. */
const unmeasured: Spread = { median: Number.NaN, min: Number.NaN, max: Number.NaN }

const shown = ["messagesPerSecond", "p50Millis", "p95Millis", "p99Millis", "cpuMicrosPerMessage"]

const gridOf = (results: Results): Grid => ({
  columns: ["", "messages/s", "p50 ms", "p95 ms", "p99 ms", "CPU µs/message"],
  rows: Object.entries(results).map(([name, { figures }]) => [
    name,
    ...shown.map((figure) => String(figures[figure]!.median))
  ])
})

const ratiosOf = (results: Results): Report["ratios"] => {
  const values = (result: Result, figure: string) => result.rounds.map((round) => round[figure]!)
  const between = (name: string, ours: Result | undefined, theirs: Result | undefined): Report["ratios"] => {
    if (ours === undefined || theirs === undefined) return {}
    const of = (figure: string) => ratios(values(ours, figure), values(theirs, figure))
    return {
      [`${name}RatioToBare`]: moreIsBetter(of("messagesPerSecond")),
      [`${name}P50RatioToBare`]: lessIsBetter(of("p50Millis"))
    }
  }
  return {
    ...between("kafka", results.daybookKafka, results.bareKafka),
    ...between("sql", results.daybookSql, results.bareSql)
  }
}

const chartOf = (results: Results, figure: string, file: string, title: string, unit: string) => ({
  file,
  title,
  unit,
  bars: Object.entries(results).map(([label, { figures }]) => ({
    label,
    value: figures[figure]!,
    kind: label.startsWith("daybook") ? ("daybook" as const) : ("limit" as const)
  }))
})

const reportOf = (results: Results, kafkaMissing: string | undefined): Report => {
  const figure = (name: Name, of: string) => results[name]?.figures[of] ?? unmeasured
  const kafka = {
    kafkaMessagesPerSecond: figure("daybookKafka", "messagesPerSecond"),
    kafkaP95Millis: figure("daybookKafka", "p95Millis"),
    kafkaSentPerSecond: figure("daybookKafka", "sentPerSecond")
  }
  return {
    figures: {
      ...kafka,
      sqlMessagesPerSecond: figure("daybookSql", "messagesPerSecond"),
      sqlP95Millis: figure("daybookSql", "p95Millis"),
      sqlSentPerSecond: figure("daybookSql", "sentPerSecond")
    },
    ratios: ratiosOf(results),
    targets: {
      kafkaMessagesPerSecond: { atLeast: 10_000 },
      kafkaP95Millis: { atMost: 50 },
      kafkaSentPerSecond: { atLeast: 0.98 * rate },
      sqlP95Millis: { atMost: 50 },
      sqlSentPerSecond: { atLeast: 0.98 * rate }
    },
    grids: [gridOf(results)],
    charts: [
      chartOf(
        results,
        "messagesPerSecond",
        "broker-throughput",
        "From publication to consumed effect",
        "messages per second, more is better"
      ),
      chartOf(
        results,
        "p95Millis",
        "broker-latency",
        `From commit to the consumer's effect at ${rate.toLocaleString("en")}/s, p95`,
        "milliseconds, less is better"
      )
    ],
    details: {
      contestants: results,
      rate,
      ...(kafkaMissing === undefined ? {} : { kafkaMissing }),
      versions: { "@platformatic/kafka": packageVersion("@platformatic/kafka"), effect: packageVersion("effect") }
    }
  }
}

/** Without Kafka, which takes as long to start as all the rest, and without latencies, which in seconds say little. */
const shortly = async (given: Run): Promise<Report> => {
  const report = reportOf(await contest(given, onSql), "not in the short form")
  const { sqlMessagesPerSecond } = report.figures
  const { sqlRatioToBare } = report.ratios
  return {
    ...report,
    figures: { sqlMessagesPerSecond: sqlMessagesPerSecond! },
    ratios: { sqlRatioToBare: sqlRatioToBare! },
    targets: {}
  }
}

const run = async (given: Run): Promise<Report> => {
  if (given.options.short) return shortly(given)
  const kafka = await openKafka()
  if ("missing" in kafka) {
    process.stderr.write(`broker: no Kafka, so that its part fails: ${kafka.missing}\n`)
    return reportOf(await contest(given, onSql), kafka.missing)
  }
  try {
    return reportOf(await contest(given, [...onKafka(kafka.brokers), ...onSql]), undefined)
  } finally {
    await kafka.stop()
  }
}

/** The benchmark. */
export const broker: Benchmark = {
  name: "broker",
  compares: "messages from one service's commit to another's effect, through Kafka and SQL, beside the bare servers",
  inShort: true,
  contestants: {
    daybook: () => import("./Daybook.ts"),
    bareKafka: () => import("./BareKafka.ts"),
    bareSql: () => import("./BareSql.ts")
  },
  run
}
