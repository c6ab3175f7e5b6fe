/** What is sealed, on PGlite: see the suites. */
import { layer } from "@effect/vitest"
import { rawEvents } from "./RawEventsSuite.ts"
import { sealing } from "./SealsSuite.ts"
import { freshSchema, stores } from "./Stores.ts"
import { tampering } from "./TamperingSuite.ts"

const schema = freshSchema()

layer(stores({ folder: undefined }, schema), { timeout: 60_000, excludeTestServices: true })("seals", (it) => {
  tampering(schema, it)
  sealing(schema, it)
  rawEvents(schema, it)
})
