/**
 * What follows from the events of data subjects: the key of one that is erased is destroyed, and then everyone is told. In that
 * order, so that whoever hears of it may rely on it. Holds are this service's own business.
 *
 * A crash anywhere, and both are done again. A database of keys that is down holds both up, and nothing is forgotten.
 */
import * as Partition from "@daybook/core/Partition"
import * as Publication from "@daybook/core/Publication"
import { SubjectKeys } from "@daybook/core/SubjectKeys"
import * as Effect from "effect/Effect"
import { PrivacyEvents } from "./Contract.ts"
import { make as makeSubject } from "./Domain.ts"

const publication = Publication.make({
  name: "privacy-publication",
  source: "/privacy",
  aggregate: makeSubject(),
  contract: PrivacyEvents
})({
  HoldPlaced: Publication.notPublished,
  HoldReleased: Publication.notPublished,
  SubjectErased: (_, { stream }) => [{ _tag: "SubjectErased", subjectId: Partition.idOf(stream) }]
})

/** Destroys keys, and publishes. For the service's projector. */
export const privacyPublication = {
  ...publication,
  handle: (...[batch, replay]: Parameters<(typeof publication)["handle"]>) =>
    Effect.gen(function* () {
      const keys = yield* SubjectKeys
      for (const { event, stream } of batch) {
        if (event._tag === "SubjectErased") yield* keys.destroy(Partition.idOf(stream))
      }
      yield* publication.handle(batch, replay)
    })
}
