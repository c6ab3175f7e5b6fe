/** Planned writes on the embedded store. */
import { plannedWritesSuite } from "./PlannedWritesSuite.ts"

plannedWritesSuite("PGlite", { folder: undefined })
