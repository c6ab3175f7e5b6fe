/** The stored formats of stock items and reservations. */
import * as Golden from "../Golden.ts"
import { reservation, stockItem } from "./Stored.ts"

Golden.holds(stockItem)
Golden.holds(reservation)
