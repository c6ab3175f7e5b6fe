/** Rebuilds on the embedded store. */
import { rebuildSuite } from "./RebuildSuite.ts"

rebuildSuite("PGlite", { folder: undefined })
