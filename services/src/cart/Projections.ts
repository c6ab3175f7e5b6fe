/**
 * The cart's read models: the cart view with its lines, carts of a customer, abandoned carts, revenue by country and day.
 *
 * One projection writes them all, in the pattern "load, fold, save": the rows of the carts in a batch are read at once, the
 * events are folded into them in memory, and what changed is written at once, so that a batch costs two statements, or three where it
 * changes lines, however many events it holds.
 */
import type { Recorded } from "@daybook/core/Event"
import * as Partition from "@daybook/core/Partition"
import type { Write } from "@daybook/core/Projection"
import * as Projection from "@daybook/core/Projection"
import { instantOf, millisOf } from "@daybook/postgres/Instants"
import { fromFiles, type MigrationSet } from "@daybook/postgres/Migrations"
import { planned } from "@daybook/postgres/PlannedWrites"
import * as RowSet from "@daybook/postgres/RowSet"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import { type CartEvent, CartEvents } from "./Events.ts"

/** The name on disk. */
export const cartViewsName = "cart-views"

/** The migrations of the read models. */
export const tables: MigrationSet = {
  name: "cart",
  migrations: fromFiles(new URL("./sql/", import.meta.url), [
    "001-read-models",
    "002-untouched",
    "003-untouched-by-hour"
  ])
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

const cartTypes: RowSet.Types<Row> = {
  cartId: "text",
  version: "integer",
  status: "text",
  customerId: "text",
  country: "text",
  currency: "text",
  checkoutId: "text",
  lineCount: "integer",
  totalMinor: "bigint",
  openedAtMillis: "float8",
  updatedAtMillis: "float8",
  recordedAtMillis: "float8",
  checkoutBegunAtMillis: "float8"
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

const lineTypes: RowSet.Types<LineRow> = {
  cartId: "text",
  lineId: "text",
  sku: "text",
  description: "text",
  quantity: "integer",
  unitPriceMinor: "bigint",
  addedVersion: "integer"
}

/** A change of one row of `revenue`. */
interface Revenue {
  country: string
  day: string
  currency: string
  carts: number
  /** Of many carts, each of which may come to the largest number there is. */
  totalMinor: bigint
}

const revenueTypes: RowSet.Types<Revenue> = {
  country: "text",
  day: "date",
  currency: "text",
  carts: "integer",
  totalMinor: "bigint"
}

/** A cart while a batch is folded into it. */
interface Cart {
  readonly row: Row
  /** Lines that the batch changes, by id; `undefined` marks one that is gone. */
  readonly lines: Map<string, LineRow | undefined>
  /** Those of them that are in the table. */
  readonly stored: Set<string>
}

/** What a batch comes to by country, day and currency. */
class Takings {
  readonly #sums = new Map<string, Revenue>()

  add(row: Row, sign: 1 | -1): void {
    const day = new Date(row.checkoutBegunAtMillis!).toISOString().slice(0, 10)
    const country = row.country ?? "Unspecified"
    const key = `${country}|${day}|${row.currency}`
    const sum = this.#sums.get(key) ?? { country, day, currency: row.currency, carts: 0, totalMinor: 0n }
    sum.carts += sign
    sum.totalMinor += BigInt(sign * row.totalMinor)
    this.#sums.set(key, sum)
  }

  /** In one order everywhere: workers of other partitions add to the same rows, and would deadlock. */
  get sums(): ReadonlyArray<Revenue> {
    return [...this.#sums.keys()].sort().map((key) => this.#sums.get(key)!)
  }
}

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

const cartOf = (row: Row): Cart => ({ row, lines: new Map(), stored: new Set() })

const changeLine = ({ row, lines }: Cart, lineId: string, to: (line: LineRow) => LineRow | undefined): void => {
  const before = lines.get(lineId)
  if (before === undefined) throw new Error(`Cart ${row.cartId} has no line ${lineId} in the read model`)
  const after = to(before)
  lines.set(lineId, after)
  row.totalMinor += ((after?.quantity ?? 0) - before.quantity) * before.unitPriceMinor
  if (after === undefined) row.lineCount--
}

const addLine = ({ row, lines }: Cart, event: Extract<CartEvent, { _tag: "ItemAdded" }>, version: number): void => {
  const { lineId, sku, description, quantity, unitPrice } = event
  const unitPriceMinor = unitPrice.amountMinor
  lines.set(lineId, { cartId: row.cartId, lineId, sku, description, quantity, unitPriceMinor, addedVersion: version })
  row.lineCount++
  row.totalMinor += quantity * unitPriceMinor
}

const restore = (takings: Takings, row: Row, checkoutId: string | null): void => {
  if (checkoutId !== null && row.status === "checking-out") takings.add(row, -1)
  row.status = "open"
  row.checkoutBegunAtMillis = null
}

const foldInto = (takings: Takings, cart: Cart, { event, version, occurredAtMillis }: Recorded<CartEvent>): void => {
  const { row } = cart
  switch (event._tag) {
    case "CartOpened":
    case "GuestCartMerged":
      break
    case "ItemAdded":
      addLine(cart, event, version)
      break
    case "QuantityChanged":
      changeLine(cart, event.lineId, (line) => ({ ...line, quantity: event.quantity }))
      break
    case "ItemRemoved":
      changeLine(cart, event.lineId, () => undefined)
      break
    case "CheckoutBegun":
      row.status = "checking-out"
      row.checkoutId = event.checkoutId
      row.checkoutBegunAtMillis = occurredAtMillis
      takings.add(row, 1)
      break
    case "CartCompleted":
      row.status = "completed"
      break
    case "CartRestored":
      restore(takings, row, event.checkoutId)
      break
    case "CartAbandoned":
      row.status = event.reason === "merged" ? "merged" : "abandoned"
      break
  }
}

const fold = (takings: Takings, cart: Cart, recorded: Recorded<CartEvent>): void => {
  foldInto(takings, cart, recorded)
  const { row } = cart
  row.version = recorded.version
  row.updatedAtMillis = recorded.occurredAtMillis
  row.recordedAtMillis = recorded.recordedAtMillis
}

const unknownCart = (cartId: string): never => {
  throw new Error(`Cart ${cartId} is not in the read model, though its first event should have put it there`)
}

type Batch = ReadonlyArray<Recorded<CartEvent>>

/** Lines that a cart's events change without having added them before: from the end, an addition takes back what comes after it. */
const knownLines = (events: Batch): ReadonlySet<string> => {
  const known = new Set<string>()
  for (let i = events.length - 1; i >= 0; i--) {
    const { event } = events[i]!
    if (event._tag === "QuantityChanged" || event._tag === "ItemRemoved") known.add(event.lineId)
    else if (event._tag === "ItemAdded" && known.size > 0) known.delete(event.lineId)
  }
  return known
}

/**
 * What is looked up in a table is looked for in its index, key by key, whatever the planner takes the table to hold: statements are
 * planned once for a connection, most likely while the table is small, and a join that reads all of it would do so for good.
 */
const loadCarts = (sql: SqlClient, schema: string, keys: ReadonlyArray<Pick<Row, "cartId">>) => {
  const { from, params } = RowSet.of<Pick<Row, "cartId">>("k", { cartId: "text" }, keys)
  return sql.unsafe<Row>(
    `SELECT cart_id AS "cartId", version, status, customer_id AS "customerId", country, currency, checkout_id AS "checkoutId",
            line_count AS "lineCount", total_minor::float8 AS "totalMinor",
            ${millisOf("opened_at")} AS "openedAtMillis", ${millisOf("updated_at")} AS "updatedAtMillis",
            ${millisOf("recorded_at")} AS "recordedAtMillis",
            ${millisOf("checkout_begun_at")} AS "checkoutBegunAtMillis"
     FROM ${from} CROSS JOIN LATERAL (SELECT * FROM ${schema}.cart_view WHERE cart_id = k."cartId" OFFSET 0) AS v`,
    params
  )
}

type LineKey = Pick<LineRow, "cartId" | "lineId">

/** The lines of some keys, with their place in the table. */
const keyedLines = (schema: string, keys: ReadonlyArray<LineKey>) => {
  const { from, params } = RowSet.of<LineKey>("k", { cartId: "text", lineId: "text" }, keys)
  const lines = `SELECT ctid, * FROM ${schema}.cart_line WHERE cart_id = k."cartId" AND line_id = k."lineId" OFFSET 0`
  return { from: `${from} CROSS JOIN LATERAL (${lines}) AS l`, params }
}

const loadLines = (sql: SqlClient, schema: string, keys: ReadonlyArray<LineKey>) => {
  const { from, params } = keyedLines(schema, keys)
  return sql.unsafe<LineRow>(
    `SELECT cart_id AS "cartId", line_id AS "lineId", sku, description, quantity,
            unit_price_minor::float8 AS "unitPriceMinor", added_version AS "addedVersion"
     FROM ${from}`,
    params
  )
}

/** The carts of a batch as they are before it; one that it opens itself begins with that. */
const load = (sql: SqlClient, schema: string, events: ReadonlyMap<string, Batch>) =>
  Effect.gen(function* () {
    const carts = new Map<string, Cart>()
    const known: Array<{ readonly cartId: string }> = []
    const keys: Array<LineKey> = []
    for (const [cartId, ofCart] of events) {
      const { event } = ofCart[0]!
      if (event._tag === "CartOpened") {
        carts.set(cartId, cartOf(openedRow(cartId, event, ofCart[0]!)))
      } else known.push({ cartId })
      for (const lineId of knownLines(ofCart)) keys.push({ cartId, lineId })
    }
    const rows = known.length === 0 ? [] : yield* loadCarts(sql, schema, known)
    for (const row of rows) carts.set(row.cartId, cartOf({ ...row }))
    const lines = keys.length === 0 ? [] : yield* loadLines(sql, schema, keys)
    for (const line of lines) {
      const cart = carts.get(line.cartId)
      cart?.lines.set(line.lineId, line)
      cart?.stored.add(line.lineId)
    }
    return carts
  })

const saveCarts = (schema: string, carts: ReadonlyArray<Row>): Write => {
  const { from, params } = RowSet.of("c", cartTypes, carts)
  const text = (condition: string) =>
    `INSERT INTO ${schema}.cart_view (cart_id, version, status, customer_id, country, currency, checkout_id, line_count, total_minor,
                                      opened_at, updated_at, recorded_at, checkout_begun_at)
     SELECT "cartId", version, status, "customerId", country, currency, "checkoutId", "lineCount", "totalMinor",
            ${instantOf('"openedAtMillis"')}, ${instantOf('"updatedAtMillis"')}, ${instantOf('"recordedAtMillis"')},
            ${instantOf('"checkoutBegunAtMillis"')}
     FROM ${from} WHERE ${condition}
     ON CONFLICT (cart_id) DO UPDATE SET
       version = excluded.version, status = excluded.status, checkout_id = excluded.checkout_id,
       line_count = excluded.line_count, total_minor = excluded.total_minor, updated_at = excluded.updated_at,
       recorded_at = excluded.recorded_at, checkout_begun_at = excluded.checkout_begun_at`
  return { text, params }
}

const insertLines = (schema: string, lines: ReadonlyArray<LineRow>, onConflict = ""): Write => {
  const { from, params } = RowSet.of("l", lineTypes, lines)
  const text = (condition: string) =>
    `INSERT INTO ${schema}.cart_line (cart_id, line_id, sku, description, quantity, unit_price_minor, added_version)
     SELECT * FROM ${from} WHERE ${condition} ${onConflict}`
  return { text, params }
}

/** Lines that are in the table; one that was removed may have come back as another. */
const changeLines = (schema: string, lines: ReadonlyArray<LineRow>): Write =>
  insertLines(
    schema,
    lines,
    `ON CONFLICT (cart_id, line_id) DO UPDATE SET
       sku = excluded.sku, description = excluded.description, quantity = excluded.quantity,
       unit_price_minor = excluded.unit_price_minor, added_version = excluded.added_version`
  )

const deleteLines = (schema: string, keys: ReadonlyArray<LineKey>): Write => {
  const { from, params } = keyedLines(schema, keys)
  const text = (condition: string) =>
    `DELETE FROM ${schema}.cart_line WHERE ctid = ANY (ARRAY(SELECT l.ctid FROM ${from} WHERE ${condition}))`
  return { text, params }
}

const saveRevenue = (schema: string, revenue: ReadonlyArray<Revenue>): Write => {
  const { from, params } = RowSet.of("d", revenueTypes, revenue)
  const text = (condition: string) =>
    `INSERT INTO ${schema}.revenue AS r (country, day, currency, carts, total_minor)
     SELECT country, day, currency, carts, "totalMinor" FROM ${from} WHERE ${condition}
     ON CONFLICT (country, day, currency) DO UPDATE
     SET carts = r.carts + excluded.carts, total_minor = r.total_minor + excluded.total_minor`
  return { text, params }
}

/** What changed. */
const save = (schema: string, carts: ReadonlyArray<Cart>, { sums }: Takings): ReadonlyArray<Write> => {
  const [added, changed, gone]: [Array<LineRow>, Array<LineRow>, Array<LineKey>] = [[], [], []]
  for (const { row, lines, stored } of carts) {
    for (const [lineId, line] of lines) {
      if (line !== undefined) (stored.has(lineId) ? changed : added).push(line)
      else if (stored.has(lineId)) gone.push({ cartId: row.cartId, lineId })
    }
  }
  const rows = carts.map(({ row }) => row)
  return [
    saveCarts(schema, rows),
    ...(gone.length > 0 ? [deleteLines(schema, gone)] : []),
    ...(changed.length > 0 ? [changeLines(schema, changed)] : []),
    ...(added.length > 0 ? [insertLines(schema, added)] : []),
    ...(sums.length > 0 ? [saveRevenue(schema, sums)] : [])
  ]
}

/** The projection that writes the cart's read models into a schema. */
export const cartViews = (schema: string) =>
  Projection.make({
    name: cartViewsName,
    sources: [{ name: "cart", events: CartEvents }],
    tables: ["cart_view", "cart_line", "revenue"],
    ...planned((batch: Batch) =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        const events = Map.groupBy(batch, ({ stream }) => Partition.idOf(stream))
        const carts = yield* load(sql, schema, events)
        const takings = new Takings()
        for (const [cartId, ofCart] of events) {
          const cart = carts.get(cartId) ?? unknownCart(cartId)
          for (const recorded of ofCart) fold(takings, cart, recorded)
        }
        return save(schema, [...carts.values()], takings)
      })
    )
  })
