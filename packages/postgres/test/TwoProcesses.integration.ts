/** Two processes that carry out commands of one aggregate on one server: none answers from what it remembers alone. */
import * as Entities from "@daybook/core/Entities"
import * as Persistence from "@daybook/core/Persistence"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Counter } from "./Counter.ts"
import { freshSchema, serverUrl, stores } from "./Stores.ts"

const schema = freshSchema()
const store = stores({ url: serverUrl() }, schema, 8)

const count = (by: number) => ({ _tag: "Count", by }) as const
const ensure = (least: number) => ({ _tag: "Ensure", least }) as const

describe("an aggregate in the memory of two processes", () => {
  it.live.each([Persistence.events(), Persistence.state(), Persistence.inline])(
    "rejects, does nothing, and is read by what both have written: $_tag",
    (persistence) =>
      Effect.gen(function* () {
        const process = Effect.flatMap(Layer.build(Layer.fresh(store)), (context) =>
          Effect.provideContext(Entities.make(Counter, { persistence }), context)
        )
        const [ours, theirs] = yield* Effect.all([process, process])
        const id = persistence._tag
        yield* ours.execute(id, count(1))
        yield* theirs.execute(id, count(5))
        assert.strictEqual((yield* ours.execute(id, ensure(6))).version, 2)
        yield* theirs.execute(id, count(4))
        const rejection = yield* Effect.flip(ours.execute(id, ensure(20)))
        assert.deepInclude(rejection, { _tag: "TooLittle", sum: 10 })
        yield* theirs.execute(id, count(1))
        assert.deepStrictEqual(yield* ours.read(id), { version: 4, state: 11 })
      }).pipe(Effect.scoped),
    60_000
  )
})
