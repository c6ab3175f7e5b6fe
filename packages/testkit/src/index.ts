/**
 * Everything that tests of aggregates and of adapters need. The suites import vitest; outside of it, import what is needed by
 * its own path, as in `@daybook/testkit/FaultInjection`.
 */
export { type ArchiveStoreSuiteOptions, archiveStoreSuite } from "./ArchiveStoreSuite.ts"
export { type BrokerSuiteOptions, brokerSuite } from "./BrokerSuite.ts"
export { type ConsumerSuiteOptions, consumerSuite } from "./ConsumerSuite.ts"
export * as DeciderLaws from "./DeciderLaws.ts"
export * as DeciderSpec from "./DeciderSpec.ts"
export * as FaultInjection from "./FaultInjection.ts"
export { type JournalSuiteOptions, journalSuite } from "./JournalSuite.ts"
export { nothingKnown } from "./Metadata.ts"
export { type ProjectionStoreSuiteOptions, projectionStoreSuite } from "./ProjectionStoreSuite.ts"
export { type SnapshotSuiteOptions, snapshotSuite } from "./SnapshotSuite.ts"
export { type SubjectKeysSuiteOptions, subjectKeysSuite } from "./SubjectKeysSuite.ts"
export type { Registered } from "./Suite.ts"
export type { Witness } from "./Witness.ts"
