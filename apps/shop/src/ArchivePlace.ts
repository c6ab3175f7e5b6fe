/**
 * Where archive files are, as `ARCHIVE_URL` says: a folder (`file:///var/archive`, or a path), or a bucket of an S3-compatible store
 * (`s3://bucket/prefix`); by default the folder `archive` in `DAYBOOK_HOME`. Every service reads there what has been archived, and
 * `daybook archive` writes there.
 */

import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { ArchiveStore } from "@daybook/core/Archive"
import * as FileArchive from "@daybook/postgres/FileArchive"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { home } from "./Settings.ts"

/** A place that is none. */
const noPlace = (text: string, why: string): Error =>
  new Error(
    `ARCHIVE_URL is ${JSON.stringify(text)}, which ${why}. Name a folder, as in file:///var/archive, or a bucket, as in ` +
      "s3://bucket/prefix."
  )

const bucketIn = (text: string) => {
  const match = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*?))?\/?$/.exec(text)
  return match === null ? undefined : { bucket: match[1]!, prefix: match[2] ?? "" }
}

const folderIn = (text: string): Effect.Effect<string, Error> =>
  Effect.try({ try: () => fileURLToPath(text), catch: () => noPlace(text, "is no file of this machine") })

/** The archive that the environment names. Nothing is opened or made before its first file. */
export const store: Effect.Effect<typeof ArchiveStore.Service, Config.ConfigError | Error> = Effect.gen(function* () {
  const chosen = yield* Config.option(Config.NonEmptyString("ARCHIVE_URL"))
  if (Option.isNone(chosen)) return FileArchive.make(join(yield* home, "archive"))
  const text = chosen.value
  if (text.startsWith("file:")) return FileArchive.make(yield* folderIn(text))
  if (!text.includes("://")) return FileArchive.make(text)
  const found = bucketIn(text)
  if (found === undefined) return yield* Effect.fail(noPlace(text, "is neither"))
  const S3Archive = yield* Effect.promise(() => import("@daybook/s3/S3Archive"))
  return S3Archive.make(yield* S3Archive.fromEnvironment(found.bucket, found.prefix))
})

/** The archive for all that is built with it. */
export const layer: Layer.Layer<never, Config.ConfigError | Error> = Layer.effect(ArchiveStore, store)
