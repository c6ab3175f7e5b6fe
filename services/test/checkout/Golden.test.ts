/** The stored formats of the checkout, and so of every saga. */
import * as Golden from "../Golden.ts"
import { checkout } from "./Stored.ts"

Golden.holds(checkout)
