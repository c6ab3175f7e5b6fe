/**
 * The messages that the consumers of the services have set aside, in the inbox of each service. Used by `daybook dead-letter`.
 *
 * Nothing is created or migrated: a service that never ran on a database has no inbox there, and so nothing in it.
 */
import { type Held, Inbox } from "@daybook/core/Inbox"
import { fromCloudEvent, type Message } from "@daybook/core/Message"
import { hasTable } from "@daybook/postgres/Migrations"
import * as SqlInbox from "@daybook/postgres/SqlInbox"
import { database } from "@daybook/shop/Place"
import * as Settings from "@daybook/shop/Settings"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { Failure } from "./Failure.ts"
import { kept } from "./ServiceProjections.ts"

/** A message that has been set aside, and where. */
export interface Letter {
  readonly service: Settings.ServiceName
  readonly inbox: Inbox["Service"]
  readonly held: Held
  /** `undefined` when it cannot be read. */
  readonly message: Message | undefined
  /** How many messages of its key wait behind it. */
  readonly behind: number
}

interface Open {
  readonly service: Settings.ServiceName
  readonly inbox: Inbox["Service"]
}

/** The inbox of a service in the database in context, if it has one there. */
const inboxOf = (service: Settings.ServiceName) =>
  Effect.gen(function* () {
    const { schema } = kept[service]
    if (!(yield* hasTable(schema, "held_message"))) return []
    const context = yield* Layer.build(SqlInbox.layer(schema))
    return [{ service, inbox: Context.get(context, Inbox) }]
  })

/** The inboxes of a service, or of all. Services that share a database share its client. */
export const open = Effect.fnUntraced(function* (only: Option.Option<Settings.ServiceName>) {
  const memo = yield* Layer.makeMemoMap
  const scope = yield* Effect.scope
  const inboxes: Array<Open> = []
  for (const service of Option.match(only, { onNone: () => Settings.serviceNames, onSome: (one) => [one] })) {
    const { read } = yield* Settings.sides(service)
    const context = yield* Layer.buildWithMemoMap(database(read), memo, scope)
    inboxes.push(...(yield* Effect.provideContext(inboxOf(service), context)))
  }
  return inboxes
})

const letterOf = ({ service, inbox }: Open, held: Held) =>
  Effect.map(
    inbox.behind(held),
    (behind): Letter => ({ service, inbox, held, behind, message: Option.getOrUndefined(fromCloudEvent(held.text)) })
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
