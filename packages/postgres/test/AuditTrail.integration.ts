/** The audit trail on a server. */
import { auditTrails } from "./AuditTrailSuite.ts"
import { serverUrl } from "./Stores.ts"

auditTrails("PostgreSQL", { url: serverUrl() })
