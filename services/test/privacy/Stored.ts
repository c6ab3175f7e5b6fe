/** What the files in `golden/` mean: the stored formats of data subjects. For `Golden.test.ts` and `npm run stored`. */
import { make } from "../../src/privacy/Domain.ts"
import type { SubjectEvent } from "../../src/privacy/Events.ts"
import { formats } from "../StoredFormats.ts"

/** What each file means, in today's terms. */
const meanings: Record<string, SubjectEvent> = {
  "HoldPlaced.v1.json": { _tag: "HoldPlaced", holdId: "hold-1", reason: "Case 2026-17" },
  "HoldReleased.v1.json": { _tag: "HoldReleased", holdId: "hold-1", reason: "The case is closed" },
  "SubjectErased.v1.json": { _tag: "SubjectErased", reason: "Asked for on 2026-11-02" }
}

/** The data subjects'. */
export const subject = formats({
  aggregate: make(),
  folder: new URL("golden/", import.meta.url),
  meanings,
  states: { "State.v1.json": { holds: [{ holdId: "hold-1", reason: "Case 2026-17" }], erased: true } }
})
