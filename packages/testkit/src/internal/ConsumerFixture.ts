/**
 * What the scenarios about consumers share: a contract and messages of their own, and a consumer that notes what it has handled.
 */
import * as Consumer from "@daybook/core/Consumer"
import * as Contract from "@daybook/core/Contract"
import { type Held, Inbox } from "@daybook/core/Inbox"
import type { Message } from "@daybook/core/Message"
import { uuidV4Unsafe } from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Witness } from "../Witness.ts"

/** How consumers are run in the scenarios. */
type Effects = NonNullable<Consumer.Options["effects"]>

interface Counted {
  readonly n: number
  readonly fail: string | null
}

/** A contract on a topic of its own, and messages on it. */
export const freshConversation = Effect.sync(() => {
  const run = uuidV4Unsafe()
  const contract = Contract.define(`counts-${run}`, {
    Counted: { n: Schema.Int, fail: Schema.NullOr(Schema.String) },
    Skipped: {}
  })
  const message = (key: string, n: number, given: Partial<Message> = {}): Message => ({
    id: `${run}-${key}-${n}`,
    source: "/test",
    type: "Counted",
    schemaVersion: 1,
    key: `${run}-${key}`,
    occurredAtMillis: 0,
    correlationId: null,
    causationId: null,
    actor: null,
    traceParent: null,
    tenant: null,
    commandId: null,
    replyTo: null,
    data: { n, fail: null },
    ...given
  })
  return { contract, message, name: `consumer-${run}` }
})

type Conversation = Effect.Success<typeof freshConversation>

/** Quick to try again. */
export const patient: Consumer.Options = { attempts: 4, firstBackoffMillis: 5, maxBackoffMillis: 20, pollMillis: 5 }

/** A witness, and how consumers are run. */
export interface Run<R> {
  readonly witness: Witness<R>
  readonly effects: Effects
}

/** Starts a consumer that writes a note for each message, and does to it what `intercept` says first. */
export const consume = <R>(
  { contract, name }: Conversation,
  { witness, effects }: Run<R>,
  intercept: (body: Counted, message: Message) => Effect.Effect<void, unknown> = () => Effect.void
) =>
  Effect.gen(function* () {
    const handled: Array<string> = []
    const source = Consumer.on(contract, {
      Counted: (body, message) =>
        Effect.gen(function* () {
          yield* intercept(body, message)
          // Idempotent, where the message may come again.
          if (effects === "transactional" || !(yield* witness.has(message.id))) yield* witness.write(message.id)
          handled.push(message.id)
        }),
      Skipped: Consumer.ignored
    })
    const fiber = yield* Effect.forkScoped(Consumer.run(name, [source], { ...patient, effects }))
    return { handled, fiber }
  })

/** Waits until it is so. */
export const eventually = <E, R>(condition: Effect.Effect<boolean, E, R>): Effect.Effect<void, E, R> =>
  Effect.flatMap(condition, (met) => (met ? Effect.void : Effect.andThen(Effect.sleep(5), eventually(condition))))

/** Waits until it is so. */
export const soon = (condition: () => boolean) => eventually(Effect.sync(condition))

/** What a consumer has set aside, in some states. */
export const heldOf = (name: string, states: ReadonlyArray<Held["state"]>) =>
  Effect.flatMap(Inbox, (inbox) =>
    Effect.map(inbox.list({ consumer: name, limit: 100 }), (held) => held.filter(({ state }) => states.includes(state)))
  )
