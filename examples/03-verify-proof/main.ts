/**
 * Proving one event to somebody who has nothing but a public key: an auditor, a court, a customer.
 *
 * `proof.json` was written by `daybook audit prove`, `public-key.pem` printed by `daybook audit anchor`. `verify-proof.mjs` is what
 * you hand out with them; here it is run on the proof, and on one in which a single letter was changed.
 */
import { spawnSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"

const file = (name: string): string => join(import.meta.dirname, name)

const verify = (proof: string): number | null =>
  spawnSync(process.execPath, [file("verify-proof.mjs"), proof, file("public-key.pem"), file("anchor.json")], {
    stdio: "inherit"
  }).status

if (verify(file("proof.json")) !== 0) throw new Error("The proof should hold")

console.log("\nThe same, with another quantity:")
const proof: { readonly event: string } = JSON.parse(readFileSync(file("proof.json"), "utf8"))
const changed = { ...proof, event: proof.event.replace(/quantity\\":6/, 'quantity\\":7') }
if (changed.event === proof.event) throw new Error("The example should change something")
writeFileSync("changed.json", JSON.stringify(changed))
if (verify("changed.json") !== 1) throw new Error("A changed event should not pass")
