/** A small aggregate for the testkit's own tests: an account that is opened, paid into and drawn from. */
import * as Aggregate from "@daybook/core/Aggregate"
import * as Event from "@daybook/core/Event"
import { Problem } from "@daybook/core/Problem"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"

export class NotOpen extends Problem<NotOpen>()("NotOpen", { status: 409, title: "The account is not open" }) {}

export class Overdrawn extends Problem<Overdrawn>()(
  "Overdrawn",
  { status: 409, title: "The account does not hold that much" },
  { balance: Schema.Int, amount: Schema.Int }
) {}

export interface State {
  readonly owner: string | null
  readonly balance: number
  readonly tags: ReadonlyArray<string>
}

export const events = Event.define({
  Opened: { owner: Schema.String },
  Paid: { amount: Schema.Int, note: Schema.optional(Schema.String) },
  Drawn: { amount: Schema.Int },
  Closed: {}
})

export type AccountEvent = Event.Type<typeof events>

export const Command = Schema.TaggedUnion({
  Open: { owner: Schema.String },
  Pay: { amount: Schema.Int },
  Draw: { amount: Schema.Int },
  Close: {}
})

export type Command = typeof Command.Type
export type Rejection = NotOpen | Overdrawn

const notOpen = new NotOpen({ detail: "Open the account first" })

export const Account: Aggregate.Aggregate<State, Command, AccountEvent, Rejection> = Aggregate.make({
  name: "account",
  initial: { owner: null, balance: 0, tags: [] },
  evolve: {
    Opened: (state, { owner }) => ({ ...state, owner }),
    Paid: (state, { amount }) => ({ ...state, balance: state.balance + amount }),
    Drawn: (state, { amount }) => ({ ...state, balance: state.balance - amount }),
    Closed: (state) => ({ ...state, owner: null })
  },
  decide: {
    Open: ({ owner }, state) => (state.owner === null ? [{ _tag: "Opened", owner }] : []),
    Pay: ({ amount }, state) => (state.owner === null ? notOpen : [{ _tag: "Paid", amount, note: undefined }]),
    Draw: ({ amount }, { owner, balance }) => {
      if (owner === null) return notOpen
      if (amount <= balance) return [{ _tag: "Drawn", amount }]
      return new Overdrawn({ balance, amount, detail: `The account holds ${balance}, which is less than ${amount}` })
    },
    Close: (_, state) => (state.owner === null ? [] : [{ _tag: "Closed" }])
  },
  state: {
    version: 1,
    schema: Schema.Struct({
      owner: Schema.NullOr(Schema.String),
      balance: Schema.Int,
      tags: Schema.Array(Schema.String)
    })
  },
  events,
  commands: Command
})

const amount = fc.integer({ min: 1, max: 100 })

const command: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ _tag: fc.constant("Open" as const), owner: fc.string() }),
  fc.record({ _tag: fc.constant("Pay" as const), amount }),
  fc.record({ _tag: fc.constant("Draw" as const), amount }),
  fc.record({ _tag: fc.constant("Close" as const) })
)

export const commands = fc.array(command, { maxLength: 20 })

export const open: Command = { _tag: "Open", owner: "Zoë" }
export const opened: AccountEvent = { _tag: "Opened", owner: "Zoë" }
export const paid = (amount: number): AccountEvent => ({ _tag: "Paid", amount })
export const draw = (amount: number): Command => ({ _tag: "Draw", amount })
