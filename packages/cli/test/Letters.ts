/**
 * Stores with messages that were set aside, for the tests of `daybook dead-letter`.
 */
import { Inbox, type NewHeld } from "@daybook/core/Inbox"
import { type Message, toCloudEvent } from "@daybook/core/Message"
import * as Database from "@daybook/postgres/Database"
import { migrate } from "@daybook/postgres/Migrations"
import * as SqlInbox from "@daybook/postgres/SqlInbox"
import * as Stores from "@daybook/postgres/Stores"
import { CartCommands } from "@daybook/services/cart/Contract"
import * as Effect from "effect/Effect"

/** A command to a cart. */
export const completeCart = (id: string, key: string, data: unknown = { checkoutId: "checkout-1" }): Message => ({
  id,
  source: "/checkout",
  ...CartCommands.encode({ _tag: "CompleteCart", checkoutId: "" }),
  key,
  occurredAtMillis: Date.UTC(2026, 10, 22, 1, 2, 3),
  correlationId: "checkout-1",
  causationId: null,
  actor: null,
  traceParent: null,
  tenant: null,
  commandId: null,
  replyTo: null,
  data
})

/** A message as a consumer sets it aside. */
export const held = (message: Message, given: Partial<NewHeld> = {}): NewHeld => ({
  topic: CartCommands.topic,
  key: message.key,
  messageId: message.id,
  text: toCloudEvent(message),
  state: "dead",
  attempts: 8,
  nextAttemptAtMillis: 0,
  error: "the price list does not answer",
  heldAtMillis: Date.UTC(2026, 10, 22, 1, 2, 4),
  ...given
})

/** Does something to the inbox in a schema, which is made if it is not there. */
export const onInbox = <A, E>(location: Database.Location, schema: string, work: Effect.Effect<A, E, Inbox>) =>
  Stores.migrateWriteSide(schema).pipe(
    Effect.andThen(migrate(schema, SqlInbox.migrations)),
    Effect.andThen(Effect.provide(work, SqlInbox.layer(schema))),
    Effect.provide(Database.layer(location)),
    Effect.runPromise
  )

/** Sets messages aside for a consumer, in order. */
export const setAside = (
  location: Database.Location,
  schema: string,
  consumer: string,
  letters: ReadonlyArray<NewHeld>
) =>
  onInbox(
    location,
    schema,
    Effect.flatMap(Inbox, (inbox) => inbox.setAside(consumer, letters))
  )

/** What an inbox holds. */
export const heldIn = (location: Database.Location, schema: string) =>
  onInbox(
    location,
    schema,
    Effect.flatMap(Inbox, (inbox) => inbox.list({ limit: 100 }))
  )
