/**
 * `daybook storage`: what each service takes in its database, how fast it grows, and when there will be too much. Changes nothing.
 */
import { reasonOf } from "@daybook/core/Problem"
import * as SqlStorage from "@daybook/postgres/SqlStorage"
import { database } from "@daybook/shop/Place"
import * as Settings from "@daybook/shop/Settings"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { bytes, parseBytes } from "./Bytes.ts"
import { json } from "./Flags.ts"
import * as Journals from "./Journals.ts"
import * as Forecast from "./StorageForecast.ts"
import { type Cell, group, table } from "./Table.ts"

/** What a service takes. */
interface ServiceStorage {
  readonly service: Settings.ServiceName
  readonly totalBytes: number
  readonly tables: ReadonlyArray<SqlStorage.TableSize>
  readonly journal: SqlStorage.JournalSize
  readonly growth: Forecast.Growth
}

/** What the command found. */
interface Found {
  readonly services: ReadonlyArray<ServiceStorage>
  readonly totalBytes: number
  readonly bytesPerDay: number
  readonly forecast: ReadonlyArray<{ readonly days: number; readonly bytes: number }>
  readonly limit: { readonly bytes: number; readonly reachedInDays: number | null } | null
}

/** How far the forecast looks. */
const horizons = [30, 90, 365]

/** One service. Both its databases are looked at; where they are one, its schema there is one too. */
const measure = Effect.fnUntraced(function* (
  { service, schema, sides, context: writeSide, build }: Journals.Journal,
  days: number
) {
  const journal = (yield* Effect.provideContext(SqlStorage.journalOf(schema), writeSide))!
  const places = sides.write === sides.read ? [writeSide] : [writeSide, yield* build(database(sides.read))]
  const sizes = yield* Effect.forEach(places, (side) => Effect.provideContext(SqlStorage.tablesOf(schema), side))
  const tables = sizes.flatMap((size) => size.tables)
  const totalBytes = tables.reduce((sum, one) => sum + one.bytes, 0)
  const nowMillis = yield* Clock.currentTimeMillis
  const growth = Forecast.growthOf({ nowMillis, totalBytes, journal }, days)
  return { service, totalBytes, tables, journal, growth } satisfies ServiceStorage
})

/** Every service that has run. */
const measureAll = Effect.fnUntraced(function* (days: number, limitBytes: number | undefined) {
  const services = yield* Effect.forEach(yield* Journals.open(Settings.serviceNames), (one) => measure(one, days))
  const totalBytes = services.reduce((sum, one) => sum + one.totalBytes, 0)
  const bytesPerDay = services.reduce((sum, one) => sum + one.growth.bytesPerDay, 0)
  const reached = limitBytes === undefined ? undefined : Forecast.daysUntil(limitBytes, totalBytes, bytesPerDay)
  return {
    services,
    totalBytes,
    bytesPerDay,
    forecast: horizons.map((ahead) => ({ days: ahead, bytes: totalBytes + ahead * bytesPerDay })),
    limit: limitBytes === undefined ? null : { bytes: limitBytes, reachedInDays: reached ?? null }
  } satisfies Found
}, Effect.scoped)

const sumBy = (
  shares: ReadonlyArray<SqlStorage.Share>,
  key: (share: SqlStorage.Share) => string
): ReadonlyMap<string, { readonly events: number; readonly bytes: number }> => {
  const sums = new Map<string, { events: number; bytes: number }>()
  for (const share of shares) {
    const sum = sums.get(key(share)) ?? { events: 0, bytes: 0 }
    sums.set(key(share), { events: sum.events + share.events, bytes: sum.bytes + share.bytes })
  }
  return sums
}

const size = (count: number): Cell => ({ right: bytes(count) })

const rowsOf = ({ service, totalBytes, journal }: ServiceStorage): ReadonlyArray<ReadonlyArray<Cell>> => {
  const about = journal.counted ? "" : "about "
  const types = [...sumBy(journal.shares, ({ streamType }) => streamType)].map(
    ([type, sum]): ReadonlyArray<Cell> => [
      service,
      `events of ${type}`,
      { right: `${about}${group(sum.events)}` },
      { right: `${about}${bytes(sum.bytes)}` }
    ]
  )
  return [...types, [service, "other tables", "", size(totalBytes - journal.bytes)]]
}

/** The newest days, a column a service. */
const daysOf = (services: ReadonlyArray<ServiceStorage>, days: number): ReadonlyArray<ReadonlyArray<Cell>> => {
  const sums = services.map(({ journal }) => sumBy(journal.shares, ({ day }) => day))
  const recent = [...new Set(sums.flatMap((sum) => [...sum.keys()]))].sort().slice(-days)
  return recent.map((day) => [
    day,
    ...sums.map((sum): Cell => sum.get(day)?.events ?? 0),
    size(sums.reduce((total, sum) => total + (sum.get(day)?.bytes ?? 0), 0))
  ])
}

const limitText = ({ bytes: limit, reachedInDays }: NonNullable<Found["limit"]>): string => {
  if (reachedInDays === null) return `${bytes(limit)} is not reached, as it is now.`
  if (reachedInDays === 0) return `${bytes(limit)} is reached already.`
  return `${bytes(limit)} is reached in ${reachedInDays === 1 ? "1 day" : `${group(reachedInDays)} days`}.`
}

const told = ({ services, totalBytes, bytesPerDay, forecast, limit }: Found, days: number): string => {
  if (services.length === 0) return "No service has run here yet."
  const rooms = table([
    ["SERVICE", "WHAT", { right: "EVENTS" }, { right: "SIZE" }],
    ...services.flatMap(rowsOf),
    ["all", "", "", size(totalBytes)]
  ])
  const columns = services.map(({ service }): Cell => ({ right: service.toUpperCase() }))
  const growth = table([["EVENTS OF", ...columns, { right: "SIZE OF EVENTS" }], ...daysOf(services, days)])
  const ahead = forecast.map((one) => `in ${one.days} days ${bytes(one.bytes)}`).join(", ")
  const estimated = services.some(({ journal }) => !journal.counted)
  return [
    rooms,
    growth,
    `It grows by ${bytes(bytesPerDay)} a day, as lately: ${ahead}.${limit === null ? "" : ` ${limitText(limit)}`}`,
    ...(estimated
      ? [
          "Sizes of tables are exact. What is said by kind of stream and by day is estimated from a sample of a large journal."
        ]
      : [])
  ].join("\n\n")
}

/** `daybook storage`. */
export const storageCommand = Command.make(
  "storage",
  {
    days: Flag.Int("days").pipe(
      Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 366 }))),
      Flag.withDescription("The days to show, and to go by in the forecast (default 14)"),
      Flag.withDefault(14)
    ),
    limit: Flag.String("limit").pipe(
      Flag.withMetavar("SIZE"),
      Flag.withDescription("Say when there will be as much as this, such as 100GB"),
      Flag.mapTryCatch(parseBytes, reasonOf),
      Flag.optional
    ),
    json
  },
  Effect.fn("Daybook.storage")(function* ({ days, limit, json }) {
    const found = yield* measureAll(days, Option.getOrUndefined(limit))
    yield* Console.log(json ? JSON.stringify(found) : told(found, days))
  })
).pipe(
  Command.withDescription(
    "Shows what each service takes in its database, by kind of stream and by day, indexes included, and what it will take if it goes on " +
      "like that. Reads at most 16 MB of each journal: what is estimated from that is said to be"
  ),
  Command.withShortDescription("Show what is stored, and how it grows"),
  Command.withExamples([
    { command: "daybook storage", description: "What there is, and in 30, 90 and 365 days" },
    { command: "daybook storage --limit 100GB", description: "And when a disk of 100 GB will be full" },
    { command: "daybook storage --json | jq '.services[] | {service, totalBytes}'", description: "For scripts" }
  ])
)
