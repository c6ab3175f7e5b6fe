/**
 * What the privacy service's HTTP API does: makes ids where the caller gave none, and passes commands on.
 */
import type { CommandOptions } from "@daybook/core/Entities"
import * as Effect from "effect/Effect"
import { HttpApiBuilder } from "effect/http-api"
import { accepted, commandOptions } from "../Http.ts"
import { makeId } from "../Serving.ts"
import { PrivacyApi } from "./Api.ts"
import type { Command } from "./Domain.ts"
import { Subjects } from "./Privacy.ts"

/** The handlers of the privacy service's API. */
export const layer = HttpApiBuilder.group(
  PrivacyApi,
  "subjects",
  Effect.fnUntraced(function* (handlers) {
    const subjects = yield* Subjects
    const send = (id: string, command: Command, options: CommandOptions) =>
      Effect.map(subjects.execute(id, command, options), accepted)

    return handlers
      .handle("placeHold", ({ params: { id }, payload: { holdId: given, reason }, headers }) => {
        const options = commandOptions(headers, reason)
        const holdId = given ?? makeId(options, id)
        return Effect.map(send(id, { _tag: "PlaceHold", holdId, reason }, options), (body) => ({ ...body, holdId }))
      })
      .handle("releaseHold", ({ params: { id, holdId }, payload: { reason }, headers }) =>
        send(id, { _tag: "ReleaseHold", holdId, reason }, commandOptions(headers, reason))
      )
      .handle("erase", ({ params: { id }, payload: { reason }, headers }) =>
        send(id, { _tag: "EraseSubject", reason }, commandOptions(headers, reason))
      )
  })
)
