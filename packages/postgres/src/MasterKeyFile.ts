/**
 * Master keys in a file that only its owner may read: one key a line, 32 bytes in base64url. Lines that begin with `#` are notes.
 *
 * The file is read whenever keys are needed and not remembered, in step with what `daybook subject rotate-master-key` writes into
 * it while the shop runs.
 */
import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs"
import { dirname } from "node:path"
import * as MasterKey from "@daybook/core/MasterKeys"
import { MasterKeys, MasterKeysUnavailable } from "@daybook/core/MasterKeys"
import * as Effect from "effect/Effect"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { replace, writeNew } from "./SecretFile.ts"

const heading =
  "# Master keys of personal data. Without them it cannot be opened; keep a copy in a safe place, apart from the database's."

const cannot = (file: string, why: string): MasterKeysUnavailable =>
  new MasterKeysUnavailable({ retryAfterSeconds: 10, detail: `The master keys in ${file} cannot be used: ${why}` })

const attempt = <A>(file: string, what: string, work: () => A): Effect.Effect<A, MasterKeysUnavailable> =>
  Effect.try({ try: work, catch: (error) => cannot(file, `${what} (${(error as Error).message}).`) })

const keyOf = (file: string, line: string, number: number) => {
  const bytes = Base64Url.decode(line)
  return Result.isSuccess(bytes) && bytes.success.length === 32
    ? MasterKey.of(Uint8Array.from(bytes.success))
    : Effect.fail(cannot(file, `line ${number} is not 32 bytes in base64url. Put the file back from its copy.`))
}

/** Others could read what they must not: better not to start than to go on like that. */
const refuseOpen = (file: string) =>
  Effect.flatMap(
    attempt(file, "it cannot be looked at", () => statSync(file).mode),
    (mode) =>
      process.platform === "win32" || (mode & 0o007) === 0
        ? Effect.void
        : Effect.fail(cannot(file, `everybody may read or write it. Run: chmod 600 ${file}`))
  )

/** The keys in a file; none where there is no file. */
export const read = (file: string): Effect.Effect<ReadonlyArray<MasterKey.MasterKey>, MasterKeysUnavailable> =>
  Effect.gen(function* () {
    if (!existsSync(file)) return []
    yield* refuseOpen(file)
    const text = yield* attempt(file, "it cannot be read", () => readFileSync(file, "utf8"))
    const lines = text.split("\n").map((line, i) => [line.trim(), i + 1] as const)
    return yield* Effect.forEach(
      lines.filter(([line]) => line !== "" && !line.startsWith("#")),
      ([line, number]) => keyOf(file, line, number)
    )
  })

const textOf = (keys: ReadonlyArray<MasterKey.MasterKey>): string =>
  `${[heading, ...keys.map(({ key }) => Base64Url.encode(key))].join("\n")}\n`

/** Replaces a file by one with these keys, as a whole. */
export const write = (
  file: string,
  keys: ReadonlyArray<MasterKey.MasterKey>
): Effect.Effect<void, MasterKeysUnavailable> =>
  attempt(file, "it cannot be written", () => replace(file, textOf(keys)))

/** Makes a file with a new key. Where another process has just made it, that one counts. */
const makeFirst = (file: string): Effect.Effect<MasterKey.MasterKey, MasterKeysUnavailable> =>
  Effect.gen(function* () {
    const made = yield* MasterKey.generate()
    yield* attempt(file, "it cannot be made", () => {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
      writeNew(file, textOf([made]))
    })
    const [first] = yield* read(file)
    return (
      first ??
      (yield* cannot(
        file,
        "it holds no key. Put the file back from its copy, or remove it if nothing was ever sealed."
      ))
    )
  })

/** The master keys in a file, which is made when something is sealed for the first time. */
export const layer = (file: string): Layer.Layer<MasterKeys> =>
  Layer.succeed(MasterKeys, { all: read(file), makeFirst: makeFirst(file) })
