/**
 * Rejected commands in memory, for `RejectedCommands.layerMemory`.
 */
import * as Effect from "effect/Effect"
import type { RejectedCommand, RejectedCommands } from "./RejectedCommands.ts"

/** An empty store. */
export const makeMemory = (): RejectedCommands["Service"] => {
  let kept: ReadonlyArray<RejectedCommand> = []
  return {
    record: (batch) =>
      Effect.sync(() => {
        kept = [...kept, ...batch]
      }),
    forget: ({ keep, notBeforeMillis }) =>
      Effect.sync(() => {
        const before = kept.length
        kept = kept.slice(-keep).filter(({ recordedAtMillis }) => recordedAtMillis >= notBeforeMillis)
        return before - kept.length
      }),
    newest: (limit) => Effect.sync(() => kept.slice(-limit).reverse())
  }
}
