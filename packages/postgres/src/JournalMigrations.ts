/**
 * The migrations of the platform's own tables: the journal's on the write side, the projections' on the read side.
 */
import { fromFiles, type MigrationSet } from "./Migrations.ts"

const folder = new URL("../sql/", import.meta.url)

/** Events, receipts, states and snapshots. Needs the value `partitions`, which is fixed from then on. */
export const journal: MigrationSet = {
  name: "journal",
  migrations: fromFiles(folder, [
    "journal-001-tables",
    "journal-002-append-only",
    "journal-003-receipts",
    "journal-004-append",
    "journal-005-privileges",
    "journal-006-recall",
    "journal-007-append",
    "journal-008-privileges",
    "journal-009-append",
    "journal-010-append",
    "journal-011-receipts",
    "journal-012-append",
    "journal-013-append"
  ])
}

/** Offsets of projections, beside the read models. */
export const readModel: MigrationSet = {
  name: "readmodel",
  migrations: fromFiles(folder, ["readmodel-001-offsets", "readmodel-002-privileges", "readmodel-003-privileges"])
}
