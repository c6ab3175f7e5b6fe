/** Stock items and reservations are the same at every maturity level. */
import { describe } from "vitest"
import * as Levels from "../Levels.ts"
import { reservation, reservationCommands, stockCommands, stockItem } from "./Life.ts"

describe("a stock item", () => Levels.holds(stockItem, stockCommands))
describe("a reservation", () => Levels.holds(reservation, reservationCommands))
