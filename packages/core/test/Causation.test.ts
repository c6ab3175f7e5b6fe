/** What an auditor relies on: what follows from something is done in the name of whoever began it, and never in nobody's. */
import * as Actor from "@daybook/core/Actor"
import { following } from "@daybook/core/Causation"
import { assert, describe, it } from "vitest"

const cause = { occurredAtMillis: 5, actor: "ann", correlationId: "talk", traceParent: "trace", tenant: "x" }

describe("a command that follows", () => {
  it("goes on with the conversation, the time and the name of whoever began it", () => {
    assert.deepStrictEqual(following(cause, "event-1", "command-1"), {
      commandId: "command-1",
      causationId: "event-1",
      occurredAtMillis: 5,
      actor: "ann",
      correlationId: "talk",
      traceParent: "trace",
      tenant: "x"
    })
  })

  it("from a message that names nobody is the sending service's", () => {
    assert.strictEqual(following({ ...cause, actor: null, source: "/checkout" }, "m").actor, "system:checkout")
    assert.strictEqual(following({ ...cause, source: "/checkout" }, "m").actor, "ann")
  })

  it("from an event that names nobody names nobody: it was stored so, before every command had an actor", () => {
    assert.isUndefined(following({ ...cause, actor: null }, "event-1").actor)
  })
})

it("names what is no person so that it is not taken for one", () => {
  assert.deepStrictEqual(
    [Actor.anonymous, Actor.system("inventory"), Actor.operator("ann")],
    ["anonymous", "system:inventory", "operator:ann"]
  )
})
