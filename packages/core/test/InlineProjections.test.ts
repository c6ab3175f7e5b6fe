/** What a simple service (level 1) relies on: its read models are written with the command, or the command is refused. */
import type * as Event from "@daybook/core/Event"
import * as Persistence from "@daybook/core/Persistence"
import type { Projection as AnyProjection } from "@daybook/core/Projection"
import * as Projection from "@daybook/core/Projection"
import { ReadModelUnavailable } from "@daybook/core/ProjectionStore"
import * as FaultInjection from "@daybook/testkit/FaultInjection"
import { assert, describe } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { Account, type AccountEvent, deposit, withdraw } from "./Account.ts"
import {
  failureOf,
  hold,
  join,
  letOthersRun,
  open as openAccounts,
  outcomes,
  scenario,
  start,
  startAll,
  withJournal
} from "./Bank.ts"

type Recorded = Event.Recorded<AccountEvent>

/** A ledger of all accounts; it refuses entries of 13, in the way that it is told. */
const ledger = (refuse: Effect.Effect<never, unknown> = Effect.fail(new Error("13 brings bad luck"))) => {
  const calls: Array<ReadonlyArray<Recorded>> = []
  const projection = Projection.make({
    name: "ledger",
    sources: [Account],
    handle: (batch) =>
      Effect.gen(function* () {
        if (batch.some(({ event }) => event._tag === "Deposited" && event.amount === 13)) return yield* refuse
        calls.push(batch)
      })
  })
  const entries = () => calls.flat().map(({ stream, version }) => `${stream} ${version}`)
  return { projection, calls, entries }
}

const open = (...projections: ReadonlyArray<AnyProjection<any, any>>) =>
  openAccounts({ persistence: Persistence.inline, projections })

describe("a command at level 1", () => {
  scenario(
    "is answered when its events have been applied, with all that is known about them",
    Effect.gen(function* () {
      const { projection, calls } = ledger()
      const accounts = yield* open(projection)
      yield* accounts.execute("a", deposit(1, 2), { actor: "ada", occurredAtMillis: 5 })
      assert.strictEqual(calls.length, 1)
      assert.deepInclude(calls[0]![0], {
        stream: "account-a",
        version: 1,
        position: 0,
        actor: "ada",
        occurredAtMillis: 5
      })
      assert.deepStrictEqual(
        calls[0]!.map(({ version, event }) => [version, event]),
        [
          [1, { _tag: "Deposited", amount: 1 }],
          [2, { _tag: "Deposited", amount: 2 }]
        ]
      )
    })
  )

  scenario(
    "that left no events applies none, and one that was carried out before is not applied again",
    Effect.gen(function* () {
      const { projection, entries } = ledger()
      const accounts = yield* open(projection)
      yield* accounts.execute("a", deposit(), { commandId: "nothing" })
      yield* failureOf(accounts.execute("a", withdraw(1)))
      for (let i = 0; i < 3; i++) yield* accounts.execute("a", deposit(1), { commandId: "c" })
      assert.deepStrictEqual(entries(), ["account-a 1"])
    })
  )

  scenario(
    "whose append was lost or overtaken is applied as it was stored in the end",
    Effect.gen(function* () {
      const { projection, entries } = ledger()
      const accounts = yield* open(projection)
      const faults = yield* FaultInjection.Faults
      yield* faults.inject(FaultInjection.failBefore, FaultInjection.conflict)
      yield* failureOf(accounts.execute("a", deposit(1)))
      yield* accounts.execute("a", deposit(2))
      assert.deepStrictEqual(entries(), ["account-a 1"])
    })
  )
})

describe("a projection that fails", () => {
  for (const [how, refuse] of [
    ["fails", Effect.fail(new Error("13 brings bad luck"))],
    ["dies", Effect.die(new Error("13 brings bad luck"))]
  ] as const) {
    scenario(
      `(${how}) refuses the command with its reason; nothing of it is stored, and it may be sent again`,
      Effect.gen(function* () {
        const { projection, entries } = ledger(refuse)
        const accounts = yield* open(projection)
        yield* accounts.execute("a", deposit(1))
        const command = accounts.execute("a", deposit(13), { commandId: "c" })
        const defect = yield* Effect.catchDefect(command, Effect.succeed)
        assert.deepInclude(defect, { message: "13 brings bad luck" })
        assert.deepStrictEqual(yield* accounts.read("a"), { version: 1, state: { balance: 1, entries: 1 } })
        assert.deepInclude(yield* accounts.execute("a", deposit(2), { commandId: "c" }), {
          version: 2,
          duplicate: false
        })
        assert.deepStrictEqual(entries(), ["account-a 1", "account-a 2"])
      })
    )
  }

  scenario(
    "refuses no other command of its batch, of whatever aggregate",
    Effect.gen(function* () {
      const { projection, entries } = ledger()
      const accounts = yield* open(projection)
      const held = yield* hold()
      yield* start(accounts.execute("a", deposit(100)))
      yield* letOthersRun
      const callers = yield* startAll([
        accounts.execute("a", deposit(1)),
        accounts.execute("a", deposit(13)),
        accounts.execute("b", deposit(3)),
        accounts.execute("a", withdraw(101)),
        accounts.execute("c", deposit(13))
      ])
      yield* held.release
      assert.deepStrictEqual(yield* outcomes(callers), ["success", "defect", "success", "success", "defect"])
      assert.deepStrictEqual(entries().sort(), ["account-a 1", "account-a 2", "account-a 3", "account-b 1"])
    })
  )

  scenario(
    "because its store is away fails commands as if the journal were",
    Effect.gen(function* () {
      const down = new ReadModelUnavailable({ detail: "Out to lunch", retryAfterSeconds: 3 })
      const accounts = yield* open(ledger(Effect.fail(down)).projection)
      const error = yield* Effect.flip(accounts.execute("a", deposit(13)))
      assert.deepInclude(error, { _tag: "JournalUnavailable", retryAfterSeconds: 3 })
    })
  )
})

describe("projections at level 1", () => {
  scenario(
    "are each given the events of a batch in order, of the aggregates that they want",
    Effect.gen(function* () {
      const first = ledger()
      const second = ledger()
      const other = Projection.make({
        name: "other",
        sources: [{ name: "other", events: Account.events }],
        handle: () => Effect.die("called for an aggregate that it does not want")
      })
      const accounts = yield* open(first.projection, other, second.projection)
      const held = yield* hold()
      yield* start(accounts.execute("z", deposit(1)))
      yield* letOthersRun
      const callers = yield* startAll(["a", "b", "a"].map((id) => accounts.execute(id, deposit(1, 1))))
      yield* held.release
      yield* join(callers)
      assert.deepStrictEqual(first.entries(), second.entries())
      const ofA = first.entries().filter((entry) => entry.startsWith("account-a"))
      assert.deepStrictEqual(
        ofA,
        [1, 2, 3, 4].map((version) => `account-a ${version}`)
      )
      assert.strictEqual(first.entries().length, 7)
    })
  )

  for (const persistence of [Persistence.state(), Persistence.events()]) {
    scenario(
      `are left to the workers at level ${persistence._tag}`,
      Effect.gen(function* () {
        const { projection, calls } = ledger()
        const accounts = yield* openAccounts({ persistence, projections: [projection] })
        yield* accounts.execute("a", deposit(13))
        assert.strictEqual(calls.length, 0)
      })
    )
  }
})

class Client extends Context.Service<Client, string>()("@daybook/core/test/Client") {}

describe("the handler of a projection at level 1", () => {
  scenario(
    "has the services that the runtime was started with, except where the journal's transaction has its own",
    Effect.gen(function* () {
      const clients: Array<string> = []
      const projection = Projection.make({
        name: "ledger",
        sources: [Account],
        handle: () => Effect.map(Client, (client) => void clients.push(client))
      })
      const accounts = openAccounts({ persistence: Persistence.inline, projections: [projection as never] })
      const plain = yield* Effect.provideService(accounts, Client, "pool")
      yield* plain.execute("a", deposit(1))
      const transacted = yield* Effect.provideService(accounts, Client, "pool").pipe(
        withJournal((journal) => ({
          append: (batch, within) =>
            journal.append(
              batch,
              within && ((found) => Effect.provideService(within(found), Client, "transaction"))
            ) as never
        }))
      )
      yield* transacted.execute("b", deposit(1))
      assert.deepStrictEqual(clients, ["pool", "transaction"])
    })
  )
})
