/**
 * Wake-ups between processes by LISTEN/NOTIFY. They only save waiting: readers poll anyway.
 *
 * A NOTIFY inside the appending transaction would make commits queue for a lock of the whole server, so that it is sent on
 * its own afterwards, and not again within a few milliseconds however many appends there are. A process listens on one connection and
 * tells in one statement for all of its services: a connection and hundreds of statements a second for each were too many. Each says
 * once a second that it is there, and a process that is alone in its database tells nobody.
 */
import { runInBackground } from "@daybook/core/Background"
import { Signal } from "@daybook/core/Signal"
import { PgClient } from "@effect/sql-pg/PgClient"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { SqlError } from "effect/sql/SqlError"

/** Between two notifications of one process at least. A tenth of what a read model may lag and still feel immediate. */
const pauseMillis = 5

/** The channel of all processes in a database. What is said on it is who speaks, and which names have news; without any, that somebody listens. */
const channel = "daybook"

/** How often a process says that it listens, and for how long it is taken to. */
const presenceMillis = 1_000
const presentMillis = 3.5 * presenceMillis

/** Names of one notification at most, which may have 8,000 bytes. */
const mostNames = 100

/** Who wants to hear of a name. */
interface Listener {
  readonly name: string
  readonly signal: Signal
}

/** What a client's users listen to and tell of, by name. */
class Switchboard {
  readonly #client: PgClient
  readonly #self = globalThis.crypto.randomUUID()
  readonly #listeners: Set<Listener> = new Set()
  readonly #appends = new Signal()
  /** When other processes were last heard, by who they are. */
  readonly #heardAtMillis = new Map<string, number>()
  #untold = new Set<string>()
  #fiber: Fiber.Fiber<unknown, unknown> | undefined

  constructor(client: PgClient) {
    this.#client = client
  }

  /** Has a signal moved when another process tells of the name. Answers what tells the others. */
  use(name: string, signal: Signal): Effect.Effect<() => void, never, Scope.Scope> {
    const listener = { name, signal }
    const begin = Effect.sync(() => {
      this.#listeners.add(listener)
      this.#fiber ??= runInBackground(Effect.all([this.#hearing, this.#telling], { concurrency: "unbounded" }))
      return () => {
        this.#untold.add(name)
        this.#appends.notify()
      }
    })
    const end = Effect.suspend(() => {
      this.#listeners.delete(listener)
      const fiber = this.#fiber
      if (this.#listeners.size > 0 || fiber === undefined) return Effect.void
      this.#fiber = undefined
      return Fiber.interrupt(fiber)
    })
    return Effect.acquireRelease(begin, () => end)
  }

  /** Listens for ever. A lost connection is opened again; what was missed meanwhile is found by polling. */
  get #hearing(): Effect.Effect<never, SqlError> {
    const hear = Effect.scoped(
      Effect.flatMap(this.#client.listen(channel), (notifications) => {
        // Something may have come before anyone listened.
        for (const { signal } of this.#listeners) signal.notify()
        const hearing = Effect.flatMap(Queue.take(notifications), ({ payload }) => this.#hear(payload))
        const announcing = Effect.andThen(this.#notify([]), Effect.sleep(presenceMillis))
        return Effect.raceFirst(Effect.forever(hearing), Effect.forever(announcing))
      })
    )
    return Effect.retry(hear, Schedule.spaced("1 second"))
  }

  #hear(payload: string): Effect.Effect<void> {
    return Effect.map(Clock.currentTimeMillis, (now) => {
      const [who, ...names] = payload.split(" ")
      if (who === undefined || who === this.#self) return
      const isNew = !this.#isPresent(who, now)
      this.#heardAtMillis.set(who, now)
      // Whoever is new has not been told of what came before he was heard.
      if (isNew) this.#tellAll()
      for (const { name, signal } of this.#listeners) if (names.includes(name)) signal.notify()
    })
  }

  #isPresent(who: string, now: number): boolean {
    return now < (this.#heardAtMillis.get(who) ?? -Infinity) + presentMillis
  }

  #tellAll(): void {
    for (const { name } of this.#listeners) this.#untold.add(name)
    this.#appends.notify()
  }

  /** Whether any other process listens. Forgets those that have not been heard for long. */
  #isAnyonePresent(now: number): boolean {
    for (const who of this.#heardAtMillis.keys()) if (!this.#isPresent(who, now)) this.#heardAtMillis.delete(who)
    return this.#heardAtMillis.size > 0
  }

  #notify(names: ReadonlyArray<string>): Effect.Effect<void> {
    return Effect.ignore(this.#client.notify(channel, [this.#self, ...names].join(" ")))
  }

  /** Tells the others what there is, for ever. */
  get #telling(): Effect.Effect<never> {
    let seen = 0
    const tell = Effect.suspend(() => this.#appends.changed(seen)).pipe(
      Effect.andThen(Clock.currentTimeMillis),
      Effect.flatMap((now) => {
        seen = this.#appends.count
        const names = this.#isAnyonePresent(now) ? [...this.#untold] : []
        this.#untold = new Set(names.slice(mostNames))
        if (this.#untold.size > 0) this.#appends.notify()
        return names.length === 0 ? Effect.void : this.#notify(names.slice(0, mostNames))
      }),
      Effect.andThen(Effect.sleep(pauseMillis))
    )
    return Effect.forever(tell)
  }
}

const switchboards = new WeakMap<PgClient, Switchboard>()

const switchboardOf = (client: PgClient): Switchboard => {
  const known = switchboards.get(client) ?? new Switchboard(client)
  switchboards.set(client, known)
  return known
}

/**
 * Moves `signal` when another process has told of the name, and answers a function that tells the others of it. Where the database is
 * embedded there are no others, and nothing is done. Names have no spaces, and 63 characters at most.
 */
export const make = (name: string, signal: Signal): Effect.Effect<() => void, never, Scope.Scope> =>
  Effect.flatMap(Effect.serviceOption(PgClient), (found) =>
    Option.isNone(found) ? Effect.succeed(() => {}) : switchboardOf(found.value).use(name, signal)
  )
