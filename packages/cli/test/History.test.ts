/**
 * What someone who has to find out what happened relies on: every thing of every service shows what it was, what happened to it, by
 * whom and why, and what that changed; and a question that cannot be answered is told why.
 */
import { rmSync } from "node:fs"
import { join } from "node:path"
import * as Entities from "@daybook/core/Entities"
import * as Persistence from "@daybook/core/Persistence"
import * as Database from "@daybook/postgres/Database"
import * as Stores from "@daybook/postgres/Stores"
import { makeStockItem } from "@daybook/services/inventory/StockItemDomain"
import { stockItemId } from "@daybook/services/inventory/StockItemState"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { daybook, scratch } from "./Orders.ts"

const root = scratch()
const folder = join(root, "store")
const settings = { DAYBOOK_HOME: folder }

const history = (...args: ReadonlyArray<string>) => daybook(settings, "history", ...args)

const item = { sku: "MUG", location: "main" }
const stream = `stockitem-${stockItemId(item)}`
const begin = Date.UTC(2011, 2, 31, 9)
const hour = 3_600_000

/** Ten mugs came at nine, three were broken at eleven, and at noon somebody found a delivery of five from ten o'clock. */
beforeAll(async () => {
  const stores = Stores.writeSide({ schema: "inventory" }).pipe(Layer.provide(Database.layer({ folder })))
  await Effect.runPromise(
    Effect.gen(function* () {
      const items = yield* Entities.make(makeStockItem(), { persistence: Persistence.events() })
      const happens = (command: Parameters<typeof items.execute>[1], hours: number, actor: string, reason?: string) =>
        items.execute(stockItemId(item), command, {
          occurredAtMillis: begin + hours * hour,
          actor,
          reason,
          commandId: `command-${hours}`,
          correlationId: "a day"
        })
      yield* happens({ _tag: "ReceiveStock", ...item, quantity: 10, reference: "note-1" }, 0, "ann")
      yield* happens(
        { _tag: "AdjustStock", ...item, quantity: -3, reason: "damaged", reference: "count-1" },
        2,
        "bob",
        "Fell\u001b[2Joff"
      )
      yield* happens({ _tag: "ReceiveStock", ...item, quantity: 5, reference: "note-2" }, 1, "ann", "Found later")
    }).pipe(Effect.scoped, Effect.provide(stores))
  )
}, 60_000)

afterAll(() => rmSync(root, { recursive: true, force: true }))

const parsed = async (...args: ReadonlyArray<string>) => {
  const { code, out, err } = await history(...args, "--json")
  expect({ code, err }).toEqual({ code: 0, err: "" })
  return JSON.parse(out)
}

describe("versions", () => {
  it("lists what happened, when, by whom and why, and nothing that could harm a terminal", async () => {
    const { code, out, err } = await history("versions", stream, "--limit", "3")
    expect({ code, err }).toEqual({ code: 0, err: "" })
    const [table, more] = out.split("\n\n")
    const [head, ...rows] = table!
      .split("\n")
      .map((line) => line.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z(?= +(ann|bob))/, "<recorded>"))
    expect(head).toMatch(/^VERSION {2}EVENT +OCCURRED +RECORDED +WHO {2}WHY +COMMAND +CONVERSATION$/)
    expect(rows.map((row) => row.split(/ {2,}/).filter((cell) => cell !== ""))).toEqual([
      ["1", "StockReceived", "2011-03-31T09:00:00.000Z", "<recorded>", "ann", "command-0", "a day"],
      ["2", "StockReplenished", "2011-03-31T09:00:00.000Z", "<recorded>", "ann", "command-0", "a day"],
      ["3", "StockAdjusted", "2011-03-31T11:00:00.000Z", "<recorded>", "bob", "Fell [2Joff", "command-2", "a day"]
    ])
    expect(more).toBe(`It goes on: daybook history versions ${stream} --after 3`)
    const rest = await parsed("versions", stream, "--after", "3")
    expect(rest).toMatchObject({ service: "inventory", stream, newestVersion: 4, firstVersion: 1, next: null })
    expect(rest.versions).toMatchObject([
      {
        version: 4,
        occurredAt: "2011-03-31T10:00:00.000Z",
        actor: "ann",
        reason: "Found later",
        commandId: "command-1"
      }
    ])
  }, 30_000)
})

describe("show", () => {
  it("shows what it was, and who made it so", async () => {
    const { code, out, err } = await history("show", stream, "--version", "3")
    expect({ code, err }).toEqual({ code: 0, err: "" })
    const [title, about, state] = out.split("\n\n")
    expect(title).toBe(`${stream} at version 3, StockAdjusted.`)
    expect(about!.split("\n").map((line) => line.split(/ {2,}/)[0])).toEqual([
      "occurred",
      "recorded",
      "who",
      "why",
      "command",
      "conversation"
    ])
    expect(JSON.parse(state!)).toMatchObject({ sku: "MUG", onHand: 7 })
  }, 30_000)

  it("by occurred time names what is not in it", async () => {
    const wasSo = await parsed("show", stream, "--at", "2011-03-31T10:30:00Z", "--by", "occurred")
    expect(wasSo).toMatchObject({ version: 4, leftOut: [3], last: { actor: "ann" }, state: { onHand: 15 } })
  }, 30_000)
})

describe("diff", () => {
  it("shows each change, with what was there before, and all of them together", async () => {
    const { code, out, err } = await history("diff", stream, "--from", "2")
    expect({ code, err }).toEqual({ code: 0, err: "" })
    const recorded = (place: number, text: string) =>
      `  add /recorded/${place} {"document":"[\\"${text}\\",null]","content":`
    const lines = out.split("\n").map((line) => line.replace(/(,"content":).*$/, "$1"))
    expect(lines).toEqual([
      `${stream} from version 2 to version 4`,
      "",
      'version 3  StockAdjusted  2011-03-31T11:00:00.000Z  by bob  "Fell [2Joff"',
      "  replace /onHand 10 → 7",
      recorded(1, 'StockAdjusted\\",\\"count-1'),
      "",
      'version 4  StockReceived  2011-03-31T10:00:00.000Z  by ann  "Found later"',
      "  replace /onHand 7 → 12",
      recorded(2, 'StockReceived\\",\\"note-2'),
      "",
      "altogether",
      "  replace /onHand 10 → 12",
      recorded(1, 'StockAdjusted\\",\\"count-1'),
      recorded(2, 'StockReceived\\",\\"note-2')
    ])
  }, 30_000)

  it("by occurred time lists what happened in the order in which it did, from one end of a day to another", async () => {
    const found = await parsed("diff", stream, "--from", "2011-03-30", "--to", "2011-03-31", "--by", "occurred")
    expect(found.changes.map(({ version }: { version: number }) => version)).toEqual([1, 2, 4, 3])
    expect([found.from, found.to]).toEqual([
      { version: 0, leftOut: [] },
      { version: 4, leftOut: [] }
    ])
    expect(found.patch).toContainEqual({ op: "replace", path: "/onHand", value: 12 })
  }, 30_000)
})

describe("a question that cannot be answered is told why", () => {
  it.each([
    [["show", "mug-1"], '"mug-1" names no stream'],
    [["show", "order"], "There are: checkout, cart, order, stockitem, reservation, payment, subject"],
    [["versions", "order-"], "Give the kind of thing and its id"],
    [["show", "order-o-1"], "The order has not run on this store"],
    [["show", stream, "--version", "9"], "its newest is 4"],
    [["show", stream, "--at", "noon"], '--at "noon" is no instant'],
    [["show", stream, "--at", "2999-01-01"], "has not come yet"],
    [["show", stream, "--at", "2011-03-31", "--version", "1"], "Say either --at or --version"],
    [["show", stream, "--by", "occurred"], "Give both, or neither"],
    [["diff", stream, "--from", "first"], '--from "first" is no instant'],
    [["diff", stream, "--from", "1", "--to", "2999-01-01T00:00:00Z"], '--to "2999-01-01T00:00:00Z" has not come yet']
  ])(
    "%j",
    async (args, said) => {
      const { code, out, err } = await history(...args)
      expect({ code, out }).toEqual({ code: 1, out: "" })
      expect(err).toContain(said)
      expect(err.split("\n")).toHaveLength(1)
    },
    30_000
  )

  it("what is not understood ends with 2", async () => {
    expect((await history("show", stream, "--version", "0")).code).toBe(2)
    expect((await history("diff", stream)).code).toBe(2)
  })
})
