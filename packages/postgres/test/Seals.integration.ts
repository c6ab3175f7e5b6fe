/** What is sealed, on a PostgreSQL server: see the suites. */
import { layer } from "@effect/vitest"
import { rawEvents } from "./RawEventsSuite.ts"
import { sealing } from "./SealsSuite.ts"
import { freshSchema, serverUrl, stores } from "./Stores.ts"
import { tampering } from "./TamperingSuite.ts"

const schema = freshSchema()

layer(stores({ url: serverUrl() }, schema), { timeout: 60_000, excludeTestServices: true })(
  "seals on a server",
  (it) => {
    tampering(schema, it)
    sealing(schema, it)
    rawEvents(schema, it)
  }
)
