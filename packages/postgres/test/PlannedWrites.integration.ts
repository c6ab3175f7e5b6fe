/** Planned writes on a server. */
import { plannedWritesSuite } from "./PlannedWritesSuite.ts"
import { serverUrl } from "./Stores.ts"

plannedWritesSuite("PostgreSQL", { url: serverUrl() })
