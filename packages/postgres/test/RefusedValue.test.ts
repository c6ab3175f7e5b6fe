/** What a handler writes that PGlite refuses; see `RefusedValueSuite.ts`. */
import { refusedValueSuite } from "./RefusedValueSuite.ts"

refusedValueSuite("PGlite", { folder: undefined })
