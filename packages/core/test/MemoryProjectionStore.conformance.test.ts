import { ProjectionStore } from "@daybook/core/ProjectionStore"
import { projectionStoreSuite } from "@daybook/testkit/ProjectionStoreSuite"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"

projectionStoreSuite("memory", {
  layer: () => Layer.mergeAll(ProjectionStore.layerMemory, TestClock.layer()),
  advance: TestClock.adjust
})
