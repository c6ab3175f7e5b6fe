/**
 * Carts with a given number of events, with and without snapshots, and the time that each takes to answer for the first time. Used by
 * the `recovery` benchmark.
 *
 * A cart has 20 lines at most; all that follows are changed quantities, so that the state stays as small as that of most aggregates
 * and what is measured is the events. Snapshots are where the policy of level 3 has left them, on average: half of its interval before
 * the newest event.
 */
import { randomUUID } from "node:crypto"
import * as Aggregate from "@daybook/core/Aggregate"
import * as Entities from "@daybook/core/Entities"
import { Journal, type NewEvent } from "@daybook/core/Journal"
import * as Partition from "@daybook/core/Partition"
import * as Persistence from "@daybook/core/Persistence"
import { stateCodec } from "@daybook/core/Recovery"
import { Snapshots } from "@daybook/core/Snapshot"
import * as Database from "@daybook/postgres/Database"
import * as Stores from "@daybook/postgres/Stores"
import { schema } from "@daybook/services/cart/Cart"
import { type Command, make, type State } from "@daybook/services/cart/Domain"
import type { CartEvent } from "@daybook/services/cart/Events"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Redacted from "effect/Redacted"
import { type Step, steps } from "../commands/CartLoad.ts"

const cart = make()

const persistence = Persistence.events()

/** Events after the newest snapshot. */
const sinceSnapshot = persistence.snapshotEvery / 2

const mostLines = 20
const eventsPerAppend = 1_000

/** What to make. */
export interface Long {
  readonly events: number
  readonly snapshots: boolean
}

/** The commands of one cart, without end. */
const commandsOf = function* (): Generator<Command> {
  const next: () => Step = steps(0)
  const open = next().command
  yield open
  const lineIds: Array<string> = []
  while (lineIds.length < mostLines) {
    const { command } = next()
    if (command._tag === "AddItem") lineIds.push(command.lineId)
    yield command
  }
  for (let turn = 0; ; turn++) {
    yield {
      _tag: "ChangeQuantity",
      lineId: lineIds[turn % mostLines]!,
      quantity: 13 + (Math.floor(turn / mostLines) % 2)
    }
  }
}

const newEvent = (event: CartEvent, version: number): NewEvent => ({
  ...cart.events.encode(event),
  eventId: randomUUID(),
  occurredAtMillis: Date.UTC(2026, 0, 1) + version * 1_000,
  actor: "customer-1",
  reason: null,
  commandId: null,
  correlationId: "conversation-1",
  causationId: null,
  traceParent: null,
  tenant: null
})

/** Writes a cart, and answers its id. */
const write = ({ events, snapshots }: Long) =>
  Effect.gen(function* () {
    const journal = yield* Journal
    const store = yield* Snapshots
    const codec = stateCodec(cart)
    const id = randomUUID()
    const stream = Partition.streamOf(cart.name, id)
    const commands = commandsOf()
    let state: State = cart.initial
    let version = 0
    const remember = () =>
      store.save({
        stream,
        version,
        schemaVersion: cart.state.version,
        takenAtMillis: Date.UTC(2026, 0, 1),
        data: codec.encode(state)
      })
    while (version < events) {
      const expectedVersion = version
      const page: Array<NewEvent> = []
      while (page.length < eventsPerAppend && version < events) {
        const outcome = Aggregate.decide(cart, commands.next().value, state)
        if (outcome instanceof Error || outcome.length !== 1) throw new Error(`One event was expected: ${outcome}`)
        state = Aggregate.evolveAll(cart, state, outcome)
        page.push(newEvent(outcome[0]!, ++version))
        if (snapshots && version === events - sinceSnapshot) yield* remember()
      }
      const partition = Partition.ofId(id, journal.partitions)
      const append = { stream, partition, expectedVersion, events: page, receipts: [], state: null, keepEvents: true }
      const [outcome] = yield* journal.append([append])
      if (outcome?._tag !== "Appended") throw new Error(`An append was refused: ${JSON.stringify(outcome)}`)
    }
    return id
  })

/** Milliseconds until an entity that is in nobody's memory has answered with its state. Each is the first of a runtime of its own. */
const firstAnswer = (id: string, events: number) =>
  Effect.gen(function* () {
    const carts = yield* Entities.make(cart, { persistence })
    const asked = performance.now()
    const { version } = yield* carts.read(id)
    const millis = performance.now() - asked
    if (version !== events) throw new Error(`Cart ${id} came back at version ${version} of ${events}.`)
    return millis
  }).pipe(Effect.scoped)

/** The write side of a cart service at level 3 in an empty database. */
export const open = (databaseUrl: string) => {
  const runtime = ManagedRuntime.make(
    Stores.writeSide({ schema }).pipe(Layer.provideMerge(Database.layer({ url: Redacted.make(databaseUrl) })))
  )
  return {
    write: (long: Long): Promise<string> => runtime.runPromise(write(long)),
    firstAnswer: (id: string, events: number): Promise<number> => runtime.runPromise(firstAnswer(id, events)),
    [Symbol.asyncDispose]: () => runtime.dispose()
  }
}
