/**
 * Daybook's ports on PostgreSQL and PGlite. Every module is also there by its own path, as in `@daybook/postgres/Stores`.
 */
export * as Database from "./Database.ts"
export * as Migrations from "./Migrations.ts"
export * as SqlBroker from "./SqlBroker.ts"
export * as SqlInbox from "./SqlInbox.ts"
export * as SqlJournal from "./SqlJournal.ts"
export * as SqlProjectionStore from "./SqlProjectionStore.ts"
export * as SqlRebuild from "./SqlRebuild.ts"
export * as SqlSnapshots from "./SqlSnapshots.ts"
export * as SqlSubjectKeys from "./SqlSubjectKeys.ts"
export * as Stores from "./Stores.ts"
