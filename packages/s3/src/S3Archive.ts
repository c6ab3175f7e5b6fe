/**
 * An archive in a bucket of an S3-compatible store: Amazon's own, or one of the many that speak as it does. `fromEnvironment` reads
 * the usual variables.
 *
 * A store of this kind shows an object when all of it is there, and never before, which is what an archive asks for.
 */
import { type ArchiveUnavailable, type Store, unavailable } from "@daybook/core/Archive"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { S3mini } from "s3mini"

/** Where the bucket is, and who may use it. */
export interface Settings {
  /** `https://s3.eu-central-1.amazonaws.com`; the bucket's name comes after it in the path. */
  readonly endpoint: string
  readonly region: string
  readonly bucket: string
  /** What the objects' names begin with; empty for none. */
  readonly prefix: string
  readonly accessKeyId: string
  readonly secretAccessKey: Redacted.Redacted
}

/** How long one request may take. Files are of some megabytes. */
const requestMillis = 60_000

const adviceFor = ({ endpoint, bucket }: Settings): string =>
  `Check ARCHIVE_URL, ARCHIVE_S3_ENDPOINT (${endpoint}), the keys, and that the bucket ${bucket} is there.`

const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error && error.cause.message !== ""
    ? `${error.message} (${error.cause.message})`
    : error.message
}

/** An archive in a bucket. Nothing is asked of the store before the first file. */
export const make = (settings: Settings): Store => {
  const { endpoint, region, bucket, prefix } = settings
  const client = new S3mini({
    endpoint: `${endpoint.replace(/\/+$/, "")}/${bucket}`,
    region,
    accessKeyId: settings.accessKeyId,
    secretAccessKey: Redacted.value(settings.secretAccessKey),
    requestAbortTimeout: requestMillis
  })
  const location = `s3://${bucket}${prefix === "" ? "" : `/${prefix}`}`
  const begin = prefix === "" ? "" : `${prefix}/`
  const attempt = <A>(file: string, what: string, run: (key: string) => Promise<A>) =>
    Effect.tryPromise({
      try: () => run(`${begin}${file}`),
      catch: (error): ArchiveUnavailable =>
        unavailable(
          file,
          `Archive file ${file} in ${location} cannot be ${what}: ${reasonOf(error)}. ${adviceFor(settings)}`
        )
    })
  return {
    location,
    write: (name, content) => attempt(name, "written", async (key) => void (await client.putObject(key, content))),
    read: (name) =>
      Effect.flatMap(
        attempt(name, "read", (key) => client.getObjectArrayBuffer(key)),
        (content) =>
          content === null
            ? Effect.fail(unavailable(name, `Archive file ${name} is not in ${location}. Bring it back from a copy.`))
            : Effect.succeed(new Uint8Array(content))
      ),
    list: (start) =>
      attempt(start, "listed", async (key) => {
        const found = await client.listObjects("/", key)
        if (found === null) throw new Error("there is no such bucket")
        return found.map((object) => object.Key.slice(begin.length))
      }),
    remove: (name) => attempt(name, "deleted", async (key) => void (await client.deleteObject(key)))
  }
}

/**
 * The settings of a bucket: `AWS_REGION` (default `us-east-1`), `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, and
 * `ARCHIVE_S3_ENDPOINT` where it is not Amazon's.
 */
export const fromEnvironment = (bucket: string, prefix: string): Config.Config<Settings> =>
  Config.map(
    Config.all({
      region: Config.NonEmptyString("AWS_REGION").pipe(Config.withDefault("us-east-1")),
      endpoint: Config.option(Config.NonEmptyString("ARCHIVE_S3_ENDPOINT")),
      accessKeyId: Config.NonEmptyString("AWS_ACCESS_KEY_ID"),
      secretAccessKey: Config.Redacted("AWS_SECRET_ACCESS_KEY")
    }),
    ({ endpoint, ...rest }) => ({
      ...rest,
      bucket,
      prefix,
      endpoint: endpoint._tag === "Some" ? endpoint.value : `https://s3.${rest.region}.amazonaws.com`
    })
  )
