/** An order is the same at every maturity level. */
import * as Levels from "../Levels.ts"
import { commands, order } from "./Life.ts"

Levels.holds(order, commands)
