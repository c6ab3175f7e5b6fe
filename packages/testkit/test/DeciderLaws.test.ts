/** What an author of deciders relies on: a sound aggregate passes, and each broken law is named with the history that breaks it. */
import type * as Aggregate from "@daybook/core/Aggregate"
import * as Event from "@daybook/core/Event"
import * as DeciderLaws from "@daybook/testkit/DeciderLaws"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  Account,
  type AccountEvent,
  type Command,
  commands,
  type events,
  type Rejection,
  type State
} from "./Account.ts"

type Accounts = Aggregate.Aggregate<State, Command, AccountEvent, Rejection>

const failureOf = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    return String((error as Error).message)
  }
  throw new Error("no law was broken")
}

/** Aggregates that break a law, by the law. */
const broken: Readonly<Record<keyof typeof DeciderLaws.laws, Accounts>> = {
  command: {
    ...Account,
    commands: Schema.TaggedUnion({
      Open: { owner: Schema.String },
      Pay: {},
      Draw: { amount: Schema.Int },
      Close: {}
    }) as unknown as Accounts["commands"]
  },
  decide: {
    ...Account,
    decide: {
      ...Account.decide,
      Draw: () => {
        throw new Error("not implemented")
      }
    }
  },
  pure: {
    ...Account,
    decide: { ...Account.decide, Pay: () => [{ _tag: "Paid", amount: Math.floor(Math.random() * 1e9) }] }
  },
  unchanged: {
    ...Account,
    evolve: {
      ...Account.evolve,
      Opened: (state, { owner }) => {
        ;(state.tags as Array<string>).push(owner)
        return { ...state, owner }
      }
    }
  },
  evolve: {
    ...Account,
    evolve: {
      ...Account.evolve,
      Closed: () => {
        throw new Error("closed accounts are not handled")
      }
    }
  },
  event: {
    ...Account,
    decide: { ...Account.decide, Pay: () => [{ _tag: "Paid", amount: 0.5 }] }
  },
  replay: {
    ...Account,
    // Tells the event that was just decided from the same one read back.
    evolve: {
      ...Account.evolve,
      Paid: (state, event) => ({ ...state, balance: Object.keys(event)[0] === "_tag" ? 1 : 2 })
    }
  },
  state: {
    ...Account,
    state: {
      version: 1,
      schema: Schema.Struct({ owner: Schema.NullOr(Schema.String), tags: Schema.Array(Schema.String) }) as never
    }
  },
  snapshot: {
    ...Account,
    // Keeps what it needs in a place that is not stored.
    initial: Object.defineProperty({ owner: null, balance: 0, tags: [] }, "opened", { value: 0 }) as State,
    evolve: {
      ...Account.evolve,
      Opened: (state, { owner }) => ({ ...state, owner, balance: Object.hasOwn(state, "opened") ? 1 : 2 })
    }
  }
}

describe("the laws", () => {
  it("hold for a sound aggregate, and the coverage tells what came up", () => {
    const { events, rejections } = DeciderLaws.check(Account, commands, { runs: 100, seed: 1 })
    expect([...events.keys()].sort()).toEqual(["Closed", "Drawn", "Opened", "Paid"])
    expect([...rejections.keys()].sort()).toEqual(["NotOpen", "Overdrawn"])
  })

  it.each(Object.entries(broken))("name what is broken: %s", (law, aggregate) => {
    const message = failureOf(() => DeciderLaws.check(aggregate, commands))
    expect(message).toContain(`account: the law "${DeciderLaws.laws[law as keyof typeof broken]}" is broken`)
  })

  it("are reported with the shortest history, and the way to see it again", () => {
    const message = failureOf(() => DeciderLaws.check(broken.evolve, commands))
    expect(message).toMatch(/after these commands:\n\n {2}1\. +Open \{ owner: '' \}\n {2}2\. +Close\n\nTo see it again/)
    expect(message).toMatch(/give the options \{ seed: -?\d+, path: "[\d:]+" \}/)
  })

  it("are not taken to hold when nothing ever happened", () => {
    const drawing = fc.constant([{ _tag: "Draw", amount: 1 } as const])
    expect(failureOf(() => DeciderLaws.check(Account, drawing))).toContain(
      "none of the random commands led to an event"
    )
  })

  it("find an event that its upcasters cannot bring back", () => {
    const renamed = Event.define({
      Opened: { owner: Schema.String },
      Paid: { amount: Schema.Int, note: Schema.optional(Schema.String) },
      Drawn: { amount: Schema.Int.check(Schema.isGreaterThan(50)) },
      Closed: {}
    })
    const message = failureOf(() => DeciderLaws.check({ ...Account, events: renamed as typeof events }, commands))
    expect(message).toContain(DeciderLaws.laws.event)
  })
})

describe("invariants of an aggregate's own", () => {
  it("are held at every step, and reported like laws", () => {
    const positive = ({ after }: { readonly after: State }) => expect(after.balance).toBeGreaterThanOrEqual(0)
    DeciderLaws.always(Account, commands, positive)
    const small = ({ after }: { readonly after: State }) => expect(after.balance).toBeLessThan(100)
    const message = failureOf(() => DeciderLaws.always(Account, commands, small))
    expect(message).toContain("expected 100 to be less than 100")
    expect(message).toContain("Pay { amount: ")
  })
})
