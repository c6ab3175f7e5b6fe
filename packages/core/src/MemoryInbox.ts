/**
 * The inbox in memory, for `Inbox.layerMemory`.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Semaphore from "effect/Semaphore"
import type { Held, Inbox } from "./Inbox.ts"

/** Set inside a transaction, so that one within another is part of it. */
const InTransaction = Context.Reference<boolean>("@daybook/core/MemoryInbox/InTransaction", {
  defaultValue: () => false
})

const receivedKey = (consumer: string, id: string): string => `${consumer}\n${id}`

interface State {
  /** Received ids, with when. */
  readonly received: ReadonlyMap<string, number>
  readonly held: ReadonlyArray<Held>
  readonly lastNumber: number
}

/** The first held message of each key. */
const heads = (held: ReadonlyArray<Held>): ReadonlyArray<Held> => {
  const first = new Map<string, Held>()
  for (const one of held) if (!first.has(one.key)) first.set(one.key, one)
  return [...first.values()]
}

const isDue = ({ state, nextAttemptAtMillis }: Held, nowMillis: number): boolean =>
  state === "waiting" || (state === "retrying" && nextAttemptAtMillis <= nowMillis)

class MemoryInbox {
  #state: State = { received: new Map(), held: [], lastNumber: 0 }
  readonly #mutex: Semaphore.Semaphore

  constructor(mutex: Semaphore.Semaphore) {
    this.#mutex = mutex
  }

  #of(consumer: string): ReadonlyArray<Held> {
    return this.#state.held.filter((held) => held.consumer === consumer)
  }

  readonly transact: Inbox["Service"]["transact"] = (work) =>
    Effect.flatMap(InTransaction, (inTransaction) => {
      if (inTransaction) return work
      return Effect.suspend(() => {
        const before = this.#state
        return Effect.onExit(work, (exit) =>
          Effect.sync(() => {
            if (Exit.isFailure(exit)) this.#state = before
          })
        )
      }).pipe(Effect.provideService(InTransaction, true), this.#mutex.withPermits(1))
    })

  readonly service: Inbox["Service"] = {
    transact: this.transact,
    lookUp: (consumer, { ids, keys }) =>
      Effect.sync(() => {
        const held = new Set(this.#of(consumer).map((one) => one.key))
        return {
          received: new Set(ids.filter((id) => this.#state.received.has(receivedKey(consumer, id)))),
          heldKeys: new Set(keys.filter((key) => held.has(key)))
        }
      }),
    record: (consumer, ids) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const received = new Map(this.#state.received)
        for (const id of ids) received.set(receivedKey(consumer, id), now)
        this.#state = { ...this.#state, received }
      }),
    forget: (beforeMillis) =>
      Effect.sync(() => {
        const kept = [...this.#state.received].filter(([, at]) => at >= beforeMillis)
        const forgotten = this.#state.received.size - kept.length
        this.#state = { ...this.#state, received: new Map(kept) }
        return forgotten
      }),
    setAside: (consumer, held) =>
      Effect.sync(() => {
        const { lastNumber } = this.#state
        const added = held.map((one, i) => ({ ...one, consumer, number: lastNumber + i + 1 }))
        this.#state = { ...this.#state, held: [...this.#state.held, ...added], lastNumber: lastNumber + held.length }
      }),
    due: (consumer, nowMillis, limit) =>
      Effect.sync(() =>
        heads(this.#of(consumer))
          .filter((one) => isDue(one, nowMillis))
          .slice(0, limit)
      ),
    first: (consumer, key) =>
      Effect.sync(() => Option.fromNullishOr(this.#of(consumer).find((held) => held.key === key))),
    behind: ({ consumer, key, number }) =>
      Effect.sync(() => this.#of(consumer).filter((held) => held.key === key && held.number > number).length),
    change: (number, to) =>
      Effect.sync(() => {
        const held = this.#state.held.map((one) => (one.number === number ? { ...one, ...to } : one))
        this.#state = { ...this.#state, held }
      }),
    remove: (number) =>
      Effect.sync(() => {
        this.#state = { ...this.#state, held: this.#state.held.filter((one) => one.number !== number) }
      }),
    list: ({ consumer, state, after = 0, limit }) =>
      Effect.sync(() =>
        this.#state.held
          .filter((held) => consumer === undefined || held.consumer === consumer)
          .filter((held) => (state === undefined || held.state === state) && held.number > after)
          .slice(0, limit)
      ),
    get: (number) => Effect.sync(() => Option.fromNullishOr(this.#state.held.find((held) => held.number === number)))
  }
}

/** An inbox over plain values. */
export const makeMemory: Effect.Effect<Inbox["Service"]> = Effect.map(
  Semaphore.make(1),
  (mutex) => new MemoryInbox(mutex).service
)
