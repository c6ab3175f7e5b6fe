/**
 * Writes a file for each version of an event or a state that is new: `npm run stored`. Writes nothing where something that has been
 * written before would be written or read otherwise.
 */
import * as Cart from "./cart/Stored.ts"
import * as Checkout from "./checkout/Stored.ts"
import * as Inventory from "./inventory/Stored.ts"
import * as Order from "./order/Stored.ts"
import * as Payment from "./payment/Stored.ts"
import * as Privacy from "./privacy/Stored.ts"
import { compare, record, type StoredFormats } from "./StoredFormats.ts"

const all: ReadonlyArray<StoredFormats> = [
  Cart.cart,
  Checkout.checkout,
  Inventory.stockItem,
  Inventory.reservation,
  Order.order,
  Payment.payment,
  Privacy.subject
]

const found = all.map((formats) => ({ formats, ...compare(formats) }))
const problems = found.flatMap((one) => one.problems)

if (problems.length > 0) {
  console.error(`${problems.join("\n")}\n\nNothing was written.`)
  process.exitCode = 1
} else {
  for (const { formats, missing } of found) {
    for (const [file, content] of missing) {
      record(formats, file, content)
      console.log(`${formats.aggregate.name}: wrote ${file}`)
    }
  }
  if (found.every(({ missing }) => missing.size === 0)) console.log("Every stored format has its file already.")
}
