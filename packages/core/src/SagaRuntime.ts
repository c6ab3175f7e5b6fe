/**
 * Sagas at work: what a saga has decided goes out as messages, and what its participants say comes back to it.
 *
 * A reaction publishes each `StepRequested` to its participant; a source for the saga's consumer hears the replies. Answers
 * that come as integration events are told to `hearing` by the service that conducts the saga. A crash anywhere leads to a
 * message that is sent again, and the same answer.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { system } from "./Actor.ts"
import { Broker } from "./Broker.ts"
import type { BrokerUnavailable, MessageTooLarge } from "./BrokerProblems.ts"
import { following } from "./Causation.ts"
import * as Consumer from "./Consumer.ts"
import type { Entities, RuntimeProblem } from "./Entities.ts"
import type { Recorded } from "./Event.ts"
import type { Message } from "./Message.ts"
import * as Participant from "./Participant.ts"
import * as Partition from "./Partition.ts"
import * as Projection from "./Projection.ts"
import { type Command, Events, type SagaEvent, type State } from "./Saga.ts"
import { stepOf } from "./SagaDecider.ts"
import type { SagaAlreadyStarted, SagaNotStarted, SagaNotWaiting } from "./SagaProblems.ts"

/** The sagas of one kind, as entities. */
export type Sagas = Entities<State, Command, SagaAlreadyStarted | SagaNotStarted | SagaNotWaiting>

/** What a saga's messages carry. */
export interface Conductor {
  /** The saga's name, as in its definition. */
  readonly name: string
  /** The service that conducts it, as participants see it: `/order`. */
  readonly source: string
  /** The topic on which it hears replies. */
  readonly replyTo: string
}

type Requested = Extract<SagaEvent, { readonly _tag: "StepRequested" }>

const messageOf = ({ source, replyTo }: Conductor, recorded: Recorded<SagaEvent>, event: Requested): Message => {
  const sagaId = Partition.idOf(recorded.stream)
  const { type, schemaVersion, key, data } = event.outgoing
  return {
    // Each attempt is a message of its own; the command in it is the same.
    id: recorded.eventId,
    source,
    type,
    schemaVersion,
    key,
    occurredAtMillis: recorded.occurredAtMillis,
    correlationId: sagaId,
    causationId: recorded.eventId,
    actor: recorded.actor,
    traceParent: recorded.traceParent,
    tenant: recorded.tenant,
    commandId: event.commandId,
    replyTo,
    data
  }
}

/** The reaction that sends commands to participants. It stops where one cannot be sent: going on would leave the saga waiting. */
export const dispatch = (
  conductor: Conductor
): Projection.Projection<SagaEvent, BrokerUnavailable | MessageTooLarge, Broker> =>
  Projection.reaction({
    name: `${conductor.name}-dispatch`,
    sources: [{ name: conductor.name, events: Events }],
    onFailure: "stop",
    handle: Effect.fnUntraced(function* (batch: ReadonlyArray<Recorded<SagaEvent>>) {
      const broker = yield* Broker
      const requested = batch.flatMap((recorded) =>
        recorded.event._tag === "StepRequested" ? [{ recorded, event: recorded.event }] : []
      )
      const byTopic = Map.groupBy(requested, ({ event }) => event.outgoing.topic)
      yield* Effect.forEach(
        byTopic,
        ([topic, group]) =>
          broker.publish(
            topic,
            group.map(({ recorded, event }) => messageOf(conductor, recorded, event))
          ),
        { concurrency: "unbounded", discard: true }
      )
    })
  })

/** Something that a participant has said about a step. */
export interface Heard {
  readonly sagaId: string
  readonly step: string
  readonly direction?: "forward" | "backward"
  /** What was said; JSON. */
  readonly answer: State["data"]
  /** The message that said it. */
  readonly message: Message
}

/** How a saga hears. What is said to a saga that does not exist, or does not wait for it, changes nothing. */
export interface Hearing {
  readonly success: (heard: Heard) => Effect.Effect<void, RuntimeProblem | SagaAlreadyStarted | SagaNotWaiting>
  readonly failure: (
    heard: Heard & { readonly reason: string }
  ) => Effect.Effect<void, RuntimeProblem | SagaAlreadyStarted | SagaNotWaiting>
}

type Verdict = { readonly _tag: "HearSuccess" } | { readonly _tag: "HearFailure"; readonly reason: string }

/** How these sagas hear. Telling them again is harmless. */
export const hearing = (sagas: Sagas): Hearing => {
  const tell = ({ sagaId, message, step, direction = "forward", answer }: Heard, verdict: Verdict) =>
    Effect.flatMap(Clock.currentTimeMillis, (nowMillis) =>
      sagas.execute(
        sagaId,
        { ...verdict, step, direction, answer, nowMillis },
        { ...following(message, message.id), correlationId: sagaId }
      )
    ).pipe(
      Effect.asVoid,
      // An order, a payment or a reservation that no saga has asked for.
      Effect.catchTag("SagaNotStarted", () => Effect.void)
    )
  return {
    success: (heard) => tell(heard, { _tag: "HearSuccess" }),
    failure: (heard) => tell(heard, { _tag: "HearFailure", reason: heard.reason })
  }
}

/** Hears the replies of participants, for the saga's consumer. */
export const onReplies = ({ replyTo }: Conductor, { success, failure }: Hearing) => {
  const about = (commandId: string, answer: State["data"], message: Message): Heard | undefined => {
    const sagaId = message.correlationId ?? ""
    const step = stepOf(sagaId, commandId)
    return step === undefined ? undefined : { sagaId, ...step, answer, message }
  }
  return Consumer.on(Participant.replies(replyTo), {
    CommandDone: ({ commandId, answer }, message: Message) => {
      const heard = about(commandId, answer, message)
      return heard === undefined ? Effect.void : success(heard)
    },
    CommandRefused: ({ commandId, answer, reason, detail }, message: Message) => {
      const heard = about(commandId, answer ?? { detail }, message)
      return heard === undefined ? Effect.void : failure({ ...heard, reason })
    }
  })
}

/** A request that was not answered in time. */
interface Overdue {
  readonly sagaId: string
  readonly step: string
  readonly attempt: number
  /** When it was made first, by business time, where that is known. */
  readonly occurredAtMillis?: number | null
}

/**
 * A request whose time has come: tells its saga. What is sent again is the request of then, and occurs when that did, so that an order
 * of years ago, say, is not confirmed today because an answer got lost; by default it occurs now.
 */
export const runOutOfPatience = (
  conductor: Pick<Conductor, "name">,
  sagas: Sagas,
  { sagaId, step, attempt, occurredAtMillis }: Overdue,
  nowMillis: number
) =>
  sagas.execute(
    sagaId,
    { _tag: "RunOutOfPatience", step, attempt, nowMillis },
    { correlationId: sagaId, actor: system(conductor.name), occurredAtMillis: occurredAtMillis ?? undefined }
  )
