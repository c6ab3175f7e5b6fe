/** What a handler writes that PostgreSQL refuses; see `RefusedValueSuite.ts`. */
import { refusedValueSuite } from "./RefusedValueSuite.ts"
import { serverUrl } from "./Stores.ts"

refusedValueSuite("PostgreSQL", { url: serverUrl() })
