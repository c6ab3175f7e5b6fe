/**
 * How to reach a Kafka cluster, and what to ask of it. Used by `KafkaBroker`; `fromEnvironment` reads it from `KAFKA_…`.
 */
import * as Config from "effect/Config"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"

/** Encryption. Files are PEM and read when the broker's layer is built. `{}` checks the cluster's certificate as browsers do. */
export interface KafkaTls {
  /** The authorities that may have signed the cluster's certificate, instead of those that Node trusts. */
  readonly caFile?: string | undefined
  /** The certificate by which a cluster that asks for one knows this client, and its key. */
  readonly certificateFile?: string | undefined
  readonly keyFile?: string | undefined
}

export const saslMechanisms = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] as const

/** A user name and password. SCRAM never sends the password; PLAIN does, so use it over TLS only. */
export interface KafkaSasl {
  readonly mechanism: (typeof saslMechanisms)[number]
  readonly username: string
  readonly password: Redacted.Redacted
}

export const compressions = ["none", "lz4", "zstd"] as const

/** The defaults suit a cluster of several nodes as well as one node on a developer's machine. */
export interface KafkaSettings {
  /** `host:port` of some of the cluster's nodes; the others are found from them. */
  readonly brokers: ReadonlyArray<string>
  /** What the cluster's logs and quotas know this process by. Default `daybook`. */
  readonly clientId?: string | undefined
  readonly tls?: KafkaTls | undefined
  readonly sasl?: KafkaSasl | undefined
  /** Whether topics that do not exist are created. Default true; turn it off where operators create them. */
  readonly createTopics?: boolean | undefined
  /** Partitions of a topic that is created: as many subscribers of a group can work at once. Default 8. */
  readonly partitions?: number | undefined
  /** Replicas of a topic that is created. Default: the cluster's own (`default.replication.factor`). */
  readonly replication?: number | undefined
  /** How batches are compressed, on the wire and on disk. Default `lz4`. */
  readonly compression?: (typeof compressions)[number] | undefined
  /** The largest message, in bytes of its CloudEvent. Default 1,000,000, which fits Kafka's default `max.message.bytes`. */
  readonly maxMessageBytes?: number | undefined
  /**
   * How long a subscriber may be silent before its group gives its partitions to others, and how long a subscription waits
   * for a cluster that has stopped answering. Default 30,000; the cluster sets limits (`group.min.session.timeout.ms`).
   */
  readonly sessionTimeoutMillis?: number | undefined
}

const optional = <A>(config: Config.Config<A>): Config.Config<A | undefined> =>
  Config.map(Config.option(config), Option.getOrUndefined)

const count = (name: string, minimum: number) =>
  optional(Config.schema(Schema.Int.check(Schema.isGreaterThanOrEqualTo(minimum)), name))

const brokers: Config.Config<ReadonlyArray<string>> = Config.map(Config.NonEmptyString("KAFKA_BROKERS"), (list) =>
  list
    .split(",")
    .map((broker) => broker.trim())
    .filter((broker) => broker !== "")
)

const tls: Config.Config<KafkaTls | undefined> = Config.all({
  wanted: Config.withDefault(Config.Boolean("KAFKA_TLS"), false),
  caFile: optional(Config.String("KAFKA_TLS_CA_FILE")),
  certificateFile: optional(Config.String("KAFKA_TLS_CERTIFICATE_FILE")),
  keyFile: optional(Config.String("KAFKA_TLS_KEY_FILE"))
}).pipe(Config.map(({ wanted, ...files }) => (wanted ? files : undefined)))

const sasl: Config.Config<KafkaSasl | undefined> = optional(
  Config.all({
    mechanism: Config.Literals(saslMechanisms, "KAFKA_SASL_MECHANISM"),
    username: Config.String("KAFKA_SASL_USERNAME"),
    password: Config.Redacted("KAFKA_SASL_PASSWORD")
  })
)

/** The settings from `KAFKA_BROKERS` and the other variables that docs/guides/kafka.md lists. */
export const fromEnvironment: Config.Config<KafkaSettings> = Config.all({
  brokers,
  clientId: optional(Config.NonEmptyString("KAFKA_CLIENT_ID")),
  tls,
  sasl,
  createTopics: optional(Config.Boolean("KAFKA_CREATE_TOPICS")),
  partitions: count("KAFKA_TOPIC_PARTITIONS", 1),
  replication: count("KAFKA_TOPIC_REPLICATION", 1),
  compression: optional(Config.Literals(compressions, "KAFKA_COMPRESSION")),
  maxMessageBytes: count("KAFKA_MAX_MESSAGE_BYTES", 1_000),
  sessionTimeoutMillis: count("KAFKA_SESSION_TIMEOUT_MILLIS", 1_000)
})
