/**
 * `node infra/src/main.ts postgres kafka -- <command…>` runs a command beside real servers and exits with its exit code. The
 * command finds each server in its environment (`DATABASE_URL`, `KAFKA_BROKERS`, `STRIPE_MOCK_URL`, `S3_ENDPOINT`); the servers end
 * with it, also when it fails or is interrupted.
 */
import { exitOnSignal, runBeside } from "./Command.ts"
import { startKafka } from "./Kafka.ts"
import { startPostgres } from "./Postgres.ts"
import { startS3 } from "./S3Server.ts"
import { startStripeMock } from "./StripeMock.ts"

type Variables = Readonly<Record<string, string>>

/** What a server is to a command: the variables in which it is found, and how to stop it. */
interface Served extends AsyncDisposable {
  readonly variables: Variables
}

/** A server of one's own where `own` names one; otherwise one that is started. */
const serve = async <Server extends AsyncDisposable>(
  own: string,
  variable: string,
  start: () => Promise<Server>,
  addressOf: (server: Server) => string
): Promise<Served> => {
  const address = process.env[own]
  if (address !== undefined) {
    return { variables: { [variable]: address }, [Symbol.asyncDispose]: () => Promise.resolve() }
  }
  const server = await start()
  return {
    variables: { [variable]: addressOf(server) },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]()
  }
}

const servers: Readonly<Record<string, () => Promise<Served>>> = {
  postgres: () => serve("DAYBOOK_TEST_DATABASE_URL", "DATABASE_URL", startPostgres, ({ url }) => url),
  kafka: () => serve("DAYBOOK_TEST_KAFKA_BROKERS", "KAFKA_BROKERS", startKafka, ({ brokers }) => brokers),
  "stripe-mock": () => serve("STRIPE_MOCK_URL", "STRIPE_MOCK_URL", startStripeMock, ({ url }) => url),
  s3: () => serve("S3_ENDPOINT", "S3_ENDPOINT", startS3, ({ url }) => url)
}

const usage = `Usage: node infra/src/main.ts ${Object.keys(servers).join("|")}… -- <command> [arguments…]`

const main = async (args: ReadonlyArray<string>): Promise<number> => {
  const separator = args.indexOf("--")
  const names = args.slice(0, Math.max(separator, 0))
  const [program, ...rest] = args.slice(separator + 1)
  if (names.length === 0 || program === undefined || !names.every((name) => Object.hasOwn(servers, name))) {
    process.stderr.write(`${usage}\n`)
    return 2
  }
  const early = exitOnSignal()
  await using started = new AsyncDisposableStack()
  let variables: Variables = {}
  for (const name of new Set(names)) {
    const server = started.use(await servers[name]!())
    variables = { ...variables, ...server.variables }
  }
  early[Symbol.dispose]()
  return await runBeside(variables, program, rest)
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
