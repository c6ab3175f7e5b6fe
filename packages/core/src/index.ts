/**
 * The platform's public entry. Every module is also there by its own path, as in `@daybook/core/Journal`.
 */
export * as Aggregate from "./Aggregate.ts"
export * as Entities from "./Entities.ts"
export * as EntityProblems from "./EntityProblems.ts"
export * as Event from "./Event.ts"
export * as Journal from "./Journal.ts"
export * as Metrics from "./Metrics.ts"
export * as Partition from "./Partition.ts"
export * as Persistence from "./Persistence.ts"
export * as Problem from "./Problem.ts"
export * as Projection from "./Projection.ts"
export * as ProjectionStore from "./ProjectionStore.ts"
export * as Projector from "./Projector.ts"
export * as Recovery from "./Recovery.ts"
export * as Signal from "./Signal.ts"
export * as Snapshot from "./Snapshot.ts"
export * as Subscription from "./Subscription.ts"
