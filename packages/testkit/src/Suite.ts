/**
 * What a conformance suite is made of: named scenarios in sections, run against one adapter's layer.
 *
 * Used by the suites of this package. Scenarios are plain values, so that the testkit's own tests can run them against
 * adapters that are wrong on purpose and see them caught.
 */
import { describe, layer } from "@effect/vitest"
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"

/** One thing that a user of a port relies on. */
export interface Scenario<R> {
  readonly name: string
  readonly run: Effect.Effect<unknown, unknown, R | Scope.Scope>
  /** Why it cannot run on this adapter; it is then skipped, and says so. */
  readonly skipped?: string
  /** For the few that do a lot of work. Default: vitest's own. */
  readonly timeoutMillis?: number
}

/** Scenarios about one side of a port. */
export interface Section<R> {
  readonly title: string
  readonly scenarios: ReadonlyArray<Scenario<R>>
}

/** What a suite registered. `scenarios` includes the skipped ones. */
export interface Registered {
  readonly title: string
  readonly scenarios: number
  readonly skipped: number
}

/** A scenario that every adapter can run. */
export const scenario = <E, R>(
  name: string,
  run: Effect.Effect<unknown, E, R>,
  timeoutMillis?: number
): Scenario<Exclude<R, Scope.Scope>> => ({
  name,
  run: run as Effect.Effect<unknown, E, Exclude<R, Scope.Scope> | Scope.Scope>,
  ...(timeoutMillis === undefined ? {} : { timeoutMillis })
})

/** A scenario that needs something of the adapter, named by the option that gives it. */
export const scenarioWith = <Hook, E, R>(
  option: string,
  hook: Hook | undefined,
  name: string,
  run: (hook: Hook) => Effect.Effect<unknown, E, R>
): Scenario<Exclude<R, Scope.Scope>> =>
  hook === undefined
    ? { name: `${name} (skipped: the adapter gives no \`${option}\`)`, run: skippedRun, skipped: option }
    : scenario(name, run(hook))

const skippedRun = undefined as never

/** Registers sections with vitest, on one layer that is built once and torn down after the last scenario. */
export const register = <R, E>(
  title: string,
  adapter: Layer.Layer<R, E>,
  sections: ReadonlyArray<Section<NoInfer<R>>>
): Registered => {
  const all = sections.flatMap((section) => section.scenarios)
  const names = sections.flatMap((section) => section.scenarios.map(({ name }) => `${section.title}: ${name}`))
  const repeated = names.find((name, i) => names.indexOf(name) !== i)
  if (repeated !== undefined) throw new Error(`${title}: two scenarios are called "${repeated}"`)
  // Real time: an adapter's pools and timeouts must not wait for a test's clock.
  layer(adapter, { excludeTestServices: true })(title, (it) => {
    for (const section of sections) {
      describe(section.title, () => {
        for (const { name, run, skipped, timeoutMillis } of section.scenarios) {
          if (skipped !== undefined) it.effect.skip(name, () => run)
          else it.effect(name, () => run, timeoutMillis)
        }
      })
    }
  })
  return { title, scenarios: all.length, skipped: all.filter(({ skipped }) => skipped !== undefined).length }
}
