/**
 * Files that commands write: looked at before the work begins, and written as a whole or not at all.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import { Failure } from "./Failure.ts"

const cannot = (file: string, why: string): Failure =>
  new Failure({ message: `${file} cannot be written: ${why}. Give another place.` })

/** The system's own words, such as "ENOSPC: no space left on device". */
const reasonOf = ({ message, reason: { cause } }: PlatformError): string =>
  cause instanceof Error ? cause.message : message

/** Fails if a file could not be written: after minutes of work it would be too late. */
export const check = Effect.fnUntraced(
  function* (file: string) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const folder = path.dirname(path.resolve(file))
    const target = yield* Effect.option(fs.stat(file))
    if (target._tag === "Some" && target.value.type === "Directory") return yield* cannot(file, "it is a folder")
    if (!(yield* fs.exists(folder))) return yield* cannot(file, `there is no folder ${folder}`)
    yield* Effect.mapError(fs.access(folder, { writable: true }), () => cannot(file, `you may not write to ${folder}`))
  },
  Effect.catchTag("PlatformError", (error) => Effect.die(error))
)

/**
 * Writes a file beside its place and moves it there, so that what was there before stays until the new one is complete. What is
 * no file, such as `/dev/stdout` or a pipe, is written to as it is, and a link stays one.
 */
export const write = Effect.fnUntraced(function* <E, R>(
  file: string,
  content: Stream.Stream<Uint8Array, E, R>,
  { mode }: { readonly mode?: number } = {}
) {
  const fs = yield* FileSystem.FileSystem
  const failed = (error: PlatformError) => cannot(file, reasonOf(error))
  const into = (place: string, flag: "w" | "a") =>
    Stream.run(content, Sink.mapError(fs.sink(place, { flag, ...(mode === undefined ? {} : { mode }) }), failed))
  const there = yield* Effect.option(fs.stat(file))
  if (there._tag === "Some" && there.value.type !== "File") return yield* into(file, "a")
  const place = there._tag === "Some" ? yield* Effect.mapError(fs.realPath(file), failed) : file
  // Of this process alone: another may be writing the same at the same time.
  const unfinished = `${place}.${process.pid}.unfinished`
  yield* into(unfinished, "w").pipe(
    Effect.andThen(Effect.mapError(fs.rename(unfinished, place), failed)),
    Effect.onError(() => Effect.ignore(fs.remove(unfinished)))
  )
})

const encoder = new TextEncoder()

/** Text as the content of a file. */
export const text = (content: string): Stream.Stream<Uint8Array> => Stream.make(encoder.encode(content))
