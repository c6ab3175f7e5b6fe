/** A cart is the same at every maturity level. */
import * as Levels from "../Levels.ts"
import { cart, commands } from "./Life.ts"

Levels.holds(cart, commands)
