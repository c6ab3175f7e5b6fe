/**
 * What participants and operators rely on: a command comes until it is answered, is carried out once, and its answer reaches the
 * saga; a saga that hears nothing asks again.
 */
import * as Aggregate from "@daybook/core/Aggregate"
import { Broker } from "@daybook/core/Broker"
import { following } from "@daybook/core/Causation"
import * as Consumer from "@daybook/core/Consumer"
import * as Contract from "@daybook/core/Contract"
import * as Deadlines from "@daybook/core/Deadlines"
import * as Entities from "@daybook/core/Entities"
import * as Event from "@daybook/core/Event"
import { Inbox } from "@daybook/core/Inbox"
import { Journal } from "@daybook/core/Journal"
import type { Message } from "@daybook/core/Message"
import * as Participant from "@daybook/core/Participant"
import * as Persistence from "@daybook/core/Persistence"
import { Problem } from "@daybook/core/Problem"
import { ProjectionStore } from "@daybook/core/ProjectionStore"
import * as Projector from "@daybook/core/Projector"
import * as Saga from "@daybook/core/Saga"
import * as SagaRuntime from "@daybook/core/SagaRuntime"
import { Snapshots } from "@daybook/core/Snapshot"
import { assert, describe, layer } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

class TooHeavy extends Problem<TooHeavy>()("TooHeavy", { status: 422, title: "Too heavy" }) {}
class ScalesBroken extends Problem<ScalesBroken>()(
  "ScalesBroken",
  { status: 503, title: "The scales are broken" },
  { retryAfterSeconds: Schema.Int }
) {}

const Parcel = Aggregate.make({
  name: "parcel",
  state: { version: 1, schema: Schema.Struct({ packed: Schema.Int }) },
  events: Event.define({ Packed: { kilos: Schema.Int }, Unpacked: {} }),
  commands: Schema.TaggedUnion({ Pack: { kilos: Schema.Int }, Unpack: {} }),
  initial: { packed: 0 },
  evolve: { Packed: ({ packed }, { kilos }) => ({ packed: packed + kilos }), Unpacked: () => ({ packed: 0 }) },
  decide: {
    Pack: ({ kilos }) => (kilos > 30 ? new TooHeavy({ detail: `${kilos} kg` }) : [{ _tag: "Packed", kilos }]),
    Unpack: (_) => [{ _tag: "Unpacked" }]
  }
})

const ParcelCommands = Contract.define("parcel-commands", {
  Pack: { kilos: Schema.Int },
  Unpack: {},
  Weigh: {}
})
const VanEvents = Contract.define("van-events", { VanLeft: { trip: Schema.String }, VanFull: { trip: Schema.String } })
const VanCommands = Contract.define("van-commands", { Load: { trip: Schema.String } })

const conductor: SagaRuntime.Conductor = { name: "trip", source: "/trips", replyTo: "trip-replies" }

const Trip = Saga.make({
  name: "trip",
  data: Schema.Struct({ kilos: Schema.Int }),
  steps: [
    {
      name: "pack",
      command: ({ sagaId, data }) => Saga.to(ParcelCommands, sagaId, { _tag: "Pack", kilos: data.kilos }),
      compensation: ({ sagaId }) => Saga.to(ParcelCommands, sagaId, { _tag: "Unpack" })
    },
    {
      name: "load",
      patience: { firstMillis: 20, maxMillis: 20, attempts: 1_000 },
      command: ({ sagaId }) => Saga.to(VanCommands, sagaId, { _tag: "Load", trip: sagaId })
    }
  ],
  pivot: "load"
})

const stores = Layer.mergeAll(
  Journal.layerMemory({ partitions: 2 }),
  Snapshots.layerMemory,
  ProjectionStore.layerMemory,
  Inbox.layerMemory,
  Broker.layerMemory({ partitions: 2 })
)

const eventually = <E, R>(condition: Effect.Effect<boolean, E, R>): Effect.Effect<void, E, R> =>
  Effect.flatMap(condition, (met) => (met ? Effect.void : Effect.andThen(Effect.sleep(5), eventually(condition))))

/** What the van says to each loading, one after the other; then that it has left. */
type VanMood = "silent" | "full" | "leaves"

/** A saga with its two participants. The parcel answers at once, the van by its events. */
const world = (moods: ReadonlyArray<VanMood> = [], scales = { broken: 0 }) =>
  Effect.gen(function* () {
    const broker = yield* Broker
    const parcels = yield* Entities.make(Parcel, { persistence: Persistence.events() })
    const trips = yield* Entities.make(Trip, { persistence: Persistence.events() })
    const asked: Array<Message> = []
    const left = [...moods]
    const parcelCommands = Participant.on("/parcels", ParcelCommands, {
      Pack: ({ kilos }, message) =>
        Effect.gen(function* () {
          asked.push(message)
          if (scales.broken-- > 0) return yield* new ScalesBroken({ retryAfterSeconds: 1, detail: "wait" })
          yield* parcels.execute(
            message.key,
            { _tag: "Pack", kilos },
            following(message, message.id, message.commandId)
          )
          return Participant.done({ label: `L-${message.key}` })
        }),
      Unpack: (_, message) =>
        Effect.as(
          parcels.execute(message.key, { _tag: "Unpack" }, following(message, message.id, message.commandId)),
          Participant.done()
        ),
      Weigh: () => Effect.succeed(Participant.refused("no-scales"))
    })
    const say = (message: Message, mood: VanMood) =>
      mood === "silent"
        ? Effect.void
        : broker.publish(VanEvents.topic, [
            {
              ...message,
              ...VanEvents.encode({ _tag: mood === "full" ? "VanFull" : "VanLeft", trip: message.key }),
              id: `${message.id}-said`
            }
          ])
    const vanCommands = Participant.on("/vans", VanCommands, {
      Load: (_, message) => Effect.as(say(message, left.shift() ?? "leaves"), Participant.later)
    })
    const { success, failure } = SagaRuntime.hearing(trips)
    const answers = [
      SagaRuntime.onReplies(conductor, { success, failure }),
      Consumer.on(VanEvents, {
        VanLeft: ({ trip }, message) => success({ sagaId: trip, step: "load", answer: null, message }),
        VanFull: ({ trip }, message) => failure({ sagaId: trip, step: "load", reason: "full", answer: null, message })
      })
    ]
    const effects = { effects: "idempotent", pollMillis: 5, firstBackoffMillis: 5 } as const
    yield* Layer.build(
      Layer.mergeAll(
        Consumer.layer("parcels", [parcelCommands], effects),
        Consumer.layer("vans", [vanCommands], effects),
        Consumer.layer("trips", answers, effects),
        Layer.effectDiscard(Projector.make([SagaRuntime.dispatch(conductor)], { poll: 20 }))
      )
    )
    const start = (sagaId: string, kilos: number, options?: Entities.CommandOptions) =>
      trips.execute(sagaId, { _tag: "Start", sagaId, data: { kilos }, nowMillis: 0 }, options)
    const ends = (sagaId: string, status: string) =>
      eventually(Effect.map(trips.read(sagaId), ({ state }) => state.status === status))
    return { start, ends, trips, parcels, asked, broker }
  })

describe("a saga at work", () => {
  layer(stores, { excludeTestServices: true })((it) => {
    it.effect("sends each command, hears each answer, and completes with what was said", () =>
      Effect.gen(function* () {
        const { start, ends, trips, parcels, asked } = yield* world()
        yield* start("s1", 7)
        yield* ends("s1", "completed")
        const { state } = yield* trips.read("s1")
        assert.deepStrictEqual(state.answers, { pack: { label: "L-s1" }, load: null })
        assert.deepStrictEqual((yield* parcels.read("s1")).state, { packed: 7 })
        assert.include(asked[0]!, { correlationId: "s1", commandId: "s1/pack", replyTo: "trip-replies", key: "s1" })
      })
    )

    it.effect("a rejection of the participant's domain turns the saga round, with its reason", () =>
      Effect.gen(function* () {
        const { start, ends, trips } = yield* world()
        yield* start("s2", 31)
        yield* ends("s2", "compensated")
        const { failure } = (yield* trips.read("s2")).state
        assert.deepStrictEqual(failure, { step: "pack", reason: "TooHeavy", answer: { detail: "31 kg" } })
      })
    )

    it.effect("a failure that passes is no answer: the participant tries again until it has one", () =>
      Effect.gen(function* () {
        const { start, ends, asked, parcels } = yield* world([], { broken: 3 })
        yield* start("s3", 3)
        yield* ends("s3", "completed")
        assert.strictEqual(asked.length, 4)
        assert.deepStrictEqual((yield* parcels.read("s3")).state, { packed: 3 })
      })
    )

    it.effect("an outcome that comes as an event is heard, and what was done before it is undone", () =>
      Effect.gen(function* () {
        const { start, ends, parcels } = yield* world(["full"])
        yield* start("s4", 4)
        yield* ends("s4", "compensated")
        assert.deepStrictEqual((yield* parcels.read("s4")).state, { packed: 0 })
      })
    )

    it.effect("a request that nobody answers is sent again when its time has come, and not before", () =>
      Effect.gen(function* () {
        const { start, ends, trips } = yield* world(["silent", "silent"])
        yield* start("s5", 5)
        yield* eventually(Effect.map(trips.read("s5"), ({ state }) => state.pending?.step === "load"))
        const due = Effect.map(trips.read("s5"), ({ state: { pending, sagaId } }) =>
          pending === null ? [] : [{ sagaId, step: pending.step, attempt: pending.attempt }]
        )
        const early = yield* SagaRuntime.runOutOfPatience(
          conductor,
          trips,
          { sagaId: "s5", step: "load", attempt: 1 },
          0
        )
        assert.strictEqual(early.position, 0)
        yield* Layer.build(
          Deadlines.layer({
            name: "trip",
            pollMillis: 5,
            due: () => due,
            fire: (one, nowMillis) => SagaRuntime.runOutOfPatience(conductor, trips, one, nowMillis)
          })
        )
        yield* ends("s5", "completed")
      })
    )

    const yearsAgo = Date.parse("2011-03-31T16:00:00Z")

    /** When the events of a stream occurred, and what they are. */
    const historyOf = (stream: string) =>
      Effect.gen(function* () {
        const stored = yield* (yield* Journal).readStream(stream)
        return stored.map(({ type, occurredAtMillis }) => [type, occurredAtMillis] as const)
      })

    it.effect(
      "what follows from something of years ago occurred then: commands, answers, events, and undoing it all",
      () =>
        Effect.gen(function* () {
          const { start, ends, asked } = yield* world(["full"])
          yield* start("s8", 8, { occurredAtMillis: yearsAgo })
          yield* ends("s8", "compensated")
          assert.deepStrictEqual(
            asked.map(({ occurredAtMillis }) => occurredAtMillis),
            [yearsAgo]
          )
          const happened = [...(yield* historyOf("parcel-s8")), ...(yield* historyOf("trip-s8"))]
          assert.deepStrictEqual(
            happened.map(([type]) => type),
            ["Packed", "Unpacked", "SagaStarted", "StepRequested", "StepSucceeded", "StepRequested"].concat([
              "StepFailed",
              "StepRequested",
              "StepUndone",
              "SagaCompensated"
            ])
          )
          assert.deepStrictEqual(new Set(happened.map(([, at]) => at)), new Set([yearsAgo]))
        })
    )

    it.effect("what a timer sends again occurs when it was sent first, and so does what follows from that", () =>
      Effect.gen(function* () {
        const { start, ends, trips } = yield* world(["silent"])
        const before = yield* Clock.currentTimeMillis
        yield* start("s9", 9, { occurredAtMillis: yearsAgo })
        yield* eventually(Effect.map(trips.read("s9"), ({ state }) => state.pending?.step === "load"))
        const late = (yield* trips.read("s9")).state.pending!.dueAtMillis
        // Deadlines are of the clock, whenever it was in the business.
        assert.isAtLeast(late, before)
        yield* SagaRuntime.runOutOfPatience(
          conductor,
          trips,
          { sagaId: "s9", step: "load", attempt: 1, occurredAtMillis: yearsAgo },
          late
        )
        yield* ends("s9", "completed")
        const happened = (yield* historyOf("trip-s9")).slice(-3)
        assert.deepStrictEqual(happened, [
          ["StepRequested", yearsAgo],
          ["StepSucceeded", yearsAgo],
          ["SagaCompleted", yearsAgo]
        ])
      })
    )

    it.effect("answers to commands of nobody's, and of sagas that do not exist, change nothing", () =>
      Effect.gen(function* () {
        const { start, ends, broker } = yield* world()
        const replies = Participant.replies(conductor.replyTo)
        const reply = (id: string, correlationId: string | null, commandId: string): Message => ({
          ...replies.encode({ _tag: "CommandDone", commandId, answer: null }),
          id,
          source: "/parcels",
          key: correlationId ?? id,
          occurredAtMillis: 0,
          correlationId,
          causationId: null,
          actor: null,
          traceParent: null,
          tenant: null,
          commandId: null,
          replyTo: null
        })
        yield* broker.publish(conductor.replyTo, [
          reply("r1", "nobody", "nobody/pack"),
          reply("r2", null, "other"),
          reply("r3", "s6", "s7/pack")
        ])
        yield* start("s6", 6)
        yield* ends("s6", "completed")
        const inbox = yield* Inbox
        assert.deepStrictEqual(yield* inbox.list({ consumer: "trips", limit: 10 }), [])
      })
    )

    it.effect("a refusal is answered once for each attempt's outcome, so that a contradicting one is heard too", () =>
      Effect.gen(function* () {
        const { broker, asked } = yield* world()
        const heard: Array<Message> = []
        yield* Effect.forkScoped(
          broker.subscribe({ topic: "elsewhere", group: "test" }, (batch) =>
            Effect.sync(() => void heard.push(...batch.map(({ message }) => message!)))
          )
        )
        const command = (id: string, type: "Pack" | "Weigh", kilos: number): Message => ({
          ...(type === "Pack"
            ? ParcelCommands.encode({ _tag: "Pack", kilos })
            : ParcelCommands.encode({ _tag: "Weigh" })),
          id,
          source: "/test",
          key: "p",
          occurredAtMillis: 0,
          correlationId: null,
          causationId: null,
          actor: null,
          traceParent: null,
          tenant: null,
          commandId: null,
          replyTo: "elsewhere"
        })
        yield* broker.publish(ParcelCommands.topic, [command("c1", "Pack", 1), command("c2", "Weigh", 0)])
        yield* eventually(Effect.sync(() => heard.length === 2))
        assert.deepStrictEqual(
          heard.map(({ id, type, key }) => ({ id, type, key })),
          [
            { id: "c1/Done", type: "CommandDone", key: "c1" },
            { id: "c2/Refused", type: "CommandRefused", key: "c2" }
          ].sort((a, b) => heard.findIndex(({ id }) => id === a.id) - heard.findIndex(({ id }) => id === b.id))
        )
        assert.strictEqual(asked.length, 1)
      })
    )
  })
})
