/**
 * What a checkout relies on: all of an order's stock or none, told once; whichever of commit, release and expiry comes first
 * wins, and the others are told; and late or repeated messages do nothing.
 */
import { describe, it } from "vitest"
import { defaultReservationLimits } from "../../src/inventory/ReservationDomain.ts"
import {
  EmptyReservation,
  ExpiryOutOfRange,
  ExtensionTooLate,
  LineNotRequested,
  ReservationAlreadyMade,
  ReservationClosed,
  ReservationNotExpired,
  ReservationNotFound,
  ReservationPending,
  ReservationQuantityOutOfRange,
  TooManyReservationLines
} from "../../src/inventory/ReservationRejection.ts"
import * as Given from "./Given.ts"
import {
  commitReservation,
  expireReservation,
  extendReservation,
  given,
  heart,
  heartHeld,
  itemsReserved,
  lantern,
  lineHeld,
  lineShort,
  noon,
  pending,
  quarterPast,
  recordHold,
  recordShortage,
  refused,
  releaseReservation,
  requested,
  reservationCommitted,
  reservationExpired,
  reservationExtended,
  reservationRefused,
  reservationReleased,
  reserved,
  reserveItems
} from "./Given.ts"

const committed = [...reserved, reservationCommitted()]
const released = [...reserved, reservationReleased()]
const expired = [...reserved, reservationExpired()]
const never = [reservationReleased({ lines: [], expiresAtMillis: 0 })]

describe("reserve items", () => {
  it("asks for every line", () => {
    given([]).when(reserveItems()).then([requested()])
  })

  it("asks each stock item once, for all that the order wants of it", () => {
    const lines = [lantern, heart, { ...lantern, quantity: 5 }, { ...lantern, location: "LEEDS" }]
    given([])
      .when(reserveItems({ lines }))
      .then([requested({ lines: [{ ...lantern, quantity: 9 }, heart, { ...lantern, location: "LEEDS" }] })])
  })

  it.each([
    ["pending", pending],
    ["reserved", reserved],
    ["refused", refused],
    ["committed", committed],
    ["released", released],
    ["expired", expired]
  ])("does nothing when it is %s: the request is known, also with another expiry", (_, history) => {
    given(history).when(reserveItems()).thenNothing()
    given(history)
      .when(reserveItems({ expiresAtMillis: quarterPast + 1 }))
      .thenNothing()
  })

  it.each([
    { lines: [lantern] },
    { lines: [lantern, { ...heart, quantity: 3 }] },
    { lines: [lantern, { ...heart, location: "YORK" }] }
  ])("refuses other items for the same order: %j", (other) => {
    given(reserved)
      .when(reserveItems(other))
      .thenRejected(ReservationAlreadyMade, { status: 409, orderId: "order-1", lines: 2 })
  })

  it("comes too late after its own release", () => {
    given(never).when(reserveItems()).thenRejected(ReservationClosed, { status: 409, reservationStatus: "released" })
  })

  it("takes 1 to 100,000 of a line", () => {
    for (const quantity of [1, 100_000]) {
      const lines = [{ ...lantern, quantity }]
      given([])
        .when(reserveItems({ lines }))
        .then([requested({ lines })])
    }
    for (const quantity of [0, -1, 100_001]) {
      given([])
        .when(reserveItems({ lines: [heart, { ...lantern, quantity }] }))
        .thenRejected(ReservationQuantityOutOfRange, { status: 422, sku: "71053", quantity, maximum: 100_000 })
    }
  })

  it("counts the limit for a line as it was sent: an order may name a SKU twice", () => {
    const lines = [
      { ...lantern, quantity: 100_000 },
      { ...lantern, quantity: 100_000 }
    ]
    given([])
      .when(reserveItems({ lines }))
      .then([requested({ lines: [{ ...lantern, quantity: 200_000 }] })])
  })

  it("takes one line, and the most lines", () => {
    const limits = { ...defaultReservationLimits, maxLines: 2 }
    given([], limits).when(reserveItems()).then([requested()])
    given([], limits)
      .when(reserveItems({ lines: [lantern, heart, heart] }))
      .thenRejected(TooManyReservationLines, { status: 422, lines: 3, maximum: 2 })
    given([])
      .when(reserveItems({ lines: [] }))
      .thenRejected(EmptyReservation, { status: 422 })
  })

  it("runs out in the future, and not too far in it", () => {
    const { maxHoldMillis } = defaultReservationLimits
    for (const expiresAtMillis of [noon + 1, noon + maxHoldMillis]) {
      given([])
        .when(reserveItems({ expiresAtMillis }))
        .then([requested({ expiresAtMillis })])
    }
    for (const expiresAtMillis of [noon, noon + maxHoldMillis + 1]) {
      given([])
        .when(reserveItems({ expiresAtMillis }))
        .thenRejected(ExpiryOutOfRange, { status: 422, expiresAtMillis, maximumMillis: maxHoldMillis })
    }
  })
})

describe("answers", () => {
  it("are collected, and the last one reserves", () => {
    given(pending).when(recordHold()).then([lineHeld()])
    given([...pending, heartHeld()])
      .when(recordHold())
      .then([lineHeld(), itemsReserved()])
  })

  it("say what is on back-order", () => {
    given([...pending, heartHeld()])
      .when(recordHold({ backOrdered: 3 }))
      .then([
        lineHeld({ backOrdered: 3 }),
        itemsReserved({
          lines: [
            { ...lantern, backOrdered: 3 },
            { ...heart, backOrdered: 0 }
          ]
        })
      ])
  })

  it("that refuse one line refuse all, when the last has come, and name what is to be released", () => {
    given(pending).when(recordShortage()).then([lineShort()])
    given([...pending, lineHeld()])
      .when(recordShortage())
      .then([lineShort(), reservationRefused()])
    given([...pending, lineShort()])
      .when(recordHold())
      .then([lineHeld(), reservationRefused()])
  })

  it("list every shortage", () => {
    const shortLantern = { sku: "71053", location: "LONDON", available: 0 }
    given([...pending, lineShort({ ...shortLantern, requested: 4 })])
      .when(recordShortage())
      .then([
        lineShort(),
        reservationRefused({
          lines: [],
          shortages: [
            { ...shortLantern, requested: 4 },
            { sku: "85123A", location: "LEEDS", requested: 2, available: 1 }
          ]
        })
      ])
  })

  it("do nothing the second time, nor when they contradict the first", () => {
    given([...pending, lineHeld()])
      .when(recordHold())
      .thenNothing()
    given([...pending, lineShort()])
      .when(recordHold({ sku: heart.sku, location: heart.location }))
      .thenNothing()
    given([...pending, lineHeld()])
      .when(recordShortage({ sku: lantern.sku, location: lantern.location }))
      .thenNothing()
  })

  it.each([
    ["reserved", reserved],
    ["refused", refused],
    ["committed", committed],
    ["released", [...pending, reservationReleased()]],
    ["expired", [...pending, reservationExpired()]]
  ])("do nothing when it is %s", (_, history) => {
    given(history).when(recordHold()).thenNothing()
    given(history).when(recordShortage()).thenNothing()
  })

  it("are refused from a stock item that was not asked", () => {
    given(pending)
      .when(recordHold({ location: "YORK" }))
      .thenRejected(LineNotRequested, { status: 404, sku: "71053", location: "YORK" })
    given([]).when(recordHold()).thenRejected(ReservationNotFound)
    given([]).when(recordShortage()).thenRejected(ReservationNotFound)
    given(never).when(recordHold()).thenRejected(LineNotRequested)
  })
})

describe("commit", () => {
  it("gives the items to the order, once", () => {
    given(reserved).when(commitReservation()).then([reservationCommitted()])
    given(committed).when(commitReservation()).thenNothing()
  })

  it("wins as long as no expiry has been recorded, whatever the time", () => {
    given([...reserved, reservationExtended()])
      .when(commitReservation())
      .then([reservationCommitted()])
  })

  it.each([
    ["expired", expired],
    ["released", released],
    ["refused", refused]
  ] as const)("is told when the items are gone: %s", (reservationStatus, history) => {
    given(history)
      .when(commitReservation())
      .thenRejected(ReservationClosed, { status: 409, reservationStatus, detail: /^The reservation of order order-1 / })
  })

  it("waits for the answers, and for the request", () => {
    given([...pending, lineHeld()])
      .when(commitReservation())
      .thenRejected(ReservationPending, { status: 409, awaited: 1 })
    given([]).when(commitReservation()).thenRejected(ReservationNotFound, { status: 404 })
  })
})

describe("release", () => {
  it.each([
    ["pending", pending],
    ["reserved", reserved]
  ])("gives up what is %s, every line of it", (_, history) => {
    given(history).when(releaseReservation()).then([reservationReleased()])
  })

  it("does nothing the second time, nor when there is nothing to release", () => {
    for (const history of [released, expired, refused, never]) {
      given(history)
        .when(releaseReservation({ reason: "cancelled" }))
        .thenNothing()
    }
  })

  it("that overtakes the request is remembered", () => {
    given([]).when(releaseReservation()).then(never)
  })

  it("is told when the order has the items", () => {
    given(committed)
      .when(releaseReservation())
      .thenRejected(ReservationClosed, { status: 409, reservationStatus: "committed" })
  })
})

describe("expiry", () => {
  it.each([
    ["pending", pending],
    ["reserved", reserved]
  ])("ends what is %s, from its time on", (_, history) => {
    given(history).when(expireReservation()).then([reservationExpired()])
    given(history)
      .when(expireReservation({ nowMillis: quarterPast + 1 }))
      .then([reservationExpired({ expiredAtMillis: quarterPast + 1 })])
    given(history)
      .when(expireReservation({ nowMillis: quarterPast - 1 }))
      .thenRejected(ReservationNotExpired, { status: 409, expiresAtMillis: quarterPast, nowMillis: quarterPast - 1 })
  })

  it("of an older timer leaves what was extended", () => {
    given([...reserved, reservationExtended()])
      .when(expireReservation())
      .thenRejected(ReservationNotExpired, { expiresAtMillis: quarterPast + Given.hour })
  })

  it("does nothing when there is nothing to expire", () => {
    for (const history of [released, expired, refused, never]) given(history).when(expireReservation()).thenNothing()
  })

  it("is told when the order has the items, or when there is no reservation", () => {
    given(committed)
      .when(expireReservation())
      .thenRejected(ReservationClosed, { status: 409, reservationStatus: "committed" })
    given([]).when(expireReservation()).thenRejected(ReservationNotFound)
  })
})

describe("extend", () => {
  it("holds the items for longer, until just before they run out", () => {
    given(reserved).when(extendReservation()).then([reservationExtended()])
    given(reserved)
      .when(extendReservation({ nowMillis: quarterPast - 1 }))
      .then([reservationExtended()])
    given(reserved)
      .when(extendReservation({ nowMillis: quarterPast }))
      .thenRejected(ExtensionTooLate, { status: 409, expiresAtMillis: quarterPast, nowMillis: quarterPast })
  })

  it("does nothing the second time, nor when the items are held for longer", () => {
    given([...reserved, reservationExtended()])
      .when(extendReservation({ nowMillis: quarterPast + 2 * Given.hour }))
      .thenNothing()
    given(reserved)
      .when(extendReservation({ expiresAtMillis: quarterPast - 1 }))
      .thenNothing()
  })

  it("has the same horizon as a request", () => {
    const { maxHoldMillis } = defaultReservationLimits
    const expiresAtMillis = noon + 1 + maxHoldMillis
    given(reserved)
      .when(extendReservation({ expiresAtMillis }))
      .then([reservationExtended({ expiresAtMillis })])
    given(reserved)
      .when(extendReservation({ expiresAtMillis: expiresAtMillis + 1 }))
      .thenRejected(ExpiryOutOfRange)
  })

  it.each([
    ["committed", committed],
    ["released", released],
    ["expired", expired],
    ["refused", refused]
  ] as const)("refuses what has been %s", (reservationStatus, history) => {
    given(history).when(extendReservation()).thenRejected(ReservationClosed, { reservationStatus })
  })

  it("refuses what is not held yet", () => {
    given(pending).when(extendReservation()).thenRejected(ReservationPending)
    given([]).when(extendReservation()).thenRejected(ReservationNotFound)
  })
})
