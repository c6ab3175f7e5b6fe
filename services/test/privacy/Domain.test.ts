/**
 * What a privacy officer and a court rely on: a hold keeps a person from being erased until it is released, an erasure is final,
 * and whatever is asked again changes nothing.
 */
import * as DeciderLaws from "@daybook/testkit/DeciderLaws"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type Command, make, mostHolds } from "../../src/privacy/Domain.ts"
import { HoldIdTaken, SubjectAlreadyErased, SubjectOnHold, TooManyHolds } from "../../src/privacy/Rejection.ts"
import { erased, given, held, released } from "./Given.ts"

const place = (holdId = "legal", reason = "chargeback 81"): Command => ({ _tag: "PlaceHold", holdId, reason })
const release = (holdId = "legal"): Command => ({ _tag: "ReleaseHold", holdId, reason: "it is closed" })
const erase: Command = { _tag: "EraseSubject", reason: "request 7" }

describe("an erasure", () => {
  it("is decided once, and asked again changes nothing, for whatever reason", () => {
    given().when(erase).then([erased])
    given(erased).when(erase).thenNothing()
    given(erased)
      .when({ ...erase, reason: "request 8" })
      .thenNothing()
  })

  it("is refused under any hold, each of which is named with its reason", () => {
    given(held(), held("tax", "audit 2026"))
      .when(erase)
      .thenRejected(SubjectOnHold, {
        status: 409,
        holds: [
          { holdId: "legal", reason: "chargeback 81" },
          { holdId: "tax", reason: "audit 2026" }
        ],
        detail:
          "The subject is under legal hold: legal (chargeback 81), tax (audit 2026). Nothing was erased. Release every hold first, if the matter has ended."
      })
    given(held(), held("tax"), released()).when(erase).thenRejected(SubjectOnHold, { status: 409 })
  })

  it("goes on when every hold is released", () => {
    given(held(), held("tax"), released(), released("tax")).when(erase).then([erased])
  })
})

describe("a hold", () => {
  it("is placed, and again for the same reason changes nothing", () => {
    given().when(place()).then([held()])
    given(held()).when(place()).thenNothing()
    given(held(), released()).when(place()).then([held()])
  })

  it("keeps its id to itself", () => {
    given(held())
      .when(place("legal", "another matter"))
      .thenRejected(HoldIdTaken, { status: 409, holdId: "legal", reason: "chargeback 81" })
  })

  it("is released once; one that is not there is as good as released", () => {
    given(held()).when(release()).then([released()])
    given(held()).when(release("tax")).thenNothing()
    given(held(), released()).when(release()).thenNothing()
  })

  it("comes too late after an erasure", () => {
    given(erased).when(place()).thenRejected(SubjectAlreadyErased, { status: 409 })
  })

  it("is one of a hundred at most", () => {
    const all = Array.from({ length: mostHolds }, (_, i) => held(`hold-${i}`))
    given(...all.slice(1))
      .when(place())
      .then([held()])
    given(...all)
      .when(place())
      .thenRejected(TooManyHolds, { maximum: mostHolds })
  })
})

describe("a subject", () => {
  const holdId = fc.constantFrom("legal", "tax")
  const reason = fc.constantFrom("a", "b")
  const command: fc.Arbitrary<Command> = fc.oneof(
    fc.record({ _tag: fc.constant("PlaceHold" as const), holdId, reason }),
    fc.record({ _tag: fc.constant("ReleaseHold" as const), holdId, reason }),
    fc.record({ _tag: fc.constant("EraseSubject" as const), reason })
  )

  it("keeps the laws of deciders, and is never on hold once it is erased", () => {
    DeciderLaws.always(make(), fc.array(command, { maxLength: 12 }), ({ after }) => {
      if (after.erased) expect(after.holds).toEqual([])
    })
  })
})
