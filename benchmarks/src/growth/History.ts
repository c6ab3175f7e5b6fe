/**
 * A cart service that has been at work for long: its journal and its read models, made in the database itself, since millions of
 * commands would take an hour. Used by `growth`.
 *
 * Everything is as the service would have left it. Carts have random ids and 40 events each; 256 of them are filled at a time, so that a
 * cart's events lie apart in the table, as they do where many customers shop at once. Positions are dense in each partition, and the
 * read models are up to date. Indexes are made after the rows, as a restored backup has them.
 */
import { randomUUID } from "node:crypto"
import { defaultPartitions } from "@daybook/core/Journal"
import * as Partition from "@daybook/core/Partition"
import * as Database from "@daybook/postgres/Database"
import * as Stores from "@daybook/postgres/Stores"
import { schema } from "@daybook/services/cart/Cart"
import { demoCatalogue } from "@daybook/services/cart/DemoCatalogue"
import { tables } from "@daybook/services/cart/Projections"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { connect, type Query } from "../Server.ts"

/** Events of each cart: its opening and 39 items. */
export const eventsPerCart = 40
/** Carts that are filled side by side. */
const cartsAtATime = 256
/** Carts of each customer, on average. */
const cartsPerCustomer = 5

/** A statement makes the events of so many times 256 carts. */
const blocksPerStatement = 20

/** A cart, and where its events are. */
interface Cart {
  readonly block: number
  readonly slot: number
  readonly id: string
  readonly customer: number
  readonly partition: number
  /** Position of its first event. */
  readonly first: number
  /** From one of its events to the next: the carts of its block in the same partition. */
  readonly apart: number
}

/** Places carts that are filled side by side into partitions, so that positions are dense. */
export const placed = (ids: ReadonlyArray<string>, customers: number): ReadonlyArray<Cart> => {
  const heads = new Array<number>(defaultPartitions).fill(0)
  const carts: Array<Cart> = []
  for (let block = 0; block * cartsAtATime < ids.length; block++) {
    const inBlock = ids.slice(block * cartsAtATime, (block + 1) * cartsAtATime)
    const partitions = inBlock.map((id) => Partition.ofId(id, defaultPartitions))
    const apart = heads.map((_, partition) => partitions.filter((other) => other === partition).length)
    const before = heads.map(() => 0)
    inBlock.forEach((id, slot) => {
      const partition = partitions[slot]!
      const first = heads[partition]! + ++before[partition]!
      const customer = Math.floor(Math.random() * customers)
      carts.push({ block, slot, id, customer, partition, first, apart: apart[partition]! })
    })
    apart.forEach((count, partition) => {
      heads[partition]! += count * eventsPerCart
    })
  }
  return carts
}

const chunk = 25_000

/** The carts as a table that the rows are made from. */
const tellCarts = async (query: Query, carts: ReadonlyArray<Cart>): Promise<void> => {
  await query("CREATE SCHEMA growth")
  await query(
    `CREATE UNLOGGED TABLE growth.cart (first bigint, block integer, customer integer, slot smallint, partition smallint,
       apart smallint, id text)`
  )
  for (let from = 0; from < carts.length; from += chunk) {
    const some = carts.slice(from, from + chunk)
    const column = (name: keyof Cart) => `{${some.map((cart) => cart[name]).join(",")}}`
    await query(
      `INSERT INTO growth.cart (first, block, customer, slot, partition, apart, id)
       SELECT * FROM unnest($1::text::bigint[], $2::text::integer[], $3::text::integer[], $4::text::smallint[],
         $5::text::smallint[], $6::text::smallint[], $7::text::text[])`,
      (["first", "block", "customer", "slot", "partition", "apart", "id"] as const).map(column)
    )
  }
  await query("CREATE INDEX ON growth.cart (block)")
  await query(
    "CREATE UNLOGGED TABLE growth.good (number integer PRIMARY KEY, sku text, description text, price integer)"
  )
  const goods = demoCatalogue.map(([sku, description, pounds], number) => ({
    number,
    sku,
    description,
    price: Math.round(Number(pounds) * 100)
  }))
  await query("INSERT INTO growth.good SELECT * FROM json_populate_recordset(null::growth.good, $1::text::json)", [
    JSON.stringify(goods)
  ])
  await query("ANALYZE growth.cart, growth.good")
}

/** Every event of some blocks in the order in which they came, with what both sides need of it. `$1` and `$2` are the blocks. */
const happenings = `
  SELECT c.*, v.version, md5(c.id || v.version)::uuid AS event_id, 1 + (c.slot + v.version) % 12 AS quantity, g.sku, g.description,
    g.price, timestamptz '2026-01-01Z' + (c.block * ${eventsPerCart} + v.version) * interval '1 second' AS at
  FROM growth.cart c CROSS JOIN generate_series(1, ${eventsPerCart}) AS v (version)
  JOIN growth.good g ON g.number = (c.slot * 7 + v.version) % ${demoCatalogue.length}
  WHERE c.block >= $1::text::integer AND c.block < $2::text::integer
  ORDER BY c.block, v.version, c.slot`

const insertEvents = `
  INSERT INTO ${schema}.event (position, occurred_at, recorded_at, event_id, version, partition, schema_version, is_receipt, stream,
    type, correlation_id, actor, data)
  SELECT h.first + (h.version - 1) * h.apart, h.at, h.at, h.event_id, h.version, h.partition, 1, false, 'cart-' || h.id,
    CASE h.version WHEN 1 THEN 'CartOpened' ELSE 'ItemAdded' END, h.id, 'customer-' || h.customer,
    CASE h.version
      WHEN 1 THEN '{"customerId":"customer-' || h.customer || '","country":"United Kingdom","currency":"GBP"}'
      ELSE '{"lineId":"' || h.event_id || '","sku":"' || h.sku || '","description":"' || h.description || '","quantity":' || h.quantity
        || ',"unitPrice":{"amountMinor":' || h.price || ',"currency":"GBP"}}'
    END::json
  FROM (${happenings}) h`

const insertLines = `
  INSERT INTO ${schema}.cart_lines (cart_id, block, lines)
  SELECT h.id, h.version / 16, json_agg(json_build_array(h.event_id, h.sku, h.description, h.quantity, h.price) ORDER BY h.version)
  FROM (${happenings}) h WHERE h.version > 1 GROUP BY h.id, h.version / 16`

const insertViews = `
  INSERT INTO ${schema}.cart_view (opened_at, updated_at, recorded_at, total_minor, version, line_count, cart_id, status, customer_id,
    country, currency)
  SELECT min(h.at), max(h.at), max(h.at), sum(h.price * h.quantity) FILTER (WHERE h.version > 1), ${eventsPerCart},
    ${eventsPerCart - 1}, h.id, 'open', 'customer-' || h.customer, 'United Kingdom', 'GBP'
  FROM (${happenings}) h GROUP BY h.id, h.customer`

/** Takes the indexes of a table away, and answers the statements that make them again. */
const withoutIndexes = async (query: Query, table: string): Promise<ReadonlyArray<string>> => {
  const constraints = await query<{ readonly name: string; readonly definition: string }>(
    `SELECT conname AS name, concat(pg_get_constraintdef(c.oid), ' WITH (' || array_to_string(reloptions, ', ') || ')') AS definition
     FROM pg_constraint c JOIN pg_class i ON i.oid = conindid WHERE conrelid = $1::text::regclass AND contype IN ('p', 'u')`,
    [table]
  )
  for (const { name } of constraints) await query(`ALTER TABLE ${table} DROP CONSTRAINT ${name}`)
  const indexes = await query<{ readonly name: string; readonly definition: string }>(
    `SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition FROM pg_index
     WHERE indrelid = $1::text::regclass`,
    [table]
  )
  for (const { name } of indexes) await query(`DROP INDEX ${name}`)
  return [
    ...constraints.map(({ name, definition }) => `ALTER TABLE ${table} ADD CONSTRAINT ${name} ${definition}`),
    ...indexes.map(({ definition }) => definition)
  ]
}

/** Fills tables on a connection of its own. */
const fillTables = async (
  databaseUrl: string,
  blocks: number,
  inserts: Readonly<Record<string, string>>
): Promise<void> => {
  await using database = connect(databaseUrl)
  const { query } = database
  await query("SET synchronous_commit = off")
  await query("SET work_mem = '256MB'")
  await query("SET maintenance_work_mem = '512MB'")
  for (const [table, insert] of Object.entries(inserts)) {
    const indexes = await withoutIndexes(query, table)
    for (let block = 0; block < blocks; block += blocksPerStatement) {
      await query(insert, [String(block), String(Math.min(block + blocksPerStatement, blocks))])
    }
    for (const index of indexes) await query(index)
  }
}

const migrated = (databaseUrl: string): Promise<unknown> =>
  Effect.andThen(Stores.migrateWriteSide(schema), Stores.migrateReadSide(schema, tables)).pipe(
    Effect.provide(Database.layer({ url: Redacted.make(databaseUrl) })),
    Effect.runPromise
  )

/** What has been made. */
export interface History {
  readonly events: number
  /** Ids of the carts, the oldest first. */
  readonly cartIds: ReadonlyArray<string>
  readonly customers: number
}

/** Fills an empty database with a history of so many events, or a few more: 256 carts are the least. */
export const fill = async (databaseUrl: string, events: number): Promise<History> => {
  await migrated(databaseUrl)
  const blocks = Math.ceil(events / eventsPerCart / cartsAtATime)
  const cartIds = Array.from({ length: blocks * cartsAtATime }, () => randomUUID())
  const customers = Math.ceil(cartIds.length / cartsPerCustomer)
  await using database = connect(databaseUrl)
  const { query } = database
  await tellCarts(query, placed(cartIds, customers))
  await Promise.all([
    fillTables(databaseUrl, blocks, { [`${schema}.event`]: insertEvents }),
    fillTables(databaseUrl, blocks, { [`${schema}.cart_lines`]: insertLines, [`${schema}.cart_view`]: insertViews })
  ])
  await query(
    `UPDATE ${schema}.partition p SET head = e.head
     FROM (SELECT partition, max(position) AS head FROM ${schema}.event GROUP BY partition) e WHERE e.partition = p.id`
  )
  await query("DROP SCHEMA growth CASCADE")
  await query("VACUUM (ANALYZE)")
  await query("CHECKPOINT")
  return { events: cartIds.length * eventsPerCart, cartIds, customers }
}
