/**
 * Subjects' keys in memory: the reference for `KeyStore`, for tests and demonstrations.
 */
import * as Effect from "effect/Effect"
import type { KeyStore, LiveKey, StoredKey } from "./SubjectKeys.ts"

/** An empty store. */
export const makeMemory = (): KeyStore["Service"] => {
  const keys = new Map<string, StoredKey>()
  let master: string | undefined
  const live = () => [...keys.values()].filter((key): key is LiveKey => key.wrapped !== null)
  return {
    find: (subjects) => Effect.sync(() => subjects.flatMap((subject) => keys.get(subject) ?? [])),
    create: (key) =>
      Effect.sync(() => {
        if (keys.has(key.subject) || key.masterId !== master) return false
        keys.set(key.subject, key)
        return true
      }),
    destroy: (subject) =>
      Effect.sync(() => {
        const before = keys.get(subject)
        keys.set(subject, { subject, version: before?.version ?? 1, masterId: "", wrapped: null })
        return before !== undefined && before.wrapped !== null
      }),
    masterId: Effect.sync(() => master),
    adoptMaster: (id) =>
      Effect.sync(() => {
        master ??= id
        return master
      }),
    replaceMaster: (id) =>
      Effect.sync(() => {
        master = id
      }),
    wrappedOtherwise: (masterId, limit) =>
      Effect.sync(() =>
        live()
          .filter((key) => key.masterId !== masterId)
          .slice(0, limit)
      ),
    rewrap: (wrapped) =>
      Effect.sync(() => {
        for (const key of wrapped) if (keys.get(key.subject)?.wrapped != null) keys.set(key.subject, key)
      }),
    count: Effect.sync(() => ({ live: live().length, erased: keys.size - live().length }))
  }
}
