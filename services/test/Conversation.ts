/**
 * Talks to a service as other services do: sends it commands, and hears its answers and what it publishes. For tests.
 */
import { Broker } from "@daybook/core/Broker"
import type { Contract } from "@daybook/core/Contract"
import type { Message } from "@daybook/core/Message"
import * as Participant from "@daybook/core/Participant"
import * as Effect from "effect/Effect"

interface Tagged {
  readonly _tag: string
}

/** The topic on which the test waits for answers. */
export const replyTo = "test-replies"

const Replies = Participant.replies(replyTo)

let sent = 0

/** A command as a message of its own. The same `commandId` is the same command. */
export const commandMessage = <M extends Tagged>(
  contract: Contract<M>,
  key: string,
  body: M,
  given: Partial<Message> = {}
): Message => {
  sent++
  return {
    id: `message-${sent}`,
    source: "/test",
    ...contract.encode(body),
    key,
    occurredAtMillis: 0,
    correlationId: `conversation-${sent}`,
    causationId: null,
    actor: null,
    traceParent: null,
    tenant: null,
    commandId: `command-${sent}`,
    replyTo,
    ...given
  }
}

/** Everything that is said on a topic from its beginning, in a list that grows. */
export const hear = (topic: string) =>
  Effect.gen(function* () {
    const broker = yield* Broker
    const heard: Array<Message> = []
    const group = `test-${++sent}`
    yield* Effect.forkScoped(
      broker.subscribe({ topic, group }, (batch) =>
        Effect.sync(() => heard.push(...batch.flatMap(({ message }) => message ?? [])))
      )
    )
    return heard
  })

/** Waits until there is one. */
export const eventually = <A>(find: () => A | undefined): Effect.Effect<A> =>
  Effect.suspend(() => {
    const found = find()
    return found === undefined ? Effect.andThen(Effect.sleep(5), eventually(find)) : Effect.succeed(found)
  })

/** Publishes a command and waits for its answer. */
export const ask = <M extends Tagged>(contract: Contract<M>, message: Message) =>
  Effect.gen(function* () {
    const broker = yield* Broker
    const answers = yield* hear(replyTo)
    yield* broker.publish(contract.topic, [message])
    return Replies.decode(yield* eventually(() => answers.find(({ causationId }) => causationId === message.id)))
  }).pipe(Effect.scoped)
