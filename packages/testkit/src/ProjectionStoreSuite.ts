/**
 * The contract of `ProjectionStore` as a suite: leases that one worker holds at a time, offsets that move with the read model
 * or not at all, and the switches that operators use.
 */
import type { ProjectionStore } from "@daybook/core/ProjectionStore"
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { leases } from "./internal/ProjectionLeases.ts"
import { operations } from "./internal/ProjectionOperations.ts"
import { transactions } from "./internal/ProjectionTransactions.ts"
import { type Registered, register } from "./Suite.ts"
import type { Witness } from "./Witness.ts"

/** What a projection store gives to be tested. `R` is what the adapter's own hooks need of its layer. */
export interface ProjectionStoreSuiteOptions<R = never> {
  /** A projection store; built once. It need not be empty. */
  readonly layer: () => Layer.Layer<ProjectionStore | R, unknown>
  /** Makes that much time pass for all leases, without waiting for it. */
  readonly advance: (millis: number) => Effect.Effect<unknown, unknown, R>
  /** A place in the same store, to see what is kept and undone with the offsets. */
  readonly witness?: Witness<R>
}

/** Registers the suite with vitest as `ProjectionStore conformance: <name>`. */
export const projectionStoreSuite = <R = never>(name: string, options: ProjectionStoreSuiteOptions<R>): Registered =>
  register(`ProjectionStore conformance: ${name}`, options.layer(), [
    leases(options.advance),
    transactions(options.advance, options.witness),
    operations
  ])
