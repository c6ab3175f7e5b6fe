/**
 * The privacy service's HTTP API: legal holds, and erasure. Browser-safe: a client is made from it with `HttpApiClient`.
 */
import { HttpApi, HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import * as Schema from "effect/Schema"
import { acceptedWith, CommandAccepted, CommandHeaders, commandProblems, describe } from "../Http.ts"
import { RequestProblems } from "../InvalidRequest.ts"
import { Id, Text, unpadded } from "../Text.ts"
import { Reason } from "./Domain.ts"
import { rejections } from "./Rejection.ts"

const errors = [...rejections, ...commandProblems] as const

const guest = "guest:"

const namesGuest = Schema.makeFilter<string>(
  (text) =>
    !text.startsWith(guest) ||
    /^\S/u.test(text.slice(guest.length)) ||
    "Expected guest: and the id of the guest's checkout, without blanks between them"
)

/** A customer's id; for a guest, `guest:` and the id of the checkout. */
export const SubjectId = Text(80).check(unpadded, namesGuest)

const params = { id: SubjectId }

export const PlaceHold = Schema.Struct({ holdId: Schema.optionalKey(Id), reason: Reason })

/** Why a hold is released, or a subject erased. */
export const Because = Schema.Struct({ reason: Reason })

const HoldAccepted = acceptedWith("HoldAccepted", { holdId: Schema.String })

export class Subjects extends HttpApiGroup.make("subjects")
  .add(
    HttpApiEndpoint.post("placeHold", "/subjects/:id/holds", {
      params,
      headers: CommandHeaders,
      payload: PlaceHold,
      success: HoldAccepted,
      error: errors
    }).annotateMerge(
      describe(
        "Place a legal hold",
        "Until it is released, the subject cannot be erased. `holdId` is made if none is given."
      )
    ),
    HttpApiEndpoint.post("releaseHold", "/subjects/:id/holds/:holdId/release", {
      params: { ...params, holdId: Id },
      headers: CommandHeaders,
      payload: Because,
      success: CommandAccepted,
      error: errors
    }).annotateMerge(
      describe("Release a legal hold", "The others stay. One that is not there is as good as released.")
    ),
    HttpApiEndpoint.post("erase", "/subjects/:id/erasure", {
      params,
      headers: CommandHeaders,
      payload: Because,
      success: CommandAccepted,
      error: errors
    }).annotateMerge(
      describe(
        "Erase a subject",
        "Final. The key of the subject's personal data is destroyed within seconds, and what is left of it taken out of every service. Amounts and dates stay. Refused while there is a legal hold."
      )
    )
  )
  .annotateMerge(
    OpenApi.annotations({
      title: "Data subjects",
      description: "People, as far as something personal is kept about them"
    })
  ) {}

/** The privacy service's API. */
export const PrivacyApi = HttpApi.make("privacy")
  .add(Subjects)
  .middleware(RequestProblems)
  .annotate(HttpApi.ParseOptions, { errors: "all" })
