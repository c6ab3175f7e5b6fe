/**
 * What follows from what: the commands that a reservation sends to stock items, and the answers that they send back, without
 * I/O. Whoever reads the journals of both and carries these out makes a reservation all or nothing across its stock items.
 *
 * Every function may be asked again, and every command sent again, late or out of order: ids are made from what the command is
 * about, each stock item answers a reservation once, and a release that overtakes its reservation bars it. So a reader that
 * remembers its place after it has sent what follows, and dies in between, does no harm.
 */
import type { State as Reservation, ReservationCommand } from "./ReservationDomain.ts"
import type { ReservationEvent, ReservationLine } from "./ReservationEvents.ts"
import type { StockItemCommand } from "./StockItemDomain.ts"
import type { ReleaseReason, StockItemEvent, StockItemKey } from "./StockItemEvents.ts"
import { stockItemId } from "./StockItemState.ts"

/** A command and where it goes. */
export interface Dispatch<Command> {
  /** The aggregate: a stock item's id, or a reservation's, which is its order's. */
  readonly id: string
  /** The same for the same command, however often it is sent. */
  readonly commandId: string
  readonly command: Command
}

type CommandOf<Tag extends StockItemCommand["_tag"]> = Extract<StockItemCommand, { readonly _tag: Tag }>

type Dispatches = ReadonlyArray<Dispatch<StockItemCommand>>

const nothing: Dispatches = []

const toStockItem = (key: string, command: StockItemCommand): Dispatch<StockItemCommand> => {
  const id = stockItemId(command)
  return { id, commandId: `${command._tag}/${key}/${id}`, command }
}

const item = ({ sku, location }: StockItemKey): StockItemKey => ({ sku, location })

/** What a reservation's commands share. */
interface Order {
  readonly orderId: string
  readonly lines: ReadonlyArray<ReservationLine>
  readonly expiresAtMillis: number
}

const ask = ({ orderId, lines, expiresAtMillis }: Order, nowMillis: number): Dispatches =>
  lines.map((line) => {
    const hold = { reservationId: orderId, quantity: line.quantity, expiresAtMillis, nowMillis }
    return toStockItem(orderId, { _tag: "ReserveStock", ...item(line), ...hold })
  })

const release = ({ orderId, lines, expiresAtMillis }: Order, reason: typeof ReleaseReason.Type): Dispatches =>
  lines.map((line) => {
    const hold: Omit<CommandOf<"ReleaseStock">, "sku" | "location"> = {
      _tag: "ReleaseStock",
      reservationId: orderId,
      reason,
      expiresAtMillis
    }
    return toStockItem(orderId, { ...item(line), ...hold })
  })

const commit = ({ orderId, lines }: Pick<Order, "orderId" | "lines">): Dispatches =>
  lines.map((line) => toStockItem(orderId, { _tag: "CommitStock", ...item(line), reservationId: orderId }))

const extend = ({ orderId, lines, expiresAtMillis }: Order): Dispatches =>
  lines.map((line) =>
    toStockItem(`${orderId}/${expiresAtMillis}`, {
      _tag: "ExtendHold",
      ...item(line),
      reservationId: orderId,
      expiresAtMillis
    })
  )

/**
 * What a reservation's event asks of the stock items. `nowMillis` is the time at which they are carried out: take a new one for
 * every attempt, so that a reservation which has run out meanwhile is not granted.
 */
export const stockCommandsAfter = (event: ReservationEvent, nowMillis: number): Dispatches => {
  switch (event._tag) {
    case "ReservationRequested":
      return ask(event, nowMillis)
    case "ReservationRefused":
      return release(event, "refused")
    case "ReservationReleased":
      return release(event, "released")
    case "ReservationExpired":
      return release(event, "expired")
    case "ReservationExtended":
      return extend(event)
    case "ReservationCommitted":
      return commit(event)
    case "LineHeld":
    case "LineShort":
    case "ItemsReserved":
      return nothing
  }
}

/**
 * What a reservation in this state wants of its stock items, all of it once more: for an operator, or a reconciler that has found
 * a difference. Where nothing was lost, it changes nothing.
 */
export const stockCommandsFor = (reservation: Reservation, nowMillis: number): Dispatches => {
  const { lines } = reservation
  switch (reservation.status) {
    case "unrequested":
    case "reserved":
      return nothing
    case "pending":
      return ask({ ...reservation, lines: lines.filter(({ answer }) => answer === "awaited") }, nowMillis)
    case "committed":
      return commit(reservation)
    case "refused":
      return release({ ...reservation, lines: lines.filter(({ answer }) => answer === "held") }, "refused")
    case "released":
    case "expired":
      return release(reservation, reservation.status)
  }
}

/** What a stock item's event answers to a reservation, if it is an answer. */
export const answerAfter = (event: StockItemEvent): Dispatch<ReservationCommand> | undefined => {
  if (event._tag !== "StockReserved" && event._tag !== "StockRefused") return undefined
  const { reservationId } = event
  const command: ReservationCommand =
    event._tag === "StockReserved"
      ? { _tag: "RecordHold", ...item(event), backOrdered: event.backOrdered }
      : { _tag: "RecordShortage", ...item(event), available: event.available }
  return { id: reservationId, commandId: `${command._tag}/${reservationId}/${stockItemId(event)}`, command }
}

/** What has to arrive at the other end of a transfer, after it has left this one. */
export const arrivalAfter = (event: StockItemEvent): Dispatch<StockItemCommand> | undefined => {
  if (event._tag !== "StockTransferredOut") return undefined
  const { sku, location, toLocation, quantity, reference } = event
  const arrival = { sku, location: toLocation, quantity, reference, fromLocation: location }
  return toStockItem(`${reference}/${stockItemId(event)}`, { _tag: "TransferIn", ...arrival })
}
