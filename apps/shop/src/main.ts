/**
 * Starts the shop: `npm start`. What was compiled by an earlier start is taken from there, which is why `Shop.ts` with all that it
 * needs is imported in a second step.
 */
import { enableCompileCache } from "node:module"
import { fileURLToPath } from "node:url"

// Within the installation: in the system's folder for temporary files somebody else could have prepared it. Where it cannot be
// written, as in a container, every start compiles anew.
enableCompileCache(fileURLToPath(new URL("../../../node_modules/.cache/daybook", import.meta.url)))
await import("./Shop.ts")
