import { Broker } from "@daybook/core/Broker"
import { Inbox } from "@daybook/core/Inbox"
import { consumerSuite } from "@daybook/testkit/ConsumerSuite"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

const notes = new Set<string>()

consumerSuite("memory", {
  layer: () => Layer.merge(Broker.layerMemory(), Inbox.layerMemory),
  witness: {
    write: (note) => Effect.sync(() => void notes.add(note)),
    has: (note) => Effect.sync(() => notes.has(note))
  }
})
