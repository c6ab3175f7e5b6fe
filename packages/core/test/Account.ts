/** A small aggregate for the tests of the runtime: an account that is paid into and drawn from, and that breaks on demand. */
import * as Aggregate from "@daybook/core/Aggregate"
import * as Event from "@daybook/core/Event"
import { Problem } from "@daybook/core/Problem"
import * as Schema from "effect/Schema"

export class Overdrawn extends Problem<Overdrawn>()(
  "Overdrawn",
  { status: 409, title: "The account does not hold that much" },
  { balance: Schema.Int, amount: Schema.Int }
) {}

export interface State {
  readonly balance: number
  readonly entries: number
}

export const events = Event.define({
  Deposited: { amount: Schema.Int },
  Withdrawn: { amount: Schema.Int },
  Corrupted: {}
})

export type AccountEvent = Event.Type<typeof events>

export const Command = Schema.TaggedUnion({
  Deposit: { amounts: Schema.Array(Schema.Number) },
  Withdraw: { amount: Schema.Int },
  /** Throws where it is decided. */
  Explode: {},
  /** Throws where its event is applied. */
  Corrupt: {}
})

export type Command = typeof Command.Type

/** States with a larger balance cannot be encoded. */
export const storableBalance = 1_000_000

const entry = ({ balance, entries }: State, amount: number): State => ({
  balance: balance + amount,
  entries: entries + 1
})

export const definition: Aggregate.Aggregate<State, Command, AccountEvent, Overdrawn> = {
  name: "account",
  initial: { balance: 0, entries: 0 },
  evolve: {
    Deposited: (state, { amount }) => entry(state, amount),
    Withdrawn: (state, { amount }) => entry(state, -amount),
    Corrupted: () => {
      throw new Error("evolve is broken")
    }
  },
  decide: {
    Deposit: ({ amounts }) => amounts.map((amount) => ({ _tag: "Deposited", amount })),
    Withdraw: ({ amount }, { balance }) =>
      amount > balance
        ? new Overdrawn({ balance, amount, detail: `The account holds ${balance}, which is less than ${amount}` })
        : [{ _tag: "Withdrawn", amount }],
    Explode: () => {
      throw new Error("decide is broken")
    },
    Corrupt: () => [{ _tag: "Corrupted" }]
  },
  state: {
    version: 1,
    schema: Schema.Struct({
      balance: Schema.Int.check(Schema.isLessThanOrEqualTo(storableBalance)),
      entries: Schema.Int
    })
  },
  events,
  commands: Command
}

export const Account = Aggregate.make(definition)

/** Pays in, one event an amount; nothing to do without amounts. An amount that is no whole number cannot be encoded. */
export const deposit = (...amounts: ReadonlyArray<number>): Command => ({ _tag: "Deposit", amounts })
export const withdraw = (amount: number): Command => ({ _tag: "Withdraw", amount })
export const explode: Command = { _tag: "Explode" }
export const corrupt: Command = { _tag: "Corrupt" }
