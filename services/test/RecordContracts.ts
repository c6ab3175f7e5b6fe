/**
 * Adds what is new in the services' contracts to their records: `npm run contracts`. Records nothing where a change would break
 * someone.
 */
import { changesSince, contracts, record, remedy } from "./ContractRecords.ts"

const found = contracts.map((contract) => ({ contract, ...changesSince(contract) }))
const broken = found.flatMap(({ contract, broken }) => broken.map((what) => `${contract.topic}: ${what}`))

if (broken.length > 0) {
  console.error(`${broken.join("\n")}\n\n${remedy}\nNothing was recorded.`)
  process.exitCode = 1
} else {
  for (const { contract, added } of found) {
    if (added.length === 0) continue
    record(contract)
    for (const what of added) console.log(`${contract.topic}: recorded ${what}`)
  }
  if (found.every(({ added }) => added.length === 0)) console.log("Everything is recorded already.")
}
