/**
 * A batch goes to the database as text: whatever a name, a piece of metadata or an event's data holds comes back as it was.
 */
import * as EventId from "@daybook/core/EventId"
import { type Append, Journal, type NewEvent } from "@daybook/core/Journal"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { freshSchema, stores } from "./Stores.ts"

const texts = [
  "",
  "NULL",
  "null",
  '"',
  "\\",
  '\\"',
  "{}",
  "a,b",
  " spaces ",
  "line\nbreak\ttab",
  "\u001f",
  "\u0001\u001e\u007f",
  "é 🛒 \u2028",
  "'; --"
]

const eventOf = (text: string | null, data: unknown): NewEvent => ({
  eventId: EventId.make(1),
  type: "Noted",
  schemaVersion: 1,
  data,
  occurredAtMillis: 1_700_000_000_123,
  actor: text,
  reason: text,
  commandId: null,
  correlationId: text,
  causationId: text,
  traceParent: text,
  tenant: text
})

const appendOf = (stream: string, given: Partial<Append>): Append => ({
  stream,
  partition: 0,
  expectedVersion: 0,
  events: [],
  receipts: [],
  state: null,
  keepEvents: true,
  ...given
})

layer(stores({ folder: undefined }, freshSchema()), { timeout: 60_000 })("in one batch", (it) => {
  it.effect("every text comes back as it was, in names, metadata and data, beside events that have none", () =>
    Effect.gen(function* () {
      const journal = yield* Journal
      const batch = texts.map((text) =>
        appendOf(`note-${text}`, { events: [eventOf(null, null), eventOf(text, { text }), eventOf(null, text)] })
      )
      const outcomes = yield* journal.append(batch)
      assert.isTrue(outcomes.every(({ _tag }) => _tag === "Appended"))
      for (const text of texts) {
        const read = yield* journal.readStream(`note-${text}`)
        assert.deepStrictEqual(
          read.map(({ actor, reason, correlationId, causationId, traceParent, tenant, data }) => ({
            metadata: [actor, reason, correlationId, causationId, traceParent, tenant],
            data
          })),
          [
            { metadata: Array(6).fill(null), data: null },
            { metadata: Array(6).fill(text), data: { text } },
            { metadata: Array(6).fill(null), data: text }
          ]
        )
        assert.strictEqual(read[0]!.occurredAtMillis, 1_700_000_000_123)
      }
    })
  )

  it.effect("states and command ids with such texts are kept too, with an event or without", () =>
    Effect.gen(function* () {
      const journal = yield* Journal
      const batch = texts.flatMap((text, i) => {
        const commandId = `id ${text}`
        const receipts = [{ commandId, version: 1 }]
        return [
          appendOf(`kept-${i}`, {
            events: [{ ...eventOf(text, i), commandId }],
            receipts,
            state: { schemaVersion: 1, data: text }
          }),
          appendOf(`bare-${i}`, { receipts: [{ commandId, version: 0 }] })
        ]
      })
      yield* journal.append(batch)
      for (const [i, text] of texts.entries()) {
        const state = Option.getOrThrow(yield* journal.state(`kept-${i}`))
        assert.deepStrictEqual(state, { version: 1, schemaVersion: 1, data: text })
        assert.strictEqual(Option.getOrThrow(yield* journal.receipt(`kept-${i}`, `id ${text}`)).version, 1)
        assert.strictEqual(Option.getOrThrow(yield* journal.receipt(`bare-${i}`, `id ${text}`)).position, 0)
      }
      const again = yield* journal.append(batch)
      assert.isTrue(again.every(({ _tag }) => _tag === "Duplicate"))
    })
  )

  it.effect("each stream is answered for itself, wherever its name stands among the others'", () =>
    Effect.gen(function* () {
      const journal = yield* Journal
      const several = [eventOf(null, 1), eventOf(null, 2)]
      yield* journal.append([appendOf("order-b", { events: several })])
      const batch = ["order-d", "order-b", "order-c", "order-e", "order-a"].map((stream) =>
        appendOf(stream, { events: several })
      )
      batch[3] = { ...batch[3]!, events: [eventOf(null, undefined)] }
      const outcomes = yield* journal.append(batch)
      assert.deepStrictEqual(
        outcomes.map(({ _tag }) => _tag),
        ["Appended", "Conflict", "Appended", "Unserialisable", "Appended"]
      )
      for (const [i, { stream }] of batch.entries()) {
        const outcome = outcomes[i]!
        if (outcome._tag !== "Appended") continue
        const positions = (yield* journal.readStream(stream)).map(({ position }) => position)
        assert.deepStrictEqual(positions, [outcome.position, outcome.position + 1])
      }
    })
  )
})
