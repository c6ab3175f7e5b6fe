/** The service canvas says what the code does: no command, event or rejection is missing from it or left over in it. */

import * as DeciderLaws from "@daybook/testkit/DeciderLaws"
import { describe, expect, it } from "vitest"
import { InventoryApi } from "../../src/inventory/Api.ts"
import { InventoryCommands, InventoryEvents } from "../../src/inventory/Contract.ts"
import { ReservationCommand } from "../../src/inventory/ReservationDomain.ts"
import { ReservationEvents } from "../../src/inventory/ReservationEvents.ts"
import { reservationRejections } from "../../src/inventory/ReservationRejection.ts"
import { StockItemCommand } from "../../src/inventory/StockItemDomain.ts"
import { StockItemEvents } from "../../src/inventory/StockItemEvents.ts"
import { stockItemRejections } from "../../src/inventory/StockItemRejection.ts"
import { StockNotFound } from "../../src/inventory/Views.ts"
import * as Canvas from "../Canvas.ts"
import { reservation, reservationCommands } from "./Life.ts"

const names = (heading: string) => Canvas.namesUnder("inventory", heading)

describe("the canvas of the inventory", () => {
  it("lists the commands, in order", () => {
    expect(names("Commands of a stock item")).toEqual(Object.keys(StockItemCommand.cases))
    expect(names("Commands of a reservation")).toEqual(Object.keys(ReservationCommand.cases))
  })

  it("lists the events, in order", () => {
    expect(names("Events of a stock item")).toEqual(StockItemEvents.names)
    expect(names("Events of a reservation")).toEqual(ReservationEvents.names)
  })

  it("lists what is published and what is accepted by message, in order", () => {
    expect(names("Published")).toEqual(InventoryEvents.names)
    expect(names("Accepted by message")).toEqual(InventoryCommands.names)
  })

  it("lists the endpoints", () => {
    const endpoints = Object.values(InventoryApi.groups).flatMap((group) =>
      Object.values(group.endpoints).map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`)
    )
    expect([...names("HTTP")].sort()).toEqual(expect.arrayContaining(endpoints.sort()))
    expect(names("HTTP").filter((name) => name.includes("/")).length).toBe(endpoints.length)
  })

  it("lists the rejections with their types and statuses, in order", () => {
    expect(Canvas.rejectionsIn("inventory")).toEqual(
      Canvas.declared([...stockItemRejections, ...reservationRejections, StockNotFound])
    )
  })

  it("draws every transition of a reservation, and no other", () => {
    const seen = new Set<string>()
    DeciderLaws.always(
      reservation,
      reservationCommands,
      ({ command, before, after }) => {
        if (before.status !== after.status) seen.add(`${before.status} ${command._tag} ${after.status}`)
      },
      { runs: 1000, seed: 1 }
    )
    expect([...seen].sort()).toEqual([...Canvas.transitionsUnder("inventory", "A reservation's life")].sort())
  })
})
