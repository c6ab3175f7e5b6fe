/** A journal's own writes, on a server; see `OwnWritesSuite.ts`. */
import { ownWritesSuite } from "./OwnWritesSuite.ts"
import { serverUrl } from "./Stores.ts"

ownWritesSuite("PostgreSQL", { url: serverUrl() })
