/** Receipts by hashes, on a server; see `ReceiptsSuite.ts`. */
import { receiptsSuite } from "./ReceiptsSuite.ts"
import { serverUrl } from "./Stores.ts"

receiptsSuite("PostgreSQL", { url: serverUrl() })
