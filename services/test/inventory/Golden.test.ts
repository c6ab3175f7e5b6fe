/**
 * The stored formats of stock items and reservations, as files: one for every version of every event that was ever written, and
 * of the states.
 *
 * A failure here means that what is on disk would be written or read otherwise than before. Never edit a file of a version that
 * has been released: raise the schema version, add an upcaster and a file.
 */
import { readdirSync, readFileSync } from "node:fs"
import type { Aggregate, Tagged } from "@daybook/core/Aggregate"
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import { makeReservation } from "../../src/inventory/ReservationDomain.ts"
import type { ReservationEvent } from "../../src/inventory/ReservationEvents.ts"
import { makeStockItem } from "../../src/inventory/StockItemDomain.ts"
import type { StockItemEvent } from "../../src/inventory/StockItemEvents.ts"
import * as Given from "./Given.ts"

const read = (folder: URL, file: string): unknown => JSON.parse(readFileSync(new URL(file, folder), "utf8"))

/** What each file means, in today's terms. */
const stockItemMeanings: Record<string, StockItemEvent> = {
  "StockReceived.v1.json": Given.stockReceived(),
  "StockAdjusted.v1.json": Given.stockAdjusted(),
  "StockReserved.v1.json": Given.stockReserved(),
  "StockRefused.v1.json": Given.stockRefused(),
  "HoldExtended.v1.json": Given.holdExtended(),
  "StockCommitted.v1.json": Given.stockCommitted(),
  "StockReleased.v1.json": Given.stockReleased(),
  "HoldBarred.v1.json": Given.holdBarred(),
  "StockShipped.v1.json": Given.stockShipped(),
  "CommitmentCancelled.v1.json": Given.commitmentCancelled(),
  "StockRestocked.v1.json": Given.stockRestocked(),
  "StockTransferredOut.v1.json": Given.transferredOut(),
  "StockTransferredIn.v1.json": Given.transferredIn(),
  "SafetyStockSet.v1.json": Given.safetyStockSet(),
  "BackOrderLimitSet.v1.json": Given.backOrderLimitSet(),
  "ReorderPointSet.v1.json": Given.reorderPointSet(),
  "StockRanLow.v1.json": Given.ranLow(),
  "StockReplenished.v1.json": Given.replenished()
}

const reservationMeanings: Record<string, ReservationEvent> = {
  "ReservationRequested.v1.json": Given.requested(),
  "LineHeld.v1.json": Given.lineHeld({ backOrdered: 1 }),
  "LineShort.v1.json": Given.lineShort(),
  "ItemsReserved.v1.json": Given.itemsReserved(),
  "ReservationRefused.v1.json": Given.reservationRefused(),
  "ReservationExtended.v1.json": Given.reservationExtended(),
  "ReservationCommitted.v1.json": Given.reservationCommitted(),
  "ReservationReleased.v1.json": Given.reservationReleased(),
  "ReservationExpired.v1.json": Given.reservationExpired()
}

const describeFormats = <State, Command extends Tagged, Event extends Tagged>(
  aggregate: Aggregate<State, Command, Event, Error>,
  meanings: Record<string, Event>,
  state: State
): void => {
  const folder = new URL(`golden/${aggregate.name}/`, import.meta.url)
  const { events } = aggregate

  describe(`the events of a ${aggregate.name}`, () => {
    it("have a file for every version, and no file is without a meaning", () => {
      const versions = events.names.flatMap((name) =>
        Array.from({ length: events.schemaVersion(name) ?? 0 }, (_, i) => `${name}.v${i + 1}.json`)
      )
      const files = readdirSync(folder).filter((file) => !file.startsWith("State."))
      expect(files.sort()).toEqual(versions.toSorted())
      expect(Object.keys(meanings)).toEqual(versions)
    })

    it.each(Object.entries(meanings))("reads %s", (file, event) => {
      const { type, schemaVersion, data } = read(folder, file) as { type: string; schemaVersion: number; data: unknown }
      expect(events.decode({ ...Given.metadata, type, schemaVersion, data })).toStrictEqual(event)
    })

    const current = Object.entries(meanings).filter(([file, { _tag }]) =>
      file.endsWith(`.v${events.schemaVersion(_tag)}.json`)
    )

    it.each(current)("writes %s", (file, event) => {
      expect(events.encode(event)).toStrictEqual(read(folder, file))
    })
  })

  describe(`the state of a ${aggregate.name}`, () => {
    const codec = Schema.toCodecJson(aggregate.state.schema)
    const file = `State.v${aggregate.state.version}.json`

    it(`reads ${file}`, () => {
      expect(Schema.decodeUnknownSync(codec)(read(folder, file))).toStrictEqual(state)
    })

    it(`writes ${file}`, () => {
      expect(Schema.encodeUnknownSync(codec)(state)).toStrictEqual(read(folder, file))
    })
  })
}

const busy = [
  ...Given.committed,
  Given.stockRefused({ reservationId: "order-2" }),
  Given.reorderPointSet(),
  Given.backOrderLimitSet({ after: Given.balance({ committed: 4, safetyStock: 3, available: 3 }) })
]

describeFormats(makeStockItem(), stockItemMeanings, Given.stockAfter(busy))
describeFormats(makeReservation(), reservationMeanings, Given.reservationAfter(Given.refused))
