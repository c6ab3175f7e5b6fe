/**
 * What `replay` and `recovery` measure does what they say, on a real PostgreSQL and at a tiny size.
 */
import { describe, expect, it } from "vitest"
import { copySeconds } from "../src/limits/RawCopy.ts"
import { open as openLongCarts } from "../src/recovery/LongCarts.ts"
import { open as openReplays } from "../src/replay/CartReplays.ts"
import * as GroupBy from "../src/replay/GroupBy.ts"
import { connect, openServer } from "../src/Server.ts"

process.env.DATABASE_URL_BENCH ??= process.env.DATABASE_URL

describe("a replay", () => {
  it("folds and rebuilds all events, into what one GROUP BY makes of them", async () => {
    await using server = await openServer()
    const url = await server.database("replay")
    await using replays = openReplays(url)
    await using database = connect(url)
    const events = 40_000
    const carts = await replays.write(events)
    expect(await replays.fold()).toEqual({ carts, versions: events })
    expect(await replays.rebuild()).toBe(events)
    const { copySeconds: copied, groupBySeconds } = await GroupBy.run(url, database.query)
    expect(Math.min(copied, groupBySeconds)).toBeGreaterThan(0)
    expect(await GroupBy.differences(database.query)).toEqual({ cart_view: 0, cart_lines: 0, revenue: 0 })
    const [rows] = await database.query<{ readonly carts: number; readonly takings: number }>(
      `SELECT (SELECT count(*) FROM cart.cart_view)::integer AS carts, (SELECT count(*) FROM cart.revenue)::integer AS takings`
    )
    expect(rows!.carts).toBe(carts)
    expect(rows!.takings).toBeGreaterThan(0)
  })

  it("is not taken to be right when a row is not what the events group to", async () => {
    await using server = await openServer()
    const url = await server.database("replay")
    await using replays = openReplays(url)
    await using database = connect(url)
    await replays.write(5_000)
    await replays.rebuild()
    await GroupBy.run(url, database.query)
    await database.query(
      "UPDATE cart.cart_view SET total_minor = -1 WHERE cart_id = (SELECT min(cart_id) FROM cart.cart_view)"
    )
    expect(await GroupBy.differences(database.query)).toEqual({ cart_view: 2, cart_lines: 0, revenue: 0 })
  })
})

describe("a raw copy", () => {
  it("says what the server said when it fails", async () => {
    await using server = await openServer()
    const url = await server.database("copy")
    await expect(copySeconds(url, "SELECT * FROM nowhere")).rejects.toThrow(/relation "nowhere" does not exist/)
  })
})

describe("a long cart", () => {
  it.each([
    { events: 10, snapshots: false, stored: 0 },
    { events: 1_200, snapshots: true, stored: 1 },
    { events: 1_200, snapshots: false, stored: 0 }
  ])("answers from $events events, snapshots: $snapshots", async ({ events, snapshots, stored }) => {
    await using server = await openServer()
    const url = await server.database("long")
    await using carts = openLongCarts(url)
    await using database = connect(url)
    const id = await carts.write({ events, snapshots })
    expect(await carts.firstAnswer(id, events)).toBeGreaterThan(0)
    await expect(carts.firstAnswer(id, events + 1)).rejects.toThrow(/came back at version/)
    const rows = await database.query<{ readonly version: number }>("SELECT version FROM cart.snapshot")
    expect(rows.map(({ version }) => version)).toEqual(stored === 0 ? [] : [events - 50])
  })
})
