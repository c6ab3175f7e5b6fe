/**
 * What the privacy service tells other services. The only file of it that they know. The key of every message is the subject's id.
 */
import * as Contract from "@daybook/core/Contract"
import * as Schema from "effect/Schema"

/** What has happened to data subjects, for every service that keeps something about them. */
export const PrivacyEvents = Contract.define("privacy-events", {
  /**
   * The key of the person's data is destroyed by now: nothing of it can be opened any more. Take what is left of it out of read
   * models, snapshots, stored states and messages that were set aside. Doing so again is harmless.
   */
  SubjectErased: { subjectId: Schema.String }
})

/** What the privacy service has to say. */
export type PrivacyEvent = Contract.Type<typeof PrivacyEvents>
