/** Migrations on the embedded store. */
import { migrationsSuite } from "./MigrationsSuite.ts"

migrationsSuite("PGlite", { folder: undefined })
