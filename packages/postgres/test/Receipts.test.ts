/** Receipts by hashes, on PGlite; see `ReceiptsSuite.ts`. */
import { receiptsSuite } from "./ReceiptsSuite.ts"

receiptsSuite("PGlite", { folder: undefined })
