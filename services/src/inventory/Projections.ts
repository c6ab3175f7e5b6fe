/**
 * The inventory's read models, for its projector: availability and ledger (`StockProjection.ts`), reservations
 * (`ReservationProjection.ts`).
 *
 * Two projections, so that neither waits for the other: a shop window wants levels, deadlines want reservations.
 */
import { fromFiles, type MigrationSet } from "@daybook/postgres/Migrations"
import { reservationViews } from "./ReservationProjection.ts"
import { stockViews } from "./StockProjection.ts"

/** The migrations of the read models. */
export const tables: MigrationSet = {
  name: "inventory",
  migrations: fromFiles(new URL("./sql/", import.meta.url), ["001-read-models"])
}

/** The projections that write the read models into a schema. */
export const views = (schema: string) => [stockViews(schema), reservationViews(schema)]
