/** What is sealed, on PGlite: see the suites. */
import { layer } from "@effect/vitest"
import { rawEvents } from "./RawEventsSuite.ts"
import { sealing } from "./SealsSuite.ts"
import { freshSchema, stores } from "./Stores.ts"

const schema = freshSchema()

layer(stores({ folder: undefined }, schema), { timeout: 60_000, excludeTestServices: true })("seals", (it) => {
  sealing(schema, it)
  rawEvents(schema, it)
})
