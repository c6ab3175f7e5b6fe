/** What the tests of projections are written with: a journal of two partitions, and read models that commit with the offsets. */

import type { Recorded } from "@daybook/core/Event"
import * as EventId from "@daybook/core/EventId"
import { type Append, Journal, type JournalUnavailable } from "@daybook/core/Journal"
import * as Partition from "@daybook/core/Partition"
import * as Projection from "@daybook/core/Projection"
import { type Offset, ProjectionStore } from "@daybook/core/ProjectionStore"
import * as Projector from "@daybook/core/Projector"
import * as FaultInjection from "@daybook/testkit/FaultInjection"
import { nothingKnown } from "@daybook/testkit/Metadata"
import { assert, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { Account, type AccountEvent } from "./Account.ts"
import { letOthersRun } from "./Bank.ts"

/** What a transaction will have written when it commits. */
const Writes = Context.Reference<Array<() => void>>("@daybook/core/test/Writes", { defaultValue: () => [] })

/** A store whose transactions take the writes of handlers along, as one does that shares its database with the read models. */
const withWrites = (store: ProjectionStore["Service"]): ProjectionStore["Service"] => ({
  ...store,
  transact: (projection, advances, work) =>
    Effect.suspend(() => {
      const writes: Array<() => void> = []
      const commit = Effect.sync(() => {
        for (const write of writes) write()
      })
      return Effect.tap(store.transact(projection, advances, Effect.provideService(work, Writes, writes)), () => commit)
    })
})

export const partitions = 2

/** A journal that fails on demand, and a projection store that takes writes along. */
export const stores = Layer.merge(
  FaultInjection.layer(Journal.layerMemory({ partitions })),
  Layer.effect(ProjectionStore, Effect.map(ProjectionStore, withWrites)).pipe(
    Layer.provide(ProjectionStore.layerMemory)
  )
)

/** A test with stores of its own, under a test's clock. */
export const scenario = <E>(
  name: string,
  run: Effect.Effect<unknown, E, Journal | ProjectionStore | FaultInjection.Faults | Scope.Scope>
) => it.effect(name, () => Effect.provide(run, stores))

/** Uses a projection store that does some things in another way. */
export const withStore =
  (change: (store: ProjectionStore["Service"]) => Partial<ProjectionStore["Service"]>) =>
  <A, E, R>(use: Effect.Effect<A, E, R>) =>
    Effect.updateService(use, ProjectionStore, (store) => ({ ...store, ...change(store) }))

/** The ids of accounts in a partition: `idIn(0)` is the first that belongs to partition 0. */
export const idIn = (partition: number, nth = 0): string => {
  for (let i = 0, found = 0; ; i++) {
    if (Partition.ofId(`${i}`, partitions) === partition && found++ === nth) return `${i}`
  }
}

/** Appends an account's deposits of these amounts, at the versions that come next. */
export const deposits = (
  id: string,
  amounts: ReadonlyArray<number>,
  change: (append: Append) => Append = (append) => append
): Effect.Effect<void, JournalUnavailable, Journal> =>
  Effect.gen(function* () {
    const journal = yield* Journal
    const stream = Partition.streamOf(Account.name, id)
    const append: Append = {
      stream,
      partition: Partition.ofId(id, partitions),
      expectedVersion: yield* journal.version(stream),
      events: amounts.map((amount) => ({
        eventId: EventId.make(0),
        type: "Deposited",
        schemaVersion: 1,
        occurredAtMillis: 0,
        ...nothingKnown,
        data: { amount }
      })),
      receipts: [],
      state: null,
      keepEvents: true
    }
    const outcomes = yield* journal.append([change(append)])
    assert.strictEqual(outcomes[0]!._tag, "Appended")
    yield* letOthersRun
  })

export type Batch = ReadonlyArray<Recorded<AccountEvent>>

/** A read model of all deposits, in the order in which they were applied, and the batches that its handler was given. */
export interface Ledger {
  readonly projection: Projection.Projection<AccountEvent, unknown>
  /** `id:amount` for each deposit. */
  readonly entries: Array<string>
  readonly batches: Array<Batch>
  /** What the handler does before it writes; nothing, to begin with. */
  before: (batch: Batch) => Effect.Effect<unknown, unknown>
}

export const ledgerEntry = ({ stream, event }: Recorded<AccountEvent>): string =>
  `${Partition.idOf(stream)}:${event._tag === "Deposited" ? event.amount : "?"}`

export const makeLedger = (
  options: { readonly name?: string; readonly onFailure?: Projection.FailurePolicy; readonly batchSize?: number } = {}
): Ledger => {
  const ledger: Ledger = {
    entries: [],
    batches: [],
    before: () => Effect.void,
    projection: Projection.make({
      name: "ledger",
      ...options,
      sources: [Account],
      handle: (batch) =>
        Effect.gen(function* () {
          ledger.batches.push(batch)
          const writes = yield* Writes
          writes.push(() => ledger.entries.push(...batch.map(ledgerEntry)))
          yield* ledger.before(batch)
        })
    })
  }
  return ledger
}

/** Starts the workers of these read models, and lets them do what there is to do. */
export const run = (ledgers: Ledger | ReadonlyArray<Ledger>, options: Projector.Options = {}) =>
  Effect.tap(
    Projector.make(
      [ledgers].flat().map(({ projection }) => projection),
      options
    ),
    () => letOthersRun
  )

/** Works until the effect is done, then stops. */
export const during = <A, E, R>(ledger: Ledger, use: Effect.Effect<A, E, R>, options: Projector.Options = {}) =>
  Effect.scoped(Effect.andThen(run(ledger, options), use))

/** The offsets of a projection, by partition. */
export const positions = (name = "ledger"): Effect.Effect<ReadonlyArray<number>, never, ProjectionStore> =>
  Effect.map(offsets(name), (all) => all.map(({ position }) => position))

export const offsets = (name = "ledger"): Effect.Effect<ReadonlyArray<Offset>, never, ProjectionStore> =>
  Effect.gen(function* () {
    return yield* Effect.orDie((yield* ProjectionStore).offsets(name))
  })
