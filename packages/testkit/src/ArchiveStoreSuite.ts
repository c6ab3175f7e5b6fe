/**
 * The contract of `ArchiveStore` as a suite: what was written is read, whatever its bytes and size, and what is not there is named.
 */
import { ArchiveStore } from "@daybook/core/Archive"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type Registered, register, scenario } from "./Suite.ts"

/** What an archive's store gives to be tested. */
export interface ArchiveStoreSuiteOptions {
  /** An empty store. */
  readonly store: () => typeof ArchiveStore.Service
}

let folders = 0

/** The beginning of names that no other scenario uses. */
const fresh = (): string => `notes${++folders}`

/** Bytes in a pattern whose length is prime, so that no block of them can be left out or repeated unseen. */
const bytes = (length: number): Uint8Array =>
  Buffer.alloc(
    length,
    Uint8Array.from({ length: 251 }, (_, i) => i)
  )

const files = {
  title: "files",
  scenarios: [
    ...[0, 1, 1_000, 3_000_000].map((length) =>
      scenario(
        `of ${length} bytes are read as they were written`,
        Effect.gen(function* () {
          const store = yield* ArchiveStore
          const name = `${fresh()}/p0/1-9-abc.ndjson.zst`
          yield* store.write(name, bytes(length))
          const read = yield* store.read(name)
          assert.strictEqual(Buffer.compare(read, bytes(length)), 0)
        })
      )
    ),
    scenario(
      "that are written again are as the last time",
      Effect.gen(function* () {
        const store = yield* ArchiveStore
        const name = `${fresh()}/p0/1`
        yield* store.write(name, bytes(100))
        yield* store.write(name, bytes(50))
        assert.lengthOf(yield* store.read(name), 50)
      })
    ),
    scenario(
      "are listed by the beginning of their names, all of them",
      Effect.gen(function* () {
        const store = yield* ArchiveStore
        const folder = fresh()
        assert.deepStrictEqual(yield* store.list(`${folder}/`), [])
        // More than a page of what a store lists at once.
        const names = Array.from({ length: 1_005 }, (_, i) => `${folder}/p${i % 3}/${i}`)
        yield* Effect.forEach(names, (name) => store.write(name, bytes(1)), { concurrency: 8, discard: true })
        assert.deepStrictEqual([...(yield* store.list(`${folder}/`))].sort(), [...names].sort())
        assert.lengthOf(yield* store.list(`${folder}/p2/`), 335)
        assert.deepStrictEqual(yield* store.list(`${folder}/p2/1004`), [`${folder}/p2/1004`])
      })
    ),
    scenario(
      "that are deleted are gone, and may be deleted again",
      Effect.gen(function* () {
        const store = yield* ArchiveStore
        const name = `${fresh()}/p0/1`
        yield* store.write(name, bytes(3))
        yield* store.remove(name)
        yield* store.remove(name)
        assert.deepStrictEqual(yield* store.list(name), [])
        assert.strictEqual((yield* Effect.flip(store.read(name)))._tag, "ArchiveUnavailable")
      })
    ),
    scenario(
      "that are not there are named, and so is the store",
      Effect.gen(function* () {
        const store = yield* ArchiveStore
        const name = `${fresh()}/p9/9`
        const problem = yield* Effect.flip(store.read(name))
        assert.strictEqual(problem.file, name)
        assert.include(problem.message, name)
        assert.include(problem.message, store.location)
      })
    )
  ]
}

/** Registers the suite with vitest as `ArchiveStore conformance: <name>`. */
export const archiveStoreSuite = (name: string, { store }: ArchiveStoreSuiteOptions): Registered =>
  register(`ArchiveStore conformance: ${name}`, Layer.sync(ArchiveStore, store), [files])
