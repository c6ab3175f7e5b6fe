/** Which messages follow from which event: to every stock item that is concerned, the same however often they are sent. */
import { describe, expect, it } from "vitest"
import {
  answerAfter,
  arrivalAfter,
  stockCommandsAfter,
  stockCommandsFor
} from "../../src/inventory/ReservationProcess.ts"
import * as Given from "./Given.ts"
import { heart, heartHeld, hour, lantern, lineHeld, noon, pending, quarterPast, reservationAfter } from "./Given.ts"

const at = ({ sku, location }: { readonly sku: string; readonly location: string }) => ({ sku, location })
const ids = ["71053@LONDON", "85123A@LEEDS"]

describe("what follows from a reservation's event", () => {
  it("a request asks each stock item for its line", () => {
    const hold = { reservationId: "order-1", expiresAtMillis: quarterPast, nowMillis: noon + 5 }
    expect(stockCommandsAfter(Given.requested(), noon + 5)).toEqual([
      {
        id: ids[0],
        commandId: "ReserveStock/order-1/71053@LONDON",
        command: { _tag: "ReserveStock", ...lantern, ...hold }
      },
      {
        id: ids[1],
        commandId: "ReserveStock/order-1/85123A@LEEDS",
        command: { _tag: "ReserveStock", ...heart, ...hold }
      }
    ])
  })

  it.each([
    ["released", Given.reservationReleased()],
    ["expired", Given.reservationExpired()]
  ] as const)("one that was %s releases every line, also those that have not answered", (reason, event) => {
    const hold = { reservationId: "order-1", reason, expiresAtMillis: quarterPast }
    expect(stockCommandsAfter(event, noon)).toEqual(
      [lantern, heart].map((line, i) => ({
        id: ids[i],
        commandId: `ReleaseStock/order-1/${ids[i]}`,
        command: { _tag: "ReleaseStock", ...at(line), ...hold }
      }))
    )
  })

  it("a refusal releases the lines that were held", () => {
    const [only, ...others] = stockCommandsAfter(Given.reservationRefused(), noon)
    expect(only?.command).toMatchObject({ _tag: "ReleaseStock", ...at(lantern), reason: "refused" })
    expect(others).toEqual([])
  })

  it("a commitment commits every line, and an extension extends it", () => {
    expect(stockCommandsAfter(Given.reservationCommitted(), noon)).toEqual(
      [lantern, heart].map((line, i) => ({
        id: ids[i],
        commandId: `CommitStock/order-1/${ids[i]}`,
        command: { _tag: "CommitStock", ...at(line), reservationId: "order-1" }
      }))
    )
    const [extension] = stockCommandsAfter(Given.reservationExtended(), noon)
    expect(extension).toEqual({
      id: ids[0],
      commandId: `ExtendHold/order-1/${quarterPast + hour}/71053@LONDON`,
      command: { _tag: "ExtendHold", ...at(lantern), reservationId: "order-1", expiresAtMillis: quarterPast + hour }
    })
  })

  it("nothing follows from an answer, or from a reservation that only holds", () => {
    for (const event of [lineHeld(), Given.lineShort(), Given.itemsReserved()]) {
      expect(stockCommandsAfter(event, noon)).toEqual([])
    }
  })

  it("is the same message when it follows again, but for the time", () => {
    const idsOf = (nowMillis: number) =>
      stockCommandsAfter(Given.requested(), nowMillis).map(({ id, commandId }) => [id, commandId])
    expect(idsOf(noon + hour)).toEqual(idsOf(noon))
  })
})

describe("what a reservation's state asks for once more", () => {
  it("is nothing while it is not requested, or holds", () => {
    expect(stockCommandsFor(reservationAfter([]), noon)).toEqual([])
    expect(stockCommandsFor(reservationAfter(Given.reserved), noon)).toEqual([])
  })

  it("is an answer from those that have not given one", () => {
    const asked = stockCommandsAfter(Given.requested(), noon)
    expect(stockCommandsFor(reservationAfter(pending), noon)).toEqual(asked)
    expect(stockCommandsFor(reservationAfter([...pending, lineHeld()]), noon)).toEqual(asked.slice(1))
  })

  it.each([
    ["refused", [...pending, lineHeld(), Given.lineShort()], Given.reservationRefused()],
    ["committed", Given.reserved, Given.reservationCommitted()],
    ["released", [...pending, heartHeld()], Given.reservationReleased()],
    ["expired", Given.reserved, Given.reservationExpired()]
  ] as const)("is what followed from its end, when it was %s", (_, history, end) => {
    expect(stockCommandsFor(reservationAfter([...history, end]), noon)).toEqual(stockCommandsAfter(end, noon))
  })
})

describe("what a stock item answers", () => {
  it("goes to the reservation that asked", () => {
    expect(answerAfter(Given.stockReserved({ backOrdered: 2 }))).toEqual({
      id: "order-1",
      commandId: "RecordHold/order-1/71053@LONDON",
      command: { _tag: "RecordHold", ...Given.item, backOrdered: 2 }
    })
    expect(answerAfter(Given.stockRefused())).toEqual({
      id: "order-1",
      commandId: "RecordShortage/order-1/71053@LONDON",
      command: { _tag: "RecordShortage", ...Given.item, available: 10 }
    })
  })

  it("is given once, by reserving or refusing, and by nothing else", () => {
    for (const event of [Given.stockReleased(), Given.holdBarred(), Given.stockCommitted(), Given.stockReceived()]) {
      expect(answerAfter(event)).toBeUndefined()
    }
  })
})

describe("a transfer", () => {
  it("arrives at its other end, under the same id", () => {
    expect(arrivalAfter(Given.transferredOut())).toEqual({
      id: "71053@LEEDS",
      commandId: "TransferIn/transfer-1/71053@LONDON/71053@LEEDS",
      command: {
        _tag: "TransferIn",
        sku: "71053",
        location: "LEEDS",
        quantity: 4,
        reference: "transfer-1",
        fromLocation: "LONDON"
      }
    })
    expect(arrivalAfter(Given.transferredIn())).toBeUndefined()
  })
})
