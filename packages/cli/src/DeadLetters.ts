/**
 * The messages that the consumers of the services have set aside, in the inbox of each service. Used by `daybook dead-letter`.
 *
 * Nothing is created or migrated: a service that never ran on a database has no inbox there, and so nothing in it.
 */
import * as EventId from "@daybook/core/EventId"
import { type Held, Inbox } from "@daybook/core/Inbox"
import { fromCloudEvent, type Message } from "@daybook/core/Message"
import { maxDataLength, maxMessageLength, type RejectedCommand, RejectedCommands } from "@daybook/core/RejectedCommands"
import { hasTable } from "@daybook/postgres/Migrations"
import * as SqlInbox from "@daybook/postgres/SqlInbox"
import * as SqlRejectedCommands from "@daybook/postgres/SqlRejectedCommands"
import { database } from "@daybook/shop/Place"
import * as Settings from "@daybook/shop/Settings"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { Failure } from "./Failure.ts"
import { operator } from "./Operator.ts"
import { kept } from "./ServiceProjections.ts"

interface Open {
  readonly service: Settings.ServiceName
  readonly inbox: Inbox["Service"]
  /** Where what the service was told and did not do is written down. */
  readonly refusals: Effect.Effect<RejectedCommands["Service"], unknown>
}

/** A message that has been set aside, and where. */
export interface Letter extends Open {
  readonly held: Held
  /** `undefined` when it cannot be read. */
  readonly message: Message | undefined
  /** How many messages of its key wait behind it. */
  readonly behind: number
}

/** The inbox of a service in the database in context, if it has one there. */
const inboxOf = (service: Settings.ServiceName) =>
  Effect.gen(function* () {
    const { schema } = kept[service]
    if (!(yield* hasTable(schema, "held_message"))) return []
    const context = yield* Layer.build(SqlInbox.layer(schema))
    return [Context.get(context, Inbox)]
  })

const notMigrated = (service: Settings.ServiceName): Failure =>
  new Failure({
    message:
      `The write side of the ${service} has no place to write down who discards what. Bring it up to date first: daybook migrate. ` +
      "Nothing was discarded."
  })

/** The rejected commands of a service in the database in context. */
const refusalsOf = (service: Settings.ServiceName) =>
  Effect.gen(function* () {
    const { schema } = kept[service]
    if (!(yield* hasTable(schema, "rejected_command"))) return yield* notMigrated(service)
    return Context.get(yield* Layer.build(SqlRejectedCommands.layer(schema)), RejectedCommands)
  })

/** The inboxes of a service, or of all. Services that share a database share its client. */
export const open = Effect.fnUntraced(function* (only: Option.Option<Settings.ServiceName>) {
  const memo = yield* Layer.makeMemoMap
  const scope = yield* Effect.scope
  const inboxes: Array<Open> = []
  for (const service of Option.match(only, { onNone: () => Settings.serviceNames, onSome: (one) => [one] })) {
    const { read, write } = yield* Settings.sides(service)
    const context = yield* Layer.buildWithMemoMap(database(read), memo, scope)
    const refusals = Effect.flatMap(Layer.buildWithMemoMap(database(write), memo, scope), (on) =>
      Effect.scoped(Effect.provideContext(refusalsOf(service), on))
    )
    const found = yield* Effect.provideContext(inboxOf(service), context)
    inboxes.push(...found.map((inbox) => ({ service, inbox, refusals })))
  }
  return inboxes
})

const letterOf = (open: Open, held: Held) =>
  Effect.map(
    open.inbox.behind(held),
    (behind): Letter => ({ ...open, held, behind, message: Option.getOrUndefined(fromCloudEvent(held.text)) })
  )

/** The letters of some inboxes, the oldest of each service first, at most `limit` in all. */
export const list = Effect.fnUntraced(function* (
  inboxes: ReadonlyArray<Open>,
  filter: { readonly consumer: string | undefined; readonly state: Held["state"] | undefined; readonly limit: number }
) {
  const letters: Array<Letter> = []
  for (const one of inboxes) {
    const found = yield* one.inbox.list({ ...filter, limit: filter.limit - letters.length })
    letters.push(...(yield* Effect.forEach(found, (held) => letterOf(one, held))))
    if (letters.length === filter.limit) break
  }
  return letters
})

/** The letter of a number. Each service counts its own, so that the number may be that of several. */
export const get = Effect.fnUntraced(function* (inboxes: ReadonlyArray<Open>, number: number) {
  const found = yield* Effect.forEach(inboxes, (one) =>
    Effect.flatMap(one.inbox.get(number), (held) =>
      Option.isNone(held) ? Effect.succeed([]) : Effect.map(letterOf(one, held.value), (letter) => [letter])
    )
  )
  const letters = found.flat()
  if (letters.length === 1) return letters[0]!
  if (letters.length === 0) {
    return yield* new Failure({
      message: `No message ${number} is set aside. daybook dead-letter list --all shows those that are.`
    })
  }
  const services = letters.map(({ service }) => service)
  return yield* new Failure({
    message: `There is a message ${number} of ${services.join(" and of ")}. Say which: --service ${services.join(" or --service ")}`
  })
})

/** Fails unless the letter is the first of its key: the others follow it by themselves, in order. */
export const checkFirst = Effect.fnUntraced(function* ({ service, inbox, held }: Letter) {
  const first = yield* inbox.first(held.consumer, held.key)
  if (Option.isNone(first) || first.value.number === held.number) return
  const { number, state } = first.value
  return yield* new Failure({
    message:
      `Message ${held.number} waits behind message ${number} (${state}) of the same key, and follows it by itself. ` +
      `Replay that one: daybook dead-letter replay ${number} --service ${service}`
  })
})

/**
 * Removes a letter for good. Who did so and why is written down first, with what it said, as something that the service was told and
 * did not do; in the audit trail it stands under what it follows from.
 */
export const discard = Effect.fnUntraced(function* ({ inbox, held, message, refusals }: Letter, reason: string) {
  const atMillis = yield* Clock.currentTimeMillis
  const discarded: RejectedCommand = {
    rejectionId: EventId.make(atMillis),
    stream: `${held.consumer}-${held.key}`,
    command: message?.type ?? "unreadable",
    data: held.text.slice(0, maxDataLength),
    isDataCut: held.text.length > maxDataLength || message === undefined,
    rejection: "Discarded",
    message: held.error.slice(0, maxMessageLength),
    expectedVersion: null,
    occurredAtMillis: message?.occurredAtMillis ?? held.heldAtMillis,
    recordedAtMillis: atMillis,
    actor: yield* operator,
    reason,
    commandId: message?.commandId ?? null,
    correlationId: message?.correlationId ?? null,
    causationId: held.messageId,
    traceParent: message?.traceParent ?? null,
    tenant: message?.tenant ?? null
  }
  yield* (yield* refusals).record([discarded])
  yield* inbox.remove(held.number)
})
