/**
 * The least that a shop of carts is made of: `node:http`, the driver, and Daybook's tables. Written by hand for this load and nothing else, and
 * the limit that this machine, Node and the server set to the latencies of `http` at its fixed rate. A program on `PORT`, with its
 * database in `DATABASE_URL`, in a process of its own.
 *
 * It writes what the cart service writes: events at dense positions with the command's id, in batches; and behind them, in batches too, carts and
 * blocks of lines. It answers queries from these tables, those that came together by one statement, and lets who asks for a version wait for it. It
 * checks nothing: no rules, no key that comes twice, no bad request. All of a cart but its lines is in memory, and what others write is not seen.
 */
import { randomUUID } from "node:crypto"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { keyedRows } from "@daybook/postgres/SqlProjectionStore"
import { migrateReadSide, migrateWriteSide } from "@daybook/postgres/Stores"
import { schema } from "@daybook/services/cart/Cart"
import { type StoredLine, tables } from "@daybook/services/cart/Projections"
import * as Effect from "effect/Effect"
import * as SqlClient from "effect/sql/SqlClient"
import { insertInto, paramsOf, type Row } from "../commands/BareJournal.ts"
import { currency, goods } from "../commands/CartLoad.ts"
import { connectionsTo, Lane } from "../commands/GroupLoop.ts"

/** Each with a partition of its own; both on one connection, one behind the other. */
const lanes = 2

const goodsBySku = new Map(goods.map((good) => [good.sku, good]))

interface Cart {
  readonly id: string
  readonly customerId: string
  readonly country: string
  readonly openedAtMillis: number
  version: number
  lineCount: number
  totalMinor: number
  /** The version that queries see. */
  visible: number
  waiting: Array<{ readonly version: number; readonly go: () => void }>
}

interface Line {
  readonly id: string
  readonly sku: string
  readonly description: string
  readonly quantity: number
  readonly amountMinor: number
}

const storedOf = ({ id, sku, description, quantity, amountMinor }: Line): StoredLine => [
  id,
  sku,
  description,
  quantity,
  amountMinor
]

/** An event, what it makes of the cart, and the line that it adds. */
interface Step {
  readonly row: Row
  readonly commandId: string
  readonly cart: Cart
  readonly lineCount: number
  readonly totalMinor: number
  readonly line: Line | undefined
}

type Runtime = ReturnType<typeof connectionsTo>

const statements = (runtime: Runtime) => {
  const sql = runtime.runSync(SqlClient.SqlClient)
  return <Found extends object>(text: string, params: ReadonlyArray<unknown>) =>
    runtime.runPromise(sql.unsafe<Found>(text, params))
}

const append = insertInto(schema, true)

const saveCarts = `WITH line AS (
    INSERT INTO ${schema}.cart_lines AS kept (cart_id, block, lines) SELECT b.i, b.n, b.l::json FROM unnest($9::text[], $10::integer[], $11::text[])
      AS b (i, n, l) ON CONFLICT (cart_id, block) DO UPDATE SET lines = (left(kept.lines::text, -1) || ',' || right(excluded.lines::text, -1))::json
  )
  INSERT INTO ${schema}.cart_view (cart_id, version, status, customer_id, country, currency, line_count, total_minor, opened_at, updated_at,
                                   recorded_at)
  SELECT c.i, c.v, 'open', c.p, c.l, '${currency}', c.n, c.t, to_timestamp(c.o / 1000.0), to_timestamp(c.u / 1000.0), to_timestamp(c.u / 1000.0)
  FROM unnest($1::text[], $2::integer[], $3::text[], $4::text[], $5::integer[], $6::bigint[], $7::bigint[], $8::bigint[])
    AS c (i, v, p, l, n, t, o, u)
  ON CONFLICT (cart_id) DO UPDATE SET version = excluded.version, line_count = excluded.line_count,
    total_minor = excluded.total_minor, updated_at = excluded.updated_at, recorded_at = excluded.recorded_at`

const blockOf = (version: number): number => Math.floor(version / 16)

const saveParams = (steps: ReadonlyArray<Step>): ReadonlyArray<unknown> => {
  const last = [...new Map(steps.map((step) => [step.cart, step])).values()]
  const added = steps.filter(({ line }) => line !== undefined)
  const blocks = [...Map.groupBy(added, ({ cart, row }) => `${cart.id} ${blockOf(row.version)}`).values()]
  return [
    last.map(({ cart }) => cart.id),
    last.map(({ row }) => row.version),
    last.map(({ cart }) => cart.customerId),
    last.map(({ cart }) => cart.country),
    last.map(({ lineCount }) => lineCount),
    last.map(({ totalMinor }) => totalMinor),
    last.map(({ cart }) => cart.openedAtMillis),
    last.map(({ row }) => row.occurredAtMillis),
    blocks.map(([first]) => first!.cart.id),
    blocks.map(([first]) => blockOf(first!.row.version)),
    blocks.map((ofBlock) => JSON.stringify(ofBlock.map(({ line }) => storedOf(line!))))
  ]
}

/** A cart as it is answered. */
const find = `SELECT v.cart_id AS id, version, status, customer_id AS "customerId", country, total_minor::float8 AS total, line_count AS "lineCount",
    opened_at::text AS "openedAt", updated_at::text AS "updatedAt", (
      SELECT json_agg(b.lines) FROM (SELECT lines FROM ${schema}.cart_lines WHERE cart_id = v.cart_id ORDER BY block) AS b
    ) AS lines
  FROM ${keyedRows(`${schema}.cart_view`, "cart_id", "$1", "v")}`

interface Found {
  readonly id: string
  readonly total: number
  readonly lines: ReadonlyArray<ReadonlyArray<StoredLine>> | null
}

const answerOf = ({ total, lines, ...cart }: Found): string =>
  JSON.stringify({
    ...cart,
    total: { amountMinor: total, currency },
    lines: (lines ?? []).flat().map(([lineId, sku, description, quantity, amountMinor]) => ({
      ...{ lineId, sku, description, quantity },
      unitPrice: { amountMinor, currency }
    }))
  })

class Shop {
  readonly #carts = new Map<string, Cart>()
  readonly #appends: ReadonlyArray<Lane<Step, unknown>>
  readonly #saves: Lane<Step, unknown>
  readonly #reads: ReadonlyArray<Lane<string, ReadonlyMap<string, string>>>
  #nextRead = 0

  constructor(writing: Runtime, reading: Runtime) {
    const write = statements(writing)
    const query = statements(reading)
    this.#appends = Array.from(
      { length: lanes },
      (_, lane) =>
        new Lane<Step, unknown>((steps) =>
          write(append, [
            ...paramsOf(
              steps.map(({ row }) => row),
              lane
            ),
            steps.map(({ commandId }) => commandId)
          ])
        )
    )
    this.#saves = new Lane<Step, unknown>((steps) => query(saveCarts, saveParams(steps)))
    // Two under way, as in the shop.
    this.#reads = Array.from(
      { length: 2 },
      () =>
        new Lane<string, ReadonlyMap<string, string>>(async (ids) => {
          const rows = await query<Found>(find, [JSON.stringify([...new Set(ids)])])
          return new Map(rows.map((row) => [row.id, answerOf(row)]))
        })
    )
  }

  open(given: { readonly id: string; readonly customerId: string; readonly country: string }): Cart {
    const cart = {
      ...given,
      openedAtMillis: Date.now(),
      version: 0,
      lineCount: 0,
      totalMinor: 0,
      visible: 0,
      waiting: []
    }
    this.#carts.set(cart.id, cart)
    return cart
  }

  cart(id: string): Cart {
    return this.#carts.get(id)!
  }

  /** Stores an event of a cart; the read model follows behind. */
  async carryOut(cart: Cart, type: string, data: object, line: Line | undefined, headers: IncomingMessage["headers"]) {
    const version = ++cart.version
    if (line !== undefined) {
      cart.lineCount++
      cart.totalMinor += line.quantity * line.amountMinor
    }
    const row: Row = {
      stream: `cart-${cart.id}`,
      version,
      id: randomUUID(),
      type,
      occurredAtMillis: Date.now(),
      correlationId: headers["x-correlation-id"] as string,
      actor: headers["x-actor"] as string,
      data: JSON.stringify(data)
    }
    const commandId = headers["idempotency-key"] as string
    const { lineCount, totalMinor } = cart
    const step = { row, commandId, cart, lineCount, totalMinor, line }
    const partition = Number.parseInt(cart.id[0]!, 16) % lanes
    await this.#appends[partition]!.append(step)
    void this.#saves.append(step).then(() => this.#show(cart, version))
    return { id: cart.id, version, partition, position: 0, repeated: false, lineId: line?.id }
  }

  #show(cart: Cart, version: number): void {
    cart.visible = version
    const { waiting } = cart
    if (waiting.length === 0) return
    cart.waiting = waiting.filter((one) => one.version > version)
    for (const one of waiting) if (one.version <= version) one.go()
  }

  async view(id: string, atLeastVersion: number): Promise<string> {
    const cart = this.cart(id)
    if (cart.visible < atLeastVersion) {
      await new Promise<void>((go) => cart.waiting.push({ version: atLeastVersion, go }))
    }
    const lane = this.#reads[this.#nextRead++ % this.#reads.length]!
    return (await lane.append(id)).get(id)!
  }
}

const bodyOf = async (request: IncomingMessage) => {
  let text = ""
  for await (const chunk of request.setEncoding("utf8")) text += chunk
  return JSON.parse(text)
}

const answerTo = async (shop: Shop, request: IncomingMessage): Promise<string> => {
  const [path, query] = request.url!.split("?") as [string, string | undefined]
  const [, , id] = path.split("/")
  if (request.method === "GET") return shop.view(id!, Number(query?.split("=")[1] ?? 0))
  const body = await bodyOf(request)
  if (id === undefined) {
    const { customerId, country } = body
    return JSON.stringify(
      await shop.carryOut(shop.open(body), "CartOpened", { customerId, country, currency }, undefined, request.headers)
    )
  }
  const { lineId, sku, quantity } = body
  const { description, unitPrice } = goodsBySku.get(sku)!
  const data = { lineId, sku, description, quantity, unitPrice }
  const line = { id: lineId, sku, description, quantity, amountMinor: unitPrice.amountMinor }
  return JSON.stringify(await shop.carryOut(shop.cart(id), "ItemAdded", data, line, request.headers))
}

const respond = (response: ServerResponse, status: number, text: string): void =>
  void response
    .writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) })
    .end(text)

const serve = async (port: number): Promise<void> => {
  const databaseUrl = process.env.DATABASE_URL!
  const writing = connectionsTo(databaseUrl, 1, true)
  const reading = connectionsTo(databaseUrl, 4, false)
  await reading.runPromise(Effect.andThen(migrateWriteSide(schema, lanes), migrateReadSide(schema, tables)))
  await writing.runPromise(SqlClient.SqlClient)
  const shop = new Shop(writing, reading)
  process.on("SIGTERM", () => process.exit())
  // The load keeps its connections open; those that it needs now and then are idle for longer than Node's five seconds.
  createServer({ keepAliveTimeout: 0 }, (request, response) => {
    if (request.url === "/") return respond(response, 200, "{}")
    answerTo(shop, request).then(
      (text) => respond(response, request.method === "GET" ? 200 : 202, text),
      (error) => respond(response, 500, JSON.stringify(String(error)))
    )
  }).listen(port, "127.0.0.1")
}

if (import.meta.main) await serve(Number(process.env.PORT))
