/**
 * What this package's parts share when they speak to a cluster: the client's options, and its failures as ours.
 */
import { readFile } from "node:fs/promises"
import { isIP } from "node:net"
import { BrokerUnavailable } from "@daybook/core/BrokerProblems"
import type { BaseOptions } from "@platformatic/kafka"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { KafkaSasl, KafkaSettings, KafkaTls } from "./KafkaSettings.ts"

const retryAfterSeconds = 2
const connectTimeoutMillis = 5_000
/** Publishing is answered in milliseconds, or when replicas have caught up. */
const requestTimeoutMillis = 15_000

/** Doubling from 100 ms, at most one second: with four tries again, somewhat more than two seconds until a failure is told. */
const retries = 4
const retryDelay = (_client: object, _operation: string, attempt: number): number =>
  Math.min(1_000, 100 * 2 ** (attempt - 1))

/** The options of every client that is made. Reads the files of TLS; one that cannot be read is a defect. */
export const clientOptions = (settings: KafkaSettings): Effect.Effect<BaseOptions> =>
  Effect.gen(function* () {
    return {
      clientId: settings.clientId ?? "daybook",
      bootstrapBrokers: [...settings.brokers],
      connectTimeout: connectTimeoutMillis,
      requestTimeout: requestTimeoutMillis,
      retries,
      retryDelay,
      autocreateTopics: false,
      ...(settings.tls === undefined
        ? {}
        : { tls: yield* tlsOptions(settings.tls), tlsServerName: named(settings.brokers) }),
      ...(settings.sasl === undefined ? {} : { sasl: saslOptions(settings.sasl) })
    }
  })

/** TLS tells the server which name it is called by, which helps proxies of many clusters; an address is no name. */
const named = (brokers: ReadonlyArray<string>): boolean =>
  brokers.every((broker) => isIP(broker.slice(0, broker.lastIndexOf(":")).replace(/^\[|\]$/g, "")) === 0)

const tlsOptions = ({ caFile, certificateFile, keyFile }: KafkaTls) =>
  Effect.gen(function* () {
    return {
      ...(caFile === undefined ? {} : { ca: yield* pem(caFile) }),
      ...(certificateFile === undefined ? {} : { cert: yield* pem(certificateFile) }),
      ...(keyFile === undefined ? {} : { key: yield* pem(keyFile) })
    }
  })

const pem = (file: string): Effect.Effect<string> =>
  Effect.orDie(
    Effect.tryPromise({
      try: () => readFile(file, "utf8"),
      catch: (cause) => new Error(`Kafka's TLS file ${file} cannot be read: ${reasonOf(cause)}`, { cause })
    })
  )

const saslOptions = ({ mechanism, username, password }: KafkaSasl) => ({
  mechanism,
  username,
  // A function, so that a dump of the client's options does not show it.
  password: () => Redacted.value(password)
})

/** What went wrong in the last resort: the client wraps failures in failures, once for each try. */
export const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  const inner = error instanceof AggregateError ? error.errors.at(-1) : undefined
  if (inner !== undefined) return reasonOf(inner)
  return error.cause instanceof Error ? `${error.message} (${reasonOf(error.cause)})` : error.message
}

/** A failure of the cluster or of the way to it. */
export const unavailable = (what: string, reason: string): BrokerUnavailable =>
  new BrokerUnavailable({
    retryAfterSeconds,
    detail:
      `Kafka: ${what} failed (${reason}). It is tried again. Operators: check that the cluster runs, that KAFKA_BROKERS ` +
      "names it, and that this client may do that."
  })

/** Asks something of the cluster. */
export const ask = <A>(what: string, request: () => Promise<A>): Effect.Effect<A, BrokerUnavailable> =>
  Effect.tryPromise({ try: request, catch: (error) => unavailable(what, reasonOf(error)) })

const closeTimeout = "5 seconds"

/** Closes a client; one that does not answer is left to its connections' end. */
export const closing = (close: () => Promise<void>): Effect.Effect<void> =>
  Effect.tryPromise(close).pipe(Effect.timeout(closeTimeout), Effect.ignore)
