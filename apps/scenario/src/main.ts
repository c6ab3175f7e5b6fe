/**
 * `npm run scenario -- checkout`: a whole day of a shop, and an account of it. The last line with `--json` is one JSON object.
 *
 * Exit codes: 0 everything came to its right end, 1 something did not, 2 not understood.
 */
import { parseArgs } from "node:util"
import * as Checkout from "./Checkout.ts"

const usage = `Usage: npm run scenario -- checkout [options]

Buyers fill carts and check out; services talk by messages alone; at the end everyone's books are compared.

  --orders N         how many checkouts (default 100)
  --broker KIND      kafka: four processes, each with a PostgreSQL database, and Apache Kafka, all started for the run
                     postgres: four processes on one PostgreSQL database, which carries their messages too
                     sql: one process with everything embedded (default)
  --faults           declines, shortages, time-outs, unknown outcomes and duplicate webhooks; each process killed with
                     kill -9 and restarted five times at random; PostgreSQL and Kafka, where they are used,
                     killed and restarted once
  --seed N           what is bought, how it is paid and when fate strikes (default: the time)
  --buyers N         checkouts under way at once (default 32)
  --json             print the result as one JSON object, on the last line

Examples:
  npm run scenario -- checkout --orders 50
  npm run -s scenario -- checkout --orders 1000 --broker kafka --json
  npm run -s scenario -- checkout --orders 200 --broker postgres --faults
  npm run -s scenario -- checkout --orders 1000 --broker kafka --faults --seed 7 --json`

class Misunderstood extends Error {}

const wholeNumber = (name: string, text: string, most: number): number => {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 1 && value <= most) return value
  throw new Misunderstood(`--${name} is ${JSON.stringify(text)}; give a whole number from 1 to ${most}`)
}

const parse = (args: ReadonlyArray<string>) => {
  const options = {
    orders: { type: "string", default: "100" },
    broker: { type: "string", default: "sql" },
    faults: { type: "boolean", default: false },
    seed: { type: "string" },
    buyers: { type: "string", default: "32" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false }
  } as const
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true })
  } catch (error) {
    throw new Misunderstood((error as Error).message)
  }
}

const optionsOf = ({ values, positionals }: ReturnType<typeof parse>): Checkout.Options => {
  if (positionals.length !== 1 || positionals[0] !== "checkout") {
    throw new Misunderstood(`There is no scenario ${JSON.stringify(positionals.join(" "))}; there is checkout`)
  }
  const { broker, faults } = values
  if (broker !== "kafka" && broker !== "postgres" && broker !== "sql")
    throw new Misunderstood(`--broker is ${broker}; give kafka, postgres or sql`)
  const orders = wholeNumber("orders", values.orders, 1_000_000)
  const seed = values.seed === undefined ? performance.timeOrigin % 1_000_000 : Number(values.seed)
  if (!Number.isSafeInteger(Math.floor(seed)) || seed < 0) {
    throw new Misunderstood(`--seed is ${JSON.stringify(values.seed)}; give a whole number`)
  }
  return { orders, broker, faults, seed: Math.floor(seed), buyers: wholeNumber("buyers", values.buyers, 1_000) }
}

const print = (result: Checkout.Result): void => {
  const { examples, reasons, kills, ...figures } = result
  for (const [name, value] of Object.entries(figures)) console.log(`${name.padEnd(20)} ${value}`)
  const listed = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts)
      .map(([name, n]) => `${name} ${n}`)
      .join(", ")
  console.log(`${"kills".padEnd(20)} ${listed(kills)}`)
  console.log(`${"reasons".padEnd(20)} ${listed(reasons)}`)
  for (const example of examples) console.log(`  ${example}`)
}

const isGood = ({ started, orders, confirmed, restored, ...rest }: Checkout.Result): boolean =>
  started === orders &&
  started === confirmed + restored &&
  [rest.needsAttention, rest.oversold, rest.duplicated, rest.lost, rest.stuck].every((count) => count === 0)

const main = async (args: ReadonlyArray<string>): Promise<number> => {
  const parsed = parse(args)
  if (parsed.values.help) {
    console.log(usage)
    return 0
  }
  const options = optionsOf(parsed)
  console.error(`checkout: ${options.orders} orders, seed ${options.seed}`)
  const result = await Checkout.run(options, (what) => console.error(what))
  if (parsed.values.json) console.log(JSON.stringify(result))
  else print(result)
  return isGood(result) ? 0 : 1
}

// What was started for the run ends with the process, which a signal alone would not let it know of.
process.once("SIGINT", () => process.exit(130)).once("SIGTERM", () => process.exit(143))

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  const isUsage = error instanceof Misunderstood
  console.error(isUsage ? `${error.message}.\nSee npm run scenario -- --help` : error)
  process.exitCode = isUsage ? 2 : 1
}
