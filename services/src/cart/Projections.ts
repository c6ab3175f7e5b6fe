/**
 * The cart's read models: the cart view with its lines, carts of a customer, abandoned carts, revenue by country and day.
 *
 * One projection writes them all, in the pattern "load, fold, save": the rows of the carts in a batch are read at once, the
 * events are folded into them in memory, and what changed is written at once, so that a batch costs a handful of statements
 * however many events it holds.
 */
import type { Recorded } from "@daybook/core/Event"
import * as Partition from "@daybook/core/Partition"
import * as Projection from "@daybook/core/Projection"
import { instantOf, millisOf } from "@daybook/postgres/Instants"
import { fromFiles, type MigrationSet } from "@daybook/postgres/Migrations"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { type CartEvent, CartEvents } from "./Events.ts"

/** The name on disk. */
export const cartViewsName = "cart-views"

/** The migrations of the read models. */
export const tables: MigrationSet = {
  name: "cart",
  migrations: fromFiles(new URL("./sql/", import.meta.url), ["001-read-models", "002-untouched"])
}

/** A row of `cart_view`. Times in milliseconds since 1970. */
interface Row {
  cartId: string
  version: number
  status: string
  customerId: string | null
  country: string | null
  currency: string
  checkoutId: string | null
  lineCount: number
  totalMinor: number
  openedAtMillis: number
  updatedAtMillis: number
  /** When the last event was recorded, which may be long after it occurred. */
  recordedAtMillis: number
  checkoutBegunAtMillis: number | null
}

/** A row of `cart_line`. */
interface LineRow {
  cartId: string
  lineId: string
  sku: string
  description: string
  quantity: number
  unitPriceMinor: number
  addedVersion: number
}

/** A change of one row of `revenue`. */
interface Revenue {
  country: string
  day: string
  currency: string
  carts: number
  totalMinor: number
}

/** What a batch changes, gathered in memory. `undefined` marks a line that is gone. */
class Changes {
  readonly carts = new Map<string, Row>()
  readonly lines = new Map<string, LineRow>()
  /** Lines that were written: to be upserted when still in `lines`, or else deleted. */
  readonly touched = new Map<string, { readonly cartId: string; readonly lineId: string }>()
  readonly revenue = new Map<string, Revenue>()

  addRevenue(row: Row, sign: 1 | -1): void {
    const day = new Date(row.checkoutBegunAtMillis!).toISOString().slice(0, 10)
    const country = row.country ?? "Unspecified"
    const key = `${country}|${day}|${row.currency}`
    const sum = this.revenue.get(key) ?? { country, day, currency: row.currency, carts: 0, totalMinor: 0 }
    sum.carts += sign
    sum.totalMinor += sign * row.totalMinor
    this.revenue.set(key, sum)
  }
}

const lineKey = (cartId: string, lineId: string): string => `${cartId}\n${lineId}`

const openedRow = (
  cartId: string,
  event: Extract<CartEvent, { _tag: "CartOpened" }>,
  { occurredAtMillis, recordedAtMillis }: Recorded<CartEvent>
): Row => ({
  cartId,
  version: 0,
  status: "open",
  customerId: event.customerId,
  country: event.country,
  currency: event.currency,
  checkoutId: null,
  lineCount: 0,
  totalMinor: 0,
  openedAtMillis: occurredAtMillis,
  updatedAtMillis: occurredAtMillis,
  recordedAtMillis,
  checkoutBegunAtMillis: null
})

const changeLine = (changes: Changes, row: Row, lineId: string, to: (line: LineRow) => LineRow | undefined): void => {
  const key = lineKey(row.cartId, lineId)
  const before = changes.lines.get(key)
  if (before === undefined) throw new Error(`Cart ${row.cartId} has no line ${lineId} in the read model`)
  const after = to(before)
  changes.touched.set(key, { cartId: row.cartId, lineId })
  row.totalMinor += ((after?.quantity ?? 0) - before.quantity) * before.unitPriceMinor
  if (after !== undefined) return void changes.lines.set(key, after)
  changes.lines.delete(key)
  row.lineCount--
}

const addLine = (
  changes: Changes,
  row: Row,
  event: Extract<CartEvent, { _tag: "ItemAdded" }>,
  version: number
): void => {
  const { lineId, sku, description, quantity, unitPrice } = event
  const key = lineKey(row.cartId, lineId)
  changes.lines.set(key, {
    cartId: row.cartId,
    lineId,
    sku,
    description,
    quantity,
    unitPriceMinor: unitPrice.amountMinor,
    addedVersion: version
  })
  changes.touched.set(key, { cartId: row.cartId, lineId })
  row.lineCount++
  row.totalMinor += quantity * unitPrice.amountMinor
}

const restore = (changes: Changes, row: Row, checkoutId: string | null): void => {
  if (checkoutId !== null && row.status === "checking-out") changes.addRevenue(row, -1)
  row.status = "open"
  row.checkoutBegunAtMillis = null
}

const foldInto = (changes: Changes, row: Row, { event, version, occurredAtMillis }: Recorded<CartEvent>): void => {
  switch (event._tag) {
    case "CartOpened":
    case "GuestCartMerged":
      break
    case "ItemAdded":
      addLine(changes, row, event, version)
      break
    case "QuantityChanged":
      changeLine(changes, row, event.lineId, (line) => ({ ...line, quantity: event.quantity }))
      break
    case "ItemRemoved":
      changeLine(changes, row, event.lineId, () => undefined)
      break
    case "CheckoutBegun":
      row.status = "checking-out"
      row.checkoutId = event.checkoutId
      row.checkoutBegunAtMillis = occurredAtMillis
      changes.addRevenue(row, 1)
      break
    case "CartCompleted":
      row.status = "completed"
      break
    case "CartRestored":
      restore(changes, row, event.checkoutId)
      break
    case "CartAbandoned":
      row.status = event.reason === "merged" ? "merged" : "abandoned"
      break
  }
}

const fold = (changes: Changes, recorded: Recorded<CartEvent>): void => {
  const cartId = Partition.idOf(recorded.stream)
  if (recorded.event._tag === "CartOpened") {
    changes.carts.set(cartId, openedRow(cartId, recorded.event, recorded))
  }
  const row = changes.carts.get(cartId)
  if (row === undefined)
    throw new Error(`Cart ${cartId} is not in the read model, though its first event should have put it there`)
  foldInto(changes, row, recorded)
  row.version = recorded.version
  row.updatedAtMillis = recorded.occurredAtMillis
  row.recordedAtMillis = recorded.recordedAtMillis
}

/** Carts that the batch does not open itself, and must know already. */
const knownCarts = (batch: ReadonlyArray<Recorded<CartEvent>>): ReadonlyArray<string> => {
  const opened = new Set<string>()
  const known = new Set<string>()
  for (const { stream, event } of batch) {
    const cartId = Partition.idOf(stream)
    if (event._tag === "CartOpened") opened.add(cartId)
    else if (!opened.has(cartId)) known.add(cartId)
  }
  return [...known]
}

/** Lines that the batch changes without having added them itself. */
const knownLines = (
  batch: ReadonlyArray<Recorded<CartEvent>>
): ReadonlyArray<{ readonly c: string; readonly l: string }> => {
  const lines = new Map<string, { readonly c: string; readonly l: string }>()
  for (const { stream, event } of batch) {
    if (event._tag !== "QuantityChanged" && event._tag !== "ItemRemoved") continue
    const cartId = Partition.idOf(stream)
    lines.set(lineKey(cartId, event.lineId), { c: cartId, l: event.lineId })
  }
  return [...lines.values()]
}

const load = (
  sql: SqlClient,
  schema: string,
  batch: ReadonlyArray<Recorded<CartEvent>>
): Effect.Effect<Changes, SqlError> =>
  Effect.gen(function* () {
    const changes = new Changes()
    const carts = knownCarts(batch)
    if (carts.length > 0) {
      const rows = yield* sql.unsafe<Row>(
        `SELECT cart_id AS "cartId", version, status, customer_id AS "customerId", country, currency, checkout_id AS "checkoutId",
                line_count AS "lineCount", total_minor::float8 AS "totalMinor",
                ${millisOf("opened_at")} AS "openedAtMillis", ${millisOf("updated_at")} AS "updatedAtMillis",
                ${millisOf("recorded_at")} AS "recordedAtMillis",
                ${millisOf("checkout_begun_at")} AS "checkoutBegunAtMillis"
         FROM ${schema}.cart_view WHERE cart_id IN (SELECT json_array_elements_text($1::text::json))`,
        [JSON.stringify(carts)]
      )
      for (const row of rows) changes.carts.set(row.cartId, { ...row })
    }
    const lines = knownLines(batch)
    if (lines.length > 0) {
      const rows = yield* sql.unsafe<LineRow>(
        `SELECT t.cart_id AS "cartId", t.line_id AS "lineId", t.sku, t.description, t.quantity,
                t.unit_price_minor::float8 AS "unitPriceMinor", t.added_version AS "addedVersion"
         FROM json_to_recordset($1::text::json) AS k (c text, l text)
         JOIN ${schema}.cart_line t ON t.cart_id = k.c AND t.line_id = k.l`,
        [JSON.stringify(lines)]
      )
      for (const row of rows) changes.lines.set(lineKey(row.cartId, row.lineId), row)
    }
    return changes
  })

const saveCarts = (sql: SqlClient, schema: string, carts: ReadonlyArray<Row>) =>
  sql.unsafe(
    `INSERT INTO ${schema}.cart_view (cart_id, version, status, customer_id, country, currency, checkout_id, line_count, total_minor,
                                      opened_at, updated_at, recorded_at, checkout_begun_at)
     SELECT c."cartId", c.version, c.status, c."customerId", c.country, c.currency, c."checkoutId", c."lineCount", c."totalMinor",
            ${instantOf('c."openedAtMillis"')},
            ${instantOf('c."updatedAtMillis"')},
            ${instantOf('c."recordedAtMillis"')},
            ${instantOf('c."checkoutBegunAtMillis"')}
     FROM json_to_recordset($1::text::json) AS c (
       "cartId" text, version integer, status text, "customerId" text, country text, currency text, "checkoutId" text,
       "lineCount" integer, "totalMinor" bigint, "openedAtMillis" float8, "updatedAtMillis" float8,
       "recordedAtMillis" float8, "checkoutBegunAtMillis" float8)
     ON CONFLICT (cart_id) DO UPDATE SET
       version = excluded.version, status = excluded.status, checkout_id = excluded.checkout_id,
       line_count = excluded.line_count, total_minor = excluded.total_minor, updated_at = excluded.updated_at,
       recorded_at = excluded.recorded_at, checkout_begun_at = excluded.checkout_begun_at`,
    [JSON.stringify(carts)]
  )

const saveLines = (sql: SqlClient, schema: string, lines: ReadonlyArray<LineRow>) =>
  sql.unsafe(
    `INSERT INTO ${schema}.cart_line (cart_id, line_id, sku, description, quantity, unit_price_minor, added_version)
     SELECT * FROM json_to_recordset($1::text::json) AS l (
       "cartId" text, "lineId" text, sku text, description text, quantity integer, "unitPriceMinor" bigint, "addedVersion" integer)
     ON CONFLICT (cart_id, line_id) DO UPDATE SET
       sku = excluded.sku, description = excluded.description, quantity = excluded.quantity,
       unit_price_minor = excluded.unit_price_minor, added_version = excluded.added_version`,
    [JSON.stringify(lines)]
  )

const deleteLines = (
  sql: SqlClient,
  schema: string,
  lines: ReadonlyArray<{ readonly cartId: string; readonly lineId: string }>
) =>
  sql.unsafe(
    `DELETE FROM ${schema}.cart_line t USING json_to_recordset($1::text::json) AS l ("cartId" text, "lineId" text)
     WHERE t.cart_id = l."cartId" AND t.line_id = l."lineId"`,
    [JSON.stringify(lines)]
  )

const saveRevenue = (sql: SqlClient, schema: string, revenue: ReadonlyArray<Revenue>) =>
  sql.unsafe(
    `INSERT INTO ${schema}.revenue AS r (country, day, currency, carts, total_minor)
     SELECT * FROM json_to_recordset($1::text::json) AS d (country text, day date, currency text, carts integer, "totalMinor" bigint)
     ON CONFLICT (country, day, currency) DO UPDATE
     SET carts = r.carts + excluded.carts, total_minor = r.total_minor + excluded.total_minor`,
    [JSON.stringify(revenue)]
  )

const save = (sql: SqlClient, schema: string, changes: Changes): Effect.Effect<void, SqlError> =>
  Effect.gen(function* () {
    const touched = [...changes.touched]
    const written = touched.flatMap(([key]) => changes.lines.get(key) ?? [])
    const gone = touched.filter(([key]) => !changes.lines.has(key)).map(([, line]) => line)
    // In one order everywhere: workers of other partitions add to the same rows, and would deadlock.
    const revenue = [...changes.revenue.keys()].sort().map((key) => changes.revenue.get(key)!)
    yield* saveCarts(sql, schema, [...changes.carts.values()])
    if (written.length > 0) yield* saveLines(sql, schema, written)
    if (gone.length > 0) yield* deleteLines(sql, schema, gone)
    if (revenue.length > 0) yield* saveRevenue(sql, schema, revenue)
  })

/** The projection that writes the cart's read models into a schema. */
export const cartViews = (schema: string) =>
  Projection.make({
    name: cartViewsName,
    sources: [{ name: "cart", events: CartEvents }],
    tables: ["cart_view", "cart_line", "revenue"],
    handle: (batch: ReadonlyArray<Recorded<CartEvent>>) =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        const changes = yield* load(sql, schema, batch)
        for (const recorded of batch) fold(changes, recorded)
        yield* save(sql, schema, changes)
      })
  })
