/** What an author of deciders relies on: expectations that hold pass, others fail with the whole story. */
import type { Decider } from "@daybook/core/Aggregate"
import * as DeciderSpec from "@daybook/testkit/DeciderSpec"
import { describe, expect, it } from "vitest"
import { Account, draw, NotOpen, Overdrawn, open, opened, paid } from "./Account.ts"

const account = DeciderSpec.for(Account)

const failureOf = (run: () => unknown): DeciderSpec.SpecFailure => {
  try {
    run()
  } catch (error) {
    if (error instanceof DeciderSpec.SpecFailure) return error
    throw error
  }
  throw new Error("the expectation was met")
}

describe("expectations that are met", () => {
  it("of events, of nothing, of a state", () => {
    account.when(open).then([opened])
    account.given([opened]).when(open).thenNothing()
    account
      .given([opened, paid(5)])
      .when(draw(2))
      .then([{ _tag: "Drawn", amount: 2 }])
      .thenState({ owner: "Zoë", balance: 3, tags: [] })
  })

  it("of a state asserted by a function, and from a state instead of events", () => {
    account
      .givenState({ owner: "Zoë", balance: 7, tags: [] })
      .when(draw(7))
      .thenState((state) => expect(state.balance).toBe(0))
  })

  it("of a rejection by class or by tag, with some of its fields, values or matchers", () => {
    const outcome = account.given([opened, paid(5)]).when(draw(9))
    outcome.thenRejected(Overdrawn)
    outcome.thenRejected("Overdrawn", { balance: 5 })
    outcome.thenRejected(Overdrawn, { balance: 5, amount: expect.any(Number), detail: /less than 9$/ })
    outcome.thenState({ owner: "Zoë", balance: 5, tags: [] })
  })

  it("of an event whose undefined fields are left out", () => {
    account
      .given([opened])
      .when({ _tag: "Pay", amount: 1 })
      .then([paid(1)])
  })

  it("of a decider that is no aggregate", () => {
    type Add = { readonly _tag: "Add"; readonly by: number }
    type Added = { readonly _tag: "Added"; readonly by: number }
    const bare: Decider<number, Add, Added, Error> = {
      initial: 0,
      evolve: { Added: (sum, { by }) => sum + by },
      decide: { Add: ({ by }) => [{ _tag: "Added", by }] }
    }
    DeciderSpec.for(bare)
      .when({ _tag: "Add", by: 2 })
      .then([{ _tag: "Added", by: 2 }])
      .thenState(2)
  })
})

describe("expectations that are not met", () => {
  it("tell what was given, what was done, what was expected and what came", () => {
    const failure = failureOf(() =>
      account
        .given([opened, paid(5)])
        .when(draw(2))
        .then([{ _tag: "Drawn", amount: 3 }])
    )
    expect(failure.message).toBe(
      [
        "account: Draw led to something else",
        "",
        "  given     Opened { owner: 'Zoë' }",
        "            Paid { amount: 5 }",
        "  when      Draw { amount: 2 }",
        "  expected  Drawn { amount: 3 }",
        "  actual    Drawn { amount: 2 }",
        ""
      ].join("\n")
    )
    expect([failure.expected, failure.actual]).toEqual([[{ _tag: "Drawn", amount: 3 }], [{ _tag: "Drawn", amount: 2 }]])
  })

  it("tell of a rejection where events were expected", () => {
    const { message } = failureOf(() => account.when(draw(2)).then([{ _tag: "Drawn", amount: 2 }]))
    expect(message).toContain("given     nothing")
    expect(message).toMatch(/actual +rejected: NotOpen \{.*Open the account first/s)
  })

  it("tell of events where nothing, or a rejection, was expected", () => {
    expect(failureOf(() => account.when(open).thenNothing()).message).toMatch(/expected +nothing\n +actual +Opened/)
    const { message } = failureOf(() => account.when(open).thenRejected(NotOpen))
    expect(message).toMatch(/Open was not rejected so.*expected +rejected: NotOpen\n +actual +Opened/s)
  })

  it("tell which field of a rejection differs", () => {
    const outcome = account.given([opened, paid(5)]).when(draw(9))
    expect(failureOf(() => outcome.thenRejected("Overdrawn", { balance: 6 })).message).toContain(
      "Draw was rejected with another balance"
    )
    expect(failureOf(() => outcome.thenRejected(NotOpen)).message).toContain("was not rejected so")
  })

  it("tell of another state, also one that was named and not led to", () => {
    const { message } = failureOf(() =>
      account
        .givenState({ owner: "Zoë", balance: 7, tags: [] })
        .when(draw(7))
        .thenState({ owner: "Zoë", balance: 1, tags: [] })
    )
    expect(message).toMatch(/given state +\{ owner: 'Zoë', balance: 7, tags: \[\] \}/)
    expect(message).toMatch(/actual +\{ owner: 'Zoë', balance: 0, tags: \[\] \}/)
  })

  it("point to the line of the test", () => {
    const failure = failureOf(() => account.when(open).then([]))
    expect(failure.stack?.split("\n").find((line) => line.trim().startsWith("at "))).toContain("DeciderSpec.test.ts")
  })
})

describe("mistakes in a specification", () => {
  it("that expects nothing at all, and is returned to the runner, fails instead of passing", async () => {
    const unfinished = account.when(open) as unknown as Promise<unknown>
    await expect(Promise.resolve(unfinished)).rejects.toThrow("account: nothing is expected of Open")
  })

  it("in names do not compile", () => {
    const outcome = account.when(draw(1))
    // @ts-expect-error there is no such rejection
    expect(() => outcome.thenRejected("NoSuch")).toThrow(DeciderSpec.SpecFailure)
    // @ts-expect-error there is no such field
    expect(() => outcome.thenRejected(NotOpen, { balance: 1 })).toThrow(DeciderSpec.SpecFailure)
    // @ts-expect-error there is no such event
    expect(() => outcome.then([{ _tag: "Emptied" }])).toThrow(DeciderSpec.SpecFailure)
  })
})
