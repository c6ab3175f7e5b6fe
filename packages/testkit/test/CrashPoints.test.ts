/** What an author of tests relies on: a process dies where it is told to, and has no effect from then on. */
import { Broker } from "@daybook/core/Broker"
import { Inbox } from "@daybook/core/Inbox"
import { type Append, Journal } from "@daybook/core/Journal"
import type { Message } from "@daybook/core/Message"
import type { Write } from "@daybook/core/Projection"
import { ProjectionStore } from "@daybook/core/ProjectionStore"
import { Snapshots } from "@daybook/core/Snapshot"
import { CrashPoints, momentsOf, type Ports } from "@daybook/testkit/CrashPoints"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { appendTo, numbered } from "../src/internal/JournalFixture.ts"

const ports = Layer.mergeAll(
  Journal.layerMemory(),
  Snapshots.layerMemory,
  ProjectionStore.layerMemory,
  Inbox.layerMemory,
  Broker.layerMemory()
)

/** What a process has, and what is really there. */
interface World {
  readonly points: CrashPoints
  readonly mine: Context.Context<Ports>
  readonly real: Context.Context<Ports>
}

const scenario = <E>(name: string, run: (world: World) => Effect.Effect<unknown, E>) =>
  it.effect(name, () =>
    Effect.gen(function* () {
      const real = yield* Effect.context<Ports>()
      const points = new CrashPoints()
      yield* run({ points, real, mine: points.wrap("shop", real) })
    }).pipe(Effect.provide(ports))
  )

const append = (version: number): Append =>
  appendTo({ stream: "account-1", partition: 0 }, version, numbered(version + 1, version + 1))

/** A store on SQL writes plans, which the one in memory does not; this one counts the writes. */
const planning = ({ points, real }: World) => {
  const table = { total: 0 }
  const store: ProjectionStore["Service"] = {
    ...Context.get(real, ProjectionStore),
    write: (_projection, _advances, plan) =>
      Effect.map(plan, (writes) => {
        table.total += writes.length
      })
  }
  const mine = Context.get(points.wrap("shop", Context.add(real, ProjectionStore, store)), ProjectionStore)
  const plan: Write = { text: (condition) => condition, params: [] }
  return { table, write: mine.write!("totals", [], Effect.succeed([plan])) }
}

/** The name under which these appends are counted. */
const appending = `shop appends ${append(0)
  .events.map(({ type }) => type)
  .join(", ")}`

const lengthOf = (context: Context.Context<Ports>) => Context.get(context, Journal).version("account-1")

/** Appends one event after the other, as long as somebody answers. */
const work = ({ mine }: World) =>
  Effect.gen(function* () {
    const journal = Context.get(mine, Journal)
    for (let version = 0; version < 3; version++) yield* journal.append([append(version)])
  })

const message: Message = {
  id: "m-1",
  source: "/shop",
  type: "Greeting",
  schemaVersion: 1,
  key: "k",
  occurredAtMillis: 0,
  correlationId: null,
  causationId: null,
  actor: null,
  traceParent: null,
  tenant: null,
  commandId: null,
  replyTo: null,
  data: {}
}

describe("a process that dies", () => {
  scenario("lives as long as no moment is set, and its changes are counted from when it is armed", (world) =>
    Effect.gen(function* () {
      yield* Context.get(world.mine, Journal).append([append(0)])
      world.points.arm()
      yield* Context.get(world.mine, Journal).append([append(1)])
      assert.strictEqual(world.points.changes.length, 1)
      assert.isFalse(world.points.isDead)
      assert.strictEqual(yield* lengthOf(world.real), 2)
    })
  )

  scenario("before a change has not made it, and makes no other", (world) =>
    Effect.gen(function* () {
      world.points.arm({ change: appending, nth: 2, when: "before" })
      assert.strictEqual((yield* Effect.flip(work(world)))._tag, "JournalUnavailable")
      assert.isTrue(world.points.isDead)
      yield* world.points.died
      yield* Effect.flip(Context.get(world.mine, Journal).append([append(1)]))
      yield* Effect.flip(lengthOf(world.mine))
      yield* Effect.flip(Context.get(world.mine, Inbox).transact(Effect.void))
      yield* Effect.flip(Context.get(world.mine, Broker).publish("greetings", [message]))
      assert.strictEqual(yield* lengthOf(world.real), 1)
    })
  )

  scenario("after a change has made it, and does not know", (world) =>
    Effect.gen(function* () {
      world.points.arm({ change: appending, nth: 1, when: "after" })
      assert.strictEqual((yield* Effect.flip(work(world)))._tag, "JournalUnavailable")
      assert.deepStrictEqual(world.points.changes, [appending])
      assert.strictEqual(yield* lengthOf(world.real), 1)
    })
  )

  scenario("lives on where it is armed anew before the change is made that it was to die after", ({ points }) =>
    Effect.gen(function* () {
      const made = yield* Deferred.make<string>()
      points.arm({ change: "slow", nth: 1, when: "after" })
      const changing = yield* Effect.forkChild(
        points.change("slow", Deferred.await(made), () => "gone"),
        { startImmediately: true }
      )
      points.arm()
      yield* Deferred.succeed(made, "made")
      assert.strictEqual(yield* Fiber.join(changing), "made")
      assert.isFalse(points.isDead)
    })
  )

  scenario("does not hear what was on its way to it", (world) =>
    Effect.gen(function* () {
      const answered = yield* Deferred.make<void>()
      const asked = world.points.while(Deferred.await(answered), () => "nobody hears")
      const asking = yield* Effect.forkChild(Effect.flip(asked), { startImmediately: true })
      world.points.kill()
      yield* Deferred.succeed(answered, undefined)
      assert.strictEqual(yield* Fiber.join(asking), "nobody hears")
    })
  )
})

describe("a process that dies around a planned write", () => {
  for (const [when, total] of [
    ["before", 1],
    ["after", 2]
  ] as const) {
    scenario(`${when} it has ${when === "before" ? "not made it" : "made it"}, and makes no other`, (world) =>
      Effect.gen(function* () {
        const { table, write } = planning(world)
        world.points.arm({ change: "shop writes the plan of totals", nth: 2, when })
        yield* write
        assert.strictEqual((yield* Effect.flip(write))._tag, "ReadModelUnavailable")
        assert.isTrue(world.points.isDead)
        yield* Effect.flip(write)
        assert.strictEqual(table.total, total)
      })
    )
  }

  scenario("cannot make one where its store has none", ({ mine }) =>
    Effect.sync(() => assert.isUndefined(Context.get(mine, ProjectionStore).write))
  )
})

describe("a process that dies while it acknowledges a message", () => {
  for (const when of ["before", "after"] as const) {
    scenario(
      `${when} it acknowledges a message ${when === "before" ? "leaves it to" : "spares"} the next one`,
      (world) =>
        Effect.gen(function* () {
          world.points.arm({ change: "shop acknowledges greetings", nth: 1, when })
          const handled: Array<string> = []
          const hear = (name: string, context: Context.Context<Ports>) =>
            Context.get(context, Broker).subscribe({ topic: "greetings", group: "g" }, (batch) =>
              Effect.sync(() => {
                for (const delivery of batch) handled.push(`${name} ${delivery.message?.id}`)
              })
            )
          yield* Context.get(world.real, Broker).publish("greetings", [message])
          const error = yield* Effect.flip(
            Effect.gen(function* () {
              const first = yield* Effect.forkChild(hear("first", world.mine))
              yield* world.points.died
              yield* Context.get(world.real, Broker).publish("greetings", [{ ...message, id: "m-2" }])
              return yield* Fiber.join(first)
            })
          )
          assert.strictEqual(error._tag, "BrokerUnavailable")
          const second = yield* Effect.forkChild(hear("second", world.real))
          while (!handled.includes("second m-2")) yield* Effect.yieldNow
          yield* Fiber.interrupt(second)
          const again = when === "before" ? ["second m-1"] : []
          assert.deepStrictEqual(handled, ["first m-1", ...again, "second m-2"])
        })
    )
  }
})

describe("the moments around changes", () => {
  it("are two for each, told apart where a change is made again", () => {
    assert.deepStrictEqual(momentsOf(["a", "b", "a"]), [
      { change: "a", nth: 1, when: "before" },
      { change: "a", nth: 1, when: "after" },
      { change: "b", nth: 1, when: "before" },
      { change: "b", nth: 1, when: "after" },
      { change: "a", nth: 2, when: "before" },
      { change: "a", nth: 2, when: "after" }
    ])
  })
})
