/** The values that the privacy service's tests are made of. */
import * as DeciderSpec from "@daybook/testkit/DeciderSpec"
import * as Domain from "../../src/privacy/Domain.ts"
import type { SubjectEvent } from "../../src/privacy/Events.ts"

export const held = (holdId = "legal", reason = "chargeback 81"): SubjectEvent => ({
  _tag: "HoldPlaced",
  holdId,
  reason
})
export const released = (holdId = "legal", reason = "it is closed"): SubjectEvent => ({
  _tag: "HoldReleased",
  holdId,
  reason
})
export const erased: SubjectEvent = { _tag: "SubjectErased", reason: "request 7" }

/** The beginning of a case: a subject with a history. */
export const given = (...history: ReadonlyArray<SubjectEvent>) => DeciderSpec.for(Domain.make()).given(history)
