/** The stored formats of data subjects. */
import * as Golden from "../Golden.ts"
import { subject } from "./Stored.ts"

Golden.holds(subject)
