/** `daybook storage` on an embedded store: what an operator reads, and what a script gets. */

import { rmSync } from "node:fs"
import { join } from "node:path"
import * as EventId from "@daybook/core/EventId"
import { Journal } from "@daybook/core/Journal"
import * as Database from "@daybook/postgres/Database"
import * as Stores from "@daybook/postgres/Stores"
import { nothingKnown } from "@daybook/testkit/Metadata"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { daybook, scratch } from "./Orders.ts"

const root = scratch()
const settings = { DAYBOOK_HOME: join(root, "store") }

afterAll(() => rmSync(root, { recursive: true, force: true }))

const event = (n: number) => ({
  eventId: EventId.make(n),
  type: "Noted",
  schemaVersion: 1,
  data: { n, text: "x".repeat(200) },
  occurredAtMillis: 0,
  ...nothingKnown
})

/** Streams of a kind, of some events each, in the orders' journal. */
const append = (kind: string, streams: number, events: number) =>
  Effect.flatMap(Journal, (journal) =>
    journal.append(
      Array.from({ length: streams }, (_, n) => ({
        stream: `${kind}-${n}`,
        partition: n % journal.partitions,
        expectedVersion: 0,
        events: Array.from({ length: events }, (_none, i) => event(i)),
        receipts: [],
        state: null,
        keepEvents: true
      }))
    )
  )

it("nothing has run: it says so, and makes nothing", async () => {
  expect(await daybook(settings, "storage")).toEqual({ code: 0, out: "No service has run here yet.", err: "" })
})

describe("of a store", () => {
  beforeAll(() =>
    Effect.andThen(append("order", 10, 30), append("note", 5, 20)).pipe(
      Effect.provide(
        Stores.writeSide({ schema: "orders" }).pipe(Layer.provide(Database.layer({ folder: settings.DAYBOOK_HOME })))
      ),
      Effect.runPromise
    )
  )

  it("for scripts, says what is stored, by table, kind of stream and day, and that it was counted", async () => {
    const { code, out } = await daybook(settings, "storage", "--json", "--limit", "1TB")
    expect(code).toBe(0)
    const found = JSON.parse(out)
    expect(found.services.map(({ service }: { service: string }) => service)).toEqual(["order"])
    const { journal, tables, totalBytes, growth } = found.services[0]
    expect(journal).toMatchObject({ appended: 400, events: 400, counted: true })
    expect(journal.shares).toMatchObject([
      { streamType: "note", day: expect.stringMatching(/^\d{4}-\d\d-\d\d$/), events: 100 },
      { streamType: "order", day: expect.stringMatching(/^\d{4}-\d\d-\d\d$/), events: 300 }
    ])
    const [notes, orders] = journal.shares
    expect(notes.bytes + orders.bytes).toBeCloseTo(journal.bytes, -1)
    expect(orders.bytes / notes.bytes).toBeCloseTo(3, 0)
    expect(tables.map(({ table }: { table: string }) => table)).toEqual(expect.arrayContaining(["event", "state"]))
    expect(totalBytes).toBe(tables.reduce((sum: number, one: { bytes: number }) => sum + one.bytes, 0))
    expect(growth.eventsPerDay).toBe(400)
    expect(found.forecast[2].bytes).toBeCloseTo(totalBytes + 365 * growth.bytesPerDay, 0)
    expect(found.limit).toMatchObject({ bytes: 1e12, reachedInDays: expect.any(Number) })
  })

  it("for people, is a table, the days, and what will be", async () => {
    const { out } = await daybook(settings, "storage", "--limit", "1kB")
    expect(out).toMatch(
      /^SERVICE +WHAT +EVENTS +SIZE\norder +events of note +100 +\S+ kB\norder +events of order +300 /
    )
    expect(out).toMatch(/^order +other tables +\S+ kB$/m)
    expect(out).toMatch(/^EVENTS OF +ORDER +SIZE OF EVENTS\n\d{4}-\d\d-\d\d +400 /m)
    expect(out).toMatch(/It grows by \S+ \S+ a day, as lately: in 30 days .+ 1\.0 kB is reached already\.$/)
    expect(out).not.toContain("about")
  })

  it("a limit that is no size is told of", async () => {
    const { code, err } = await daybook(settings, "storage", "--limit", "lots")
    expect(code).toBe(2)
    expect(err).toContain("a size such as 100GB")
  })
})
