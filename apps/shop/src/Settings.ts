/**
 * What the shop reads from its environment. Every setting has a default that works on a fresh machine.
 */
import { existsSync, mkdirSync } from "node:fs"
import { dirname, join } from "node:path"
import { longestMillis, type Patience } from "@daybook/core/Saga"
import { defaultAnswerMillis } from "@daybook/postgres/AnswerLimit"
import type { Location } from "@daybook/postgres/Database"
import { type Deadlines, defaultDeadlines } from "@daybook/services/checkout/Saga"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"

/** Where a service keeps its two sides. The same object for both when they share a database. */
export interface Sides {
  readonly write: Location
  readonly read: Location
}

/** Where the server listens, and how long a request may wait for a database (default 15 seconds). */
export interface Listen {
  readonly host: string
  readonly port: number
  readonly answerMillis?: number | undefined
}

const wholeNumber = (name: string, fallback: number, maximum: number, minimum = 1): Config.Config<number> =>
  Config.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })), name).pipe(Config.withDefault(fallback))

const millisOf = (seconds: number): number => seconds * 1000

/**
 * `ANSWER_WITHIN_SECONDS` (default 15): how long to wait for a PostgreSQL server that does not answer, in milliseconds. Commands and
 * queries then answer 503.
 */
export const answerMillis: Config.Config<number> = Config.map(
  wholeNumber("ANSWER_WITHIN_SECONDS", defaultAnswerMillis / 1000, 3_600),
  millisOf
)

/** `HOST` (default 127.0.0.1: this machine alone) and `PORT` (default 3000). */
export const listen: Config.Config<Listen> = Config.all({
  host: Config.String("HOST").pipe(Config.withDefault("127.0.0.1")),
  port: Config.Port("PORT").pipe(Config.withDefault(3000)),
  answerMillis
})

/**
 * `SHUTDOWN_DELAY_SECONDS` (default 0), in milliseconds: for how long a process that is asked to stop goes on serving requests, no longer
 * ready, before it begins to stop.
 */
export const shutdownDelayMillis: Config.Config<number> = Config.map(
  wholeNumber("SHUTDOWN_DELAY_SECONDS", 0, 3_600, 0),
  millisOf
)

const url = (name: string) => Config.option(Config.Redacted(name))

/** `DAYBOOK_HOME` (default `.daybook`): the folder of the embedded store. */
export const home: Config.Config<string> = Config.String("DAYBOOK_HOME").pipe(Config.withDefault(".daybook"))

/** A file that a variable names, by default one in `DAYBOOK_HOME`. */
const fileAt = (variable: string, inHome: string): Config.Config<string> =>
  Config.map(Config.all({ chosen: Config.option(Config.NonEmptyString(variable)), home }), ({ chosen, home }) =>
    Option.getOrElse(chosen, () => join(home, inHome))
  )

const locations = new Map<string, Location>()

/** One object for each place, so that layers built from it are shared. */
const at = (key: string, location: Location): Location => {
  const known = locations.get(key) ?? location
  locations.set(key, known)
  return known
}

/** A place of its own, or else `DATABASE_URL`, or else the embedded store. */
const locate = (own: Option.Option<Redacted.Redacted>): Effect.Effect<Location, Config.ConfigError> =>
  Effect.gen(function* () {
    const shared = yield* url("DATABASE_URL")
    const found = Option.getOrUndefined(Option.orElse(own, () => shared))
    if (found !== undefined) {
      return at(`url ${Redacted.value(found)}`, { url: found, answerMillis: yield* answerMillis })
    }
    const folder = yield* home
    return at(`folder ${folder}`, { folder })
  })

/**
 * Where a service's data is: `<SERVICE>_WRITE_URL` and `<SERVICE>_READ_URL`, each by default `DATABASE_URL`, and without that
 * the embedded store in `DAYBOOK_HOME`.
 */
export const sides = (service: string): Effect.Effect<Sides, Config.ConfigError> =>
  Effect.gen(function* () {
    const prefix = service.toUpperCase()
    const write = yield* locate(yield* url(`${prefix}_WRITE_URL`))
    return { write, read: yield* locate(yield* url(`${prefix}_READ_URL`)) }
  })

/** `DAYBOOK_PARTITIONS`: how many partitions a journal gets when it is created. A partition is the unit of parallel work. */
export const partitions: Config.Config<number | undefined> = Config.schema(
  Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_024 })),
  "DAYBOOK_PARTITIONS"
).pipe(Config.option, Config.map(Option.getOrUndefined))

/** The services, in the order in which a checkout meets them; and the one that it does not meet. */
export const serviceNames = ["checkout", "cart", "order", "inventory", "payment", "privacy"] as const

/** A service of the shop. */
export type ServiceName = (typeof serviceNames)[number]

/**
 * What a process may do for its services. `command` and `query`: answer HTTP requests that change something, or ask something.
 * `projection`: keep read models up to date. `consumer`: everything that goes by message, reactions and deadlines included.
 */
export const roleNames = ["command", "query", "projection", "consumer"] as const

/** What a process does for its services. */
export type Role = (typeof roleNames)[number]

/** What a process does for its services. */
export type Roles = ReadonlySet<Role>

/**
 * `LEASE_SECONDS` (default 15), in milliseconds: how long a process that was killed keeps its share of the background work from
 * others. On the embedded store nobody waits for it. Kafka has its own, `KAFKA_SESSION_TIMEOUT_MILLIS`.
 */
export const leaseMillis: Config.Config<number> = Config.map(wholeNumber("LEASE_SECONDS", 15, 3_600), millisOf)

/** `BROKER`: `sql` (default), in a database, or `kafka`, at `KAFKA_BROKERS`. */
export const brokerKind = Config.Literals(["sql", "kafka"], "BROKER").pipe(Config.withDefault("sql" as const))

/** Where the broker on SQL is: `BROKER_URL`, by default `DATABASE_URL`, and without that the embedded store. */
export const brokerLocation: Effect.Effect<Location, Config.ConfigError> = Effect.flatMap(url("BROKER_URL"), locate)

/**
 * `PAYMENT_PROVIDER`: `simulated` (default), or `stripe`, with `STRIPE_API_KEY`, `STRIPE_WEBHOOK_SECRET` and `STRIPE_RETURN_URL`.
 * Stripe's webhooks go to `/payments/webhooks/stripe`.
 */
export const providerKind = Config.Literals(["simulated", "stripe"], "PAYMENT_PROVIDER").pipe(
  Config.withDefault("simulated" as const)
)

/**
 * `SIMULATED_PROVIDER_FILE`: where the simulated payment provider keeps its books, which outlive the shop as a real provider's
 * would. Default: in `DAYBOOK_HOME`, which is made if need be.
 */
export const providerFile: Effect.Effect<string, Config.ConfigError | Error> = Effect.gen(function* () {
  const file = yield* fileAt("SIMULATED_PROVIDER_FILE", "simulated-provider.sqlite")
  const folder = dirname(file)
  yield* Effect.try({
    try: () => existsSync(folder) || mkdirSync(folder),
    catch: (error) =>
      new Error(
        `The folder ${folder} of the simulated payment provider cannot be made: ${(error as Error).message}. Name one whose parent is ` +
          "there and writable, by DAYBOOK_HOME or SIMULATED_PROVIDER_FILE."
      )
  })
  return file
})

/**
 * `MASTER_KEY_FILE`: the master keys of personal data, the same for every process that seals or opens any. Default: in
 * `DAYBOOK_HOME`; made when something is first sealed.
 */
export const masterKeyFile: Config.Config<string> = fileAt("MASTER_KEY_FILE", "master-key")

/**
 * Whether the shop gets a stock of the demo catalogue when it starts: `DEMO_STOCK`, by default where the inventory is on the embedded
 * store and no `CART_PRICE_LIST` says what is for sale.
 */
export const demoStock: Effect.Effect<boolean, Config.ConfigError> = Effect.gen(function* () {
  const chosen = yield* Config.option(Config.Boolean("DEMO_STOCK"))
  if (Option.isSome(chosen)) return chosen.value
  const priceList = yield* Config.String("CART_PRICE_LIST").pipe(Config.withDefault(""))
  return priceList === "" && "folder" in (yield* sides("inventory")).write
})

/** `SEAL_KEY_FILE`: the private key that seals are signed with; by default `seal-key.pem` in `DAYBOOK_HOME`, made with the very first seal. */
export const sealKeyFile: Config.Config<string> = fileAt("SEAL_KEY_FILE", "seal-key.pem")

/**
 * `SEAL_AFTER_SECONDS` (default 60), in milliseconds: how long an event waits for its block to fill up before it is sealed in a
 * smaller one. 0: nothing is sealed in the background.
 */
export const sealAfterMillis: Config.Config<number> = Config.map(
  wholeNumber("SEAL_AFTER_SECONDS", 60, 86_400, 0),
  millisOf
)

/**
 * `PRUNE_EVERY_HOURS` (default 24), in milliseconds: how often events of level 2 are deleted whose time is over (7 days after
 * publication, unless the service says otherwise). 0: never; `daybook prune --now` does it then. Nothing goes that is not sealed.
 */
export const pruneEveryMillis: Config.Config<number> = Config.map(
  wholeNumber("PRUNE_EVERY_HOURS", 24, 8_784, 0),
  (hours) => hours * 3_600_000
)

const patience = (prefix: string, fallback: Patience): Config.Config<Patience> =>
  Config.map(
    Config.all({
      first: wholeNumber(`${prefix}_RETRY_SECONDS`, fallback.firstMillis / 1000, 86_400),
      most: wholeNumber(`${prefix}_RETRY_MAX_SECONDS`, fallback.maxMillis / 1000, 86_400),
      attempts: wholeNumber(`${prefix}_ATTEMPTS`, fallback.attempts, 10_000)
    }),
    ({ first, most, attempts }) => ({ firstMillis: first * 1000, maxMillis: Math.max(first, most) * 1000, attempts })
  )

/**
 * How long a checkout waits: `CHECKOUT_HOLD_MINUTES` for the stock that it holds; `CHECKOUT_RETRY_SECONDS`, doubled up to
 * `CHECKOUT_RETRY_MAX_SECONDS`, between `CHECKOUT_ATTEMPTS` of a command that is not answered; and the same for the payment, as
 * `CHECKOUT_PAYMENT_RETRY_SECONDS` and so on. After the last attempt an operator is asked.
 */
export const deadlines: Effect.Effect<Deadlines, Config.ConfigError | Error> = Effect.gen(function* () {
  const found = yield* givenDeadlines
  const paymentMinutes = Math.ceil(longestMillis(found.payment) / 60_000)
  if (found.holdMillis > paymentMinutes * 60_000) return found
  return yield* Effect.fail(
    new Error(
      `CHECKOUT_HOLD_MINUTES is ${found.holdMillis / 60_000}, and a payment is waited for as long as ${paymentMinutes} minutes: the stock could ` +
        "be given away while its buyer pays. Hold it for longer, or lower CHECKOUT_PAYMENT_ATTEMPTS or CHECKOUT_PAYMENT_RETRY_MAX_SECONDS."
    )
  )
})

const givenDeadlines: Config.Config<Deadlines> = Config.all({
  holdMillis: Config.map(
    wholeNumber("CHECKOUT_HOLD_MINUTES", defaultDeadlines.holdMillis / 60_000, 31 * 24 * 60),
    (minutes) => minutes * 60_000
  ),
  service: patience("CHECKOUT", defaultDeadlines.service),
  payment: patience("CHECKOUT_PAYMENT", defaultDeadlines.payment)
})
