/**
 * What whoever replaces the master key relies on: everything opens as before, an interrupted replacement goes on with the same file, and
 * the key in use is never taken for the one to destroy.
 */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as MasterKeys from "@daybook/core/MasterKeys"
import { KeyStore, SubjectKeys } from "@daybook/core/SubjectKeys"
import * as MasterKeyFile from "@daybook/postgres/MasterKeyFile"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { afterAll, expect, it } from "vitest"
import { rotate } from "../src/MasterKeyRotation.ts"

const root = mkdtempSync(join(tmpdir(), "daybook-rotation-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

let shops = 0

/** The files of a shop that has sealed something for three people, and what is done with its keys. */
const withShop = (
  work: (files: {
    readonly file: string
    readonly next: string
    readonly opens: Effect.Effect<unknown, unknown>
  }) => Effect.Effect<void, unknown, KeyStore>
) => {
  const folder = join(root, `${++shops}`)
  const [file, next] = [join(folder, "master-key"), join(folder, "master-key.new")]
  const layer = Layer.provideMerge(
    SubjectKeys.layer({ cacheMillis: 0 }),
    Layer.merge(Layer.fresh(KeyStore.layerMemory), MasterKeyFile.layer(file))
  )
  return Effect.gen(function* () {
    const keys = yield* SubjectKeys
    const tokens = yield* Effect.forEach(["1", "2", "3"], (subject) => keys.seal(subject, subject))
    const opens = Effect.map(keys.open(tokens), (texts) => expect([...texts.values()]).toEqual(["1", "2", "3"]))
    yield* work({ file, next, opens })
  }).pipe(
    Effect.provide(layer),
    Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: { MASTER_KEY_FILE: file } }))),
    Effect.runPromise
  )
}

const idsIn = (file: string) => Effect.map(MasterKeyFile.read(file), (keys) => keys.map(({ id }) => id))

const refusal = (newKeyFile: string) =>
  Effect.map(Effect.flip(rotate(newKeyFile)), (error) => (error as { readonly message: string }).message)

it("everything opens under the new key, which is made, and it is said which one it replaced", () =>
  withShop(({ file, next, opens }) =>
    Effect.gen(function* () {
      const before = yield* idsIn(file)
      const done = yield* rotate(next)
      expect(done).toMatchObject({ wrapped: 3, replaced: before })
      expect(yield* idsIn(file)).toEqual([done.masterKey])
      expect(yield* idsIn(next)).toEqual([done.masterKey])
      yield* opens
      expect((yield* rotate(`${next}.2`)).replaced).toEqual([done.masterKey])
      yield* opens
    })
  ))

it("the file of the keys in use is refused as the new one, also by another name, and is left as it is", () =>
  withShop(({ file, opens }) =>
    Effect.gen(function* () {
      const text = readFileSync(file, "utf8")
      symlinkSync(file, `${file}.link`)
      for (const name of [file, `${file}.link`]) {
        expect(yield* refusal(name)).toContain("is the file of the master keys in use")
      }
      expect(readFileSync(file, "utf8")).toBe(text)
      yield* opens
    })
  ))

it("a copy of the key in use is refused, before a rotation and after it", () =>
  withShop(({ file, next, opens }) =>
    Effect.gen(function* () {
      copyFileSync(file, `${file}.copy`)
      expect(yield* refusal(`${file}.copy`)).toContain("that is the key in use already")
      yield* rotate(next)
      expect(yield* refusal(next)).toContain("that is the key in use already")
      yield* opens
    })
  ))

/** How far an interrupted rotation may have come. */
const interruptions = {
  "once the new key is in the file": () => Effect.void,
  "once new keys are wrapped under it": (id: string) => Effect.flatMap(KeyStore, (store) => store.replaceMaster(id)),
  "before the former key left the file": (_: string, next: string, file: string) =>
    Effect.gen(function* () {
      const ring = yield* MasterKeyFile.read(file)
      yield* rotate(next)
      yield* MasterKeyFile.write(file, ring)
    })
}

it.each(Object.entries(interruptions))("one that was interrupted %s is completed with the same file", (_, interrupt) =>
  withShop(({ file, next, opens }) =>
    Effect.gen(function* () {
      const before = yield* MasterKeyFile.read(file)
      const fresh = yield* MasterKeys.generate()
      yield* MasterKeyFile.write(next, [fresh])
      yield* MasterKeyFile.write(file, [fresh, ...before])
      yield* interrupt(fresh.id, next, file)
      yield* opens
      expect(yield* rotate(next)).toMatchObject({ masterKey: fresh.id, replaced: before.map(({ id }) => id) })
      expect(yield* idsIn(file)).toEqual([fresh.id])
      yield* opens
    })
  )
)

it("nothing is begun where the key in use is missing from the file, and it is named", () =>
  withShop(({ file, next, opens }) =>
    Effect.gen(function* () {
      const store = yield* KeyStore
      const before = yield* MasterKeyFile.read(file)
      const stray = yield* MasterKeys.generate()
      yield* MasterKeyFile.write(file, [stray])
      expect(yield* refusal(next)).toContain(`wrapped under master key ${before[0]!.id}, which is not in ${file}`)
      expect(yield* store.masterId).toBe(before[0]!.id)
      expect(yield* idsIn(file)).toEqual([stray.id])
      yield* MasterKeyFile.write(file, before)
      yield* opens
    })
  ))
