/**
 * The five timings of ADR-0007, as histograms in seconds, and a few counters besides.
 *
 * Buckets reach from a tenth of a millisecond to ten seconds, so that the specification's limits (20 ms, 50 ms, 100 ms, 1 s)
 * are bucket bounds and a percentile can be read against them.
 */
import type * as Context from "effect/Context"
import * as Metric from "effect/Metric"

const boundaries = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

const histogram = (name: string, description: string) => Metric.histogram(name, { description, boundaries })

/** From the arrival of a command at its entity to the answer. Limit of the specification: 50 ms (p95). */
export const commandSeconds = histogram("daybook_command_seconds", "Command processing time")

/** One append of a batch to the journal. Limit: 20 ms (p95). */
export const persistSeconds = histogram("daybook_persist_seconds", "Event persistence time")

/** From the recording of an event to its visibility in a read model. Limit: 1 s, typically. */
export const projectionLagSeconds = histogram("daybook_projection_lag_seconds", "Read model lag")

/** A query, from request to answer. Limit: 100 ms (p95). */
export const querySeconds = histogram("daybook_query_seconds", "Query response time")

/** Recovery of one aggregate: snapshot and later events read and folded. Limit: 5 minutes for a million events. */
export const replaySeconds = histogram("daybook_replay_seconds", "Event replay time of one aggregate")

/** Commands by what became of them. */
export const commands = Metric.counter("daybook_commands_total", {
  description: "Commands answered",
  incremental: true
})

/** Commands that an aggregate refused. */
export const rejectedCommands = Metric.counter("daybook_rejected_commands_total", {
  description: "Commands that were rejected",
  incremental: true
})

/** Of these, those that were not written down: too many at once, or a store that did not answer. */
export const rejectedCommandsLost = Metric.counter("daybook_rejected_commands_lost_total", {
  description: "Rejected commands that were not written down",
  incremental: true
})

/** Entities in memory now. */
export const residentEntities = Metric.gauge("daybook_entities", { description: "Entities in memory" })

/** What a service's own books say does not fit together now, by kind: something that somebody should look at. */
export const findings = Metric.gauge("daybook_findings", { description: "Findings of the reconciliation" })

/** Events that the background has sealed, by schema. */
export const sealedEvents = Metric.counter("daybook_sealed_events_total", {
  description: "Events sealed in the background",
  incremental: true
})

/** Partitions that cannot be sealed any further, by schema: something that somebody has to look at. */
export const sealsStopped = Metric.gauge("daybook_seals_stopped", { description: "Partitions that cannot be sealed" })

/** Records without an Effect, for hot paths. */
export const recorder = <Input>(
  metric: Metric.Metric<Input, any>,
  context: Context.Context<never>,
  attributes: Record<string, string> = {}
) => {
  const tagged = Metric.withAttributes(metric, attributes)
  return (input: Input): void => tagged.updateUnsafe(input, context)
}
