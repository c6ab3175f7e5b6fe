/** A small aggregate for tests of the runtime on a database: it counts, and can be asked to have counted enough. */
import * as Aggregate from "@daybook/core/Aggregate"
import * as Event from "@daybook/core/Event"
import { Problem } from "@daybook/core/Problem"
import * as Schema from "effect/Schema"

class TooLittle extends Problem<TooLittle>()(
  "TooLittle",
  { status: 409, title: "There is not that much" },
  { sum: Schema.Int }
) {}

export const Counter = Aggregate.make({
  name: "counter",
  state: { version: 1, schema: Schema.Int },
  events: Event.define({ Counted: { by: Schema.Int } }),
  commands: Schema.TaggedUnion({ Count: { by: Schema.Int }, Ensure: { least: Schema.Int } }),
  initial: 0,
  evolve: { Counted: (sum, { by }) => sum + by },
  decide: {
    Count: ({ by }) => [{ _tag: "Counted", by }],
    Ensure: ({ least }, sum) => (sum < least ? new TooLittle({ sum, detail: `There are ${sum}` }) : [])
  }
})
