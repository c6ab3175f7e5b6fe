/**
 * The parts of `storage` on a real PostgreSQL: the journal holds what was imported, and what is measured is what is there.
 */
import * as Persistence from "@daybook/core/Persistence"
import { describe, expect, it } from "vitest"
import { connect, openServer } from "../src/Server.ts"
import { fillCarts, importOrders, streamsOf } from "../src/storage/Journals.ts"
import { openOrders } from "../src/storage/Orders.ts"
import { countOf, limitsOf, measure, sumOf } from "../src/storage/Sizes.ts"

process.env.DATABASE_URL_BENCH ??= process.env.DATABASE_URL

describe("storage", () => {
  it("imports an event for each line and two for each invoice, and measures their tables", async () => {
    await using server = await openServer()
    using orders = openOrders(true)
    const url = await server.database("storage")
    const { linesNow } = await importOrders(url, Persistence.state(), orders.folder)
    const streams = await streamsOf(url)
    const events = await countOf(url, "cart.event")
    expect(events).toBe(linesNow + 2 * streams.size)
    expect([...streams.values()].flat()).toHaveLength(events)
    for (const [stream, ofStream] of streams) {
      expect(ofStream.map((event) => [event.stream, event.version])).toEqual(
        ofStream.map((_, index) => [stream, index + 1])
      )
    }
    const { jsonBytes, bare } = await limitsOf(url, "cart")
    const event = sumOf(await measure(url), /^cart\.event$/)
    await using database = connect(url)
    const [whole] = await database.query<{ readonly bytes: number }>(
      "SELECT pg_total_relation_size('cart.event')::float8 AS bytes"
    )
    expect(event.totalBytes).toBe(whole!.bytes)
    // Besides these there are the maps of free space and of visibility.
    expect(event.heapBytes + event.indexBytes + event.longValueBytes).toBeLessThan(event.totalBytes)
    expect(event.totalBytes).toBeGreaterThan(bare.totalBytes)
    expect(bare.totalBytes).toBeGreaterThan(jsonBytes)
  })

  it("fills carts with an event for each command, and remembers each command's id", async () => {
    await using server = await openServer()
    const url = await server.database("shop")
    await fillCarts(url, Persistence.state(), { customers: 3, commands: 25 })
    const events = [...(await streamsOf(url)).values()].flat()
    expect(events).toHaveLength(75)
    expect(new Set(events.map(({ commandId }) => commandId)).size).toBe(75)
  })
})
