/**
 * The cart's read models: the cart view with its lines, carts of a customer, abandoned carts, revenue by country and day.
 *
 * One projection writes them all, in the pattern "load, fold, save": the rows of the carts in a batch are read at once, the
 * events are folded into them in memory, and what changed is written at once, so that a batch costs two statements, however many events
 * it holds; three where lines change that were there. Lines are kept in blocks (`BlockRow`), to which new ones are added unread.
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
    "003-untouched-by-hour",
    "004-blocks-of-lines"
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

/** A line as it is stored. */
export type StoredLine = readonly [
  lineId: string,
  sku: string,
  description: string,
  quantity: number,
  unitPriceMinor: number
]

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

/** A row of `cart_lines`: lines of a cart that were added by versions that are near each other. */
interface BlockRow {
  readonly cartId: string
  readonly block: number
  /** As JSON. */
  readonly lines: string
}

const blockTypes: RowSet.Types<BlockRow> = { cartId: "text", block: "integer", lines: "json" }

/** Versions of a block: few enough that its lines are within a page, so that one more costs the same in every cart. */
const versionsPerBlock = 16

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

interface Block {
  /** By id, as they were added. */
  readonly lines: Map<string, StoredLine>
  /** Whether these are all its lines, as read from the table, and not only those that the batch adds. */
  readonly isWhole: boolean
  isChanged: boolean
}

/** A cart while a batch is folded into it. */
interface Cart {
  readonly row: Row
  /** By number. */
  readonly blocks: Map<number, Block>
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

const changeLine = ({ row, blocks }: Cart, lineId: string, to: (line: StoredLine) => StoredLine | undefined): void => {
  const block = [...blocks.values()].find(({ lines }) => lines.has(lineId))
  const before = block?.lines.get(lineId)
  if (block === undefined || before === undefined) {
    throw new Error(`Cart ${row.cartId} has no line ${lineId} in the read model`)
  }
  const after = to(before)
  if (after === undefined) {
    block.lines.delete(lineId)
    row.lineCount--
  } else block.lines.set(lineId, after)
  block.isChanged = true
  row.totalMinor += ((after?.[3] ?? 0) - before[3]) * before[4]
}

const addLine = ({ row, blocks }: Cart, event: Extract<CartEvent, { _tag: "ItemAdded" }>, version: number): void => {
  const { lineId, sku, description, quantity, unitPrice } = event
  const number = Math.floor(version / versionsPerBlock)
  let block = blocks.get(number)
  if (block === undefined) {
    block = { lines: new Map(), isWhole: false, isChanged: false }
    blocks.set(number, block)
  }
  block.lines.set(lineId, [lineId, sku, description, quantity, unitPrice.amountMinor])
  block.isChanged = true
  row.lineCount++
  row.totalMinor += quantity * unitPrice.amountMinor
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
      changeLine(cart, event.lineId, ([id, sku, description, , price]) => [id, sku, description, event.quantity, price])
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

/** Whether a cart's events change lines that they have not added themselves. */
const changesLines = (events: Batch): boolean => {
  const added = new Set<string>()
  return events.some(({ event }) => {
    if (event._tag === "ItemAdded") added.add(event.lineId)
    return (event._tag === "QuantityChanged" || event._tag === "ItemRemoved") && !added.has(event.lineId)
  })
}

type Key = Pick<Row, "cartId">

/**
 * What is looked up in a table is looked for in its index, key by key, whatever the planner takes the table to hold: statements are
 * planned once for a connection, most likely while the table is small, and a join that reads all of it would do so for good.
 */
const loadCarts = (sql: SqlClient, schema: string, keys: ReadonlyArray<Key>) => {
  const { from, params } = RowSet.of<Key>("k", { cartId: "text" }, keys)
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

/** All blocks of some carts. */
const loadBlocks = (sql: SqlClient, schema: string, keys: ReadonlyArray<Key>) => {
  const { from, params } = RowSet.of<Key>("k", { cartId: "text" }, keys)
  return sql.unsafe<Pick<BlockRow, "cartId" | "block"> & { readonly lines: ReadonlyArray<StoredLine> }>(
    `SELECT cart_id AS "cartId", block, lines
     FROM ${from} CROSS JOIN LATERAL (SELECT * FROM ${schema}.cart_lines WHERE cart_id = k."cartId" OFFSET 0) AS b`,
    params
  )
}

/** The carts of a batch as they are before it; one that it opens itself begins with that. */
const load = Effect.fnUntraced(function* (sql: SqlClient, schema: string, events: ReadonlyMap<string, Batch>) {
  const carts = new Map<string, Cart>()
  const [known, changed]: [Array<Key>, Array<Key>] = [[], []]
  for (const [cartId, ofCart] of events) {
    const { event } = ofCart[0]!
    if (event._tag === "CartOpened") {
      carts.set(cartId, { row: openedRow(cartId, event, ofCart[0]!), blocks: new Map() })
    } else known.push({ cartId })
    if (changesLines(ofCart)) changed.push({ cartId })
  }
  const rows = known.length === 0 ? [] : yield* loadCarts(sql, schema, known)
  for (const row of rows) carts.set(row.cartId, { row: { ...row }, blocks: new Map() })
  const blocks = changed.length === 0 ? [] : yield* loadBlocks(sql, schema, changed)
  for (const { cartId, block, lines } of blocks) {
    const whole = { lines: new Map(lines.map((line) => [line[0], line])), isWhole: true, isChanged: false }
    carts.get(cartId)?.blocks.set(block, whole)
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

/** Blocks that are in the table or not; `lines` says what becomes of the lines of one that is. */
const saveBlocks = (schema: string, blocks: ReadonlyArray<BlockRow>, lines: string): Write => {
  const { from, params } = RowSet.of("b", blockTypes, blocks)
  const text = (condition: string) =>
    `INSERT INTO ${schema}.cart_lines AS kept (cart_id, block, lines) SELECT "cartId", block, lines FROM ${from} WHERE ${condition}
     ON CONFLICT (cart_id, block) DO UPDATE SET lines = ${lines}`
  return { text, params }
}

/** One array after the other, as text: `jsonb` can do that by itself, but whoever reads a cart would wait for it to become text. */
const linesAdded = "(left(kept.lines::text, -1) || ',' || right(excluded.lines::text, -1))::json"

const deleteBlocks = (schema: string, blocks: ReadonlyArray<BlockRow>): Write => {
  const { from, params } = RowSet.of("k", { cartId: "text", block: "integer" }, blocks)
  const found = `SELECT ctid FROM ${schema}.cart_lines WHERE cart_id = k."cartId" AND block = k.block OFFSET 0`
  const text = (condition: string) =>
    `DELETE FROM ${schema}.cart_lines
     WHERE ctid = ANY (ARRAY(SELECT b.ctid FROM ${from} CROSS JOIN LATERAL (${found}) AS b WHERE ${condition}))`
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
  const [added, changed, gone]: [Array<BlockRow>, Array<BlockRow>, Array<BlockRow>] = [[], [], []]
  for (const { row, blocks } of carts) {
    for (const [block, { lines, isWhole, isChanged }] of blocks) {
      if (!isChanged) continue
      const stored = { cartId: row.cartId, block, lines: JSON.stringify([...lines.values()]) }
      if (lines.size > 0) (isWhole ? changed : added).push(stored)
      else if (isWhole) gone.push(stored)
    }
  }
  const rows = carts.map(({ row }) => row)
  return [
    saveCarts(schema, rows),
    ...(gone.length > 0 ? [deleteBlocks(schema, gone)] : []),
    ...(changed.length > 0 ? [saveBlocks(schema, changed, "excluded.lines")] : []),
    ...(added.length > 0 ? [saveBlocks(schema, added, linesAdded)] : []),
    ...(sums.length > 0 ? [saveRevenue(schema, sums)] : [])
  ]
}

/** The projection that writes the cart's read models into a schema. */
export const cartViews = (schema: string) =>
  Projection.make({
    name: cartViewsName,
    sources: [{ name: "cart", events: CartEvents }],
    tables: ["cart_view", "cart_lines", "revenue"],
    ...planned(
      Effect.fnUntraced(function* (batch: Batch) {
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
