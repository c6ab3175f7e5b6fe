/**
 * The delivery of an import with checkouts: the goods that its order lines ask for, or a share of them, before the first is sold.
 *
 * One delivery for each set of files, under a reference of its own: the same again changes nothing. It arrived when the first of its
 * invoices was opened, so that stock as of any date is what there was before less what had been sold by then.
 */
import { createHash } from "node:crypto"
import { isTransient } from "@daybook/core/Problem"
import { defaultLocation } from "@daybook/services/inventory/LocationChoice"
import { stockItemId } from "@daybook/services/inventory/StockItemState"
import { stockViewsName } from "@daybook/services/inventory/StockProjection"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { Failure } from "../Failure.ts"
import type { Progress } from "../Progress.ts"
import type { Shop } from "../Shop.ts"
import { caughtUp } from "./ReadModel.ts"
import type { Survey, SurveyedFile } from "./Survey.ts"

/** Receipts under way at once. */
const concurrency = 500

const referenceOf = (files: ReadonlyArray<SurveyedFile>): string => {
  const hashes = files.map(({ hash }) => hash).sort()
  return `import-${createHash("sha256").update(hashes.join()).digest("hex").slice(0, 16)}`
}

const otherwise = (sku: string): Failure =>
  new Failure({
    message:
      `Stock for these order lines was received before, and of ${sku} another quantity. Give --stock the same value as the first ` +
      "time; or import into another store."
  })

/** How the delivery is made. */
export interface Options {
  readonly survey: Survey
  readonly shop: Shop["Service"]
  readonly progress: Progress
  /** How much of what is asked for, in per cent. Rounded down for each product. */
  readonly percent: number
  /** How long a store that does not answer is waited for. */
  readonly patience: Duration.Input
}

/** When the first invoice was opened; `undefined` where there is none. */
const arrivalOf = ({ invoices }: Survey): number | undefined => {
  let first: number | undefined
  for (const { openedAtMillis } of invoices.values()) first = Math.min(first ?? openedAtMillis, openedAtMillis)
  return first
}

/** Receives the goods, and waits until the inventory sees them where it chooses. */
export const receive = Effect.fn("OnlineRetail.delivery")(function* (options: Options) {
  const { survey, shop, progress, percent, patience } = options
  const reference = referenceOf(survey.files)
  const occurredAtMillis = arrivalOf(survey)
  const goods = [...survey.wanted]
    .map(([sku, wanted]) => ({ sku, quantity: Math.floor((wanted * percent) / 100) }))
    .filter(({ quantity }) => quantity > 0)
    .sort((a, b) => b.quantity - a.quantity)
  progress.begin("Receiving stock", { total: goods.length, unit: "products" })
  const receiveOne = ({ sku, quantity }: (typeof goods)[number]) => {
    const item = { sku, location: defaultLocation }
    const command = { _tag: "ReceiveStock", ...item, quantity, reference } as const
    const options = { commandId: `${reference}/${quantity}`, actor: "import", occurredAtMillis }
    return shop.stockItems.execute(stockItemId(item), command, options).pipe(
      Effect.retry({
        while: isTransient,
        schedule: Schedule.upTo(Schedule.spaced("1 second"), { duration: patience })
      }),
      Effect.catchTag("ReferenceTaken", () => Effect.fail(otherwise(sku))),
      Effect.andThen(Effect.sync(() => progress.done++))
    )
  }
  // The largest alone: it tells whether this is the delivery that was made before, while nothing has been changed yet.
  yield* Effect.forEach(goods.slice(0, 1), receiveOne, { discard: true })
  yield* Effect.forEach(goods.slice(1), receiveOne, { concurrency, discard: true })
  progress.end()
  yield* caughtUp(progress, {
    ...shop.inventoryReadSide,
    name: stockViewsName,
    of: ["stock item", "stock items"],
    done: "The stock is received, but the read models that show it are not up to date",
    next: "which carries on"
  })
})
