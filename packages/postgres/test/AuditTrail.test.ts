/** The audit trail on an embedded store. */
import { auditTrails } from "./AuditTrailSuite.ts"

auditTrails("PGlite", { folder: undefined })
