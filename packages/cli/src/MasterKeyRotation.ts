/**
 * `daybook subject rotate-master-key`: wraps every person's key under a new master key, while the shop runs. From then on copies of
 * the database and of the old master key open nothing that was erased or comes later.
 *
 * The ring in MASTER_KEY_FILE gets the new key first, then the store makes it the one for new keys, then all others are wrapped anew
 * in batches, and the old ones leave the ring last. Interrupted anywhere, the same command goes on. What is the key in use already is
 * refused: whoever was told to destroy the former key would destroy the only one.
 */
import { existsSync, realpathSync } from "node:fs"
import type { MasterKey } from "@daybook/core/MasterKeys"
import * as MasterKeys from "@daybook/core/MasterKeys"
import { KeyStore, unwrap, wrap } from "@daybook/core/SubjectKeys"
import * as MasterKeyFile from "@daybook/postgres/MasterKeyFile"
import * as Settings from "@daybook/shop/Settings"
import * as Console from "effect/Console"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { Failure } from "./Failure.ts"
import { json } from "./Flags.ts"
import * as Progress from "./Progress.ts"
import { withPlaces } from "./SubjectStores.ts"

/** Keys wrapped in one statement. */
const batchSize = 500

/** The key in a file, which is made if it is not there. */
const newKeyIn = Effect.fnUntraced(function* (file: string) {
  if (!existsSync(file)) yield* MasterKeyFile.write(file, [yield* MasterKeys.generate()])
  const [key, ...others] = yield* MasterKeyFile.read(file)
  if (key !== undefined && others.length === 0) return key
  return yield* new Failure({
    message: `${file} holds ${others.length === 0 ? "no key" : "several keys"}, and one new key is needed. Name a file that is not there yet, and it is made.`
  })
})

/** Wraps all keys that are not under the new one yet. */
const rewrapAll = Effect.fnUntraced(function* (ring: ReadonlyArray<MasterKey>, fresh: MasterKey) {
  const store = yield* KeyStore
  const progress = yield* Progress.make(Progress.ofProcess())
  const { live } = yield* store.count
  progress.begin("Wrapping keys anew", { total: live, unit: "keys" })
  while (true) {
    const batch = yield* store.wrappedOtherwise(fresh.id, batchSize)
    if (batch.length === 0) break
    const anew = yield* Effect.forEach(batch, (stored) =>
      Effect.flatMap(unwrap(stored, ring), (key) => wrap(stored.subject, stored.version, key, fresh))
    )
    yield* store.rewrap(anew)
    progress.done += batch.length
  }
  progress.end()
  return progress.done
}, Effect.scoped)

const isSameFile = (a: string, b: string): boolean =>
  existsSync(a) && existsSync(b) && realpathSync(a) === realpathSync(b)

/** The keys in use, in the file that the shop reads. */
const keysInUse = Effect.fnUntraced(function* (file: string, newKeyFile: string) {
  const ring = yield* MasterKeyFile.read(file)
  if (ring.length === 0) {
    return yield* new Failure({
      message: `There is no master key in ${file}, so that there is nothing to replace. Name the file that the shop uses with MASTER_KEY_FILE.`
    })
  }
  if (isSameFile(file, newKeyFile)) {
    return yield* new Failure({
      message: `${newKeyFile} is the file of the master keys in use, which is replaced, and nothing was changed. Name a file that is not there yet, and it is made.`
    })
  }
  const masterId = yield* (yield* KeyStore).masterId
  if (masterId === undefined || ring.some(({ id }) => id === masterId)) return { ring, masterId }
  return yield* new Failure({
    message: `People's keys are wrapped under master key ${masterId}, which is not in ${file}, and nothing was changed. Put that key back, or name the file that the shop uses with MASTER_KEY_FILE.`
  })
})

/** Whether a rotation to this key has nothing left to do, so that it replaces nothing. */
const isInUse = Effect.fnUntraced(function* (ring: ReadonlyArray<MasterKey>, masterId: string | undefined, id: string) {
  if (ring.some((key) => key.id !== id) || (masterId ?? id) !== id) return false
  return (yield* (yield* KeyStore).wrappedOtherwise(id, 1)).length === 0
})

/** Replaces the master key by that in a file. Answers which one it is, and which it replaced: at least one. */
export const rotate = Effect.fnUntraced(function* (newKeyFile: string) {
  const store = yield* KeyStore
  const file = yield* Settings.masterKeyFile
  const { ring: before, masterId } = yield* keysInUse(file, newKeyFile)
  const fresh = yield* newKeyIn(newKeyFile)
  if (yield* isInUse(before, masterId, fresh.id)) {
    return yield* new Failure({
      message: `${newKeyFile} holds ${fresh.id}: that is the key in use already, all keys are wrapped under it, and nothing was changed. Name a file that is not there yet, and a new key is made.`
    })
  }
  const ring = before.some(({ id }) => id === fresh.id) ? before : [fresh, ...before]
  yield* MasterKeyFile.write(file, ring)
  yield* store.replaceMaster(fresh.id)
  const wrapped = yield* rewrapAll(ring, fresh)
  yield* MasterKeyFile.write(file, [fresh])
  return { masterKey: fresh.id, replaced: before.flatMap(({ id }) => (id === fresh.id ? [] : [id])), wrapped, file }
})

/** `daybook subject rotate-master-key`. */
export const rotateCommand = Command.make(
  "rotate-master-key",
  {
    newKey: Flag.String("new-key").pipe(
      Flag.withMetavar("FILE"),
      Flag.withDescription("A file with the new key; it is made if it is not there")
    ),
    json
  },
  Effect.fn("Daybook.subject.rotateMasterKey")(function* ({ newKey, json }) {
    const done = yield* withPlaces(() => rotate(newKey))
    const keys = done.wrapped === 1 ? "1 key was" : `${done.wrapped} keys were`
    const text =
      `The master key is ${done.masterKey} now; ${keys} wrapped anew. ${done.file} holds it alone. ` +
      `Keep a copy of it in a safe place, destroy the copies of the former one (${done.replaced.join(", ")}), and remove ${newKey}.`
    yield* Console.log(json ? JSON.stringify(done) : text)
  })
).pipe(
  Command.withDescription(
    "Replaces the master key that people's keys are wrapped under, while the shop runs. What backups and logs still hold of the keys of " +
      "erased people cannot be unwrapped any more once the copies of the former master key are destroyed. If it is interrupted, run it again " +
      "with the same file. Where processes run on several machines, add the new key as a line to MASTER_KEY_FILE on each of them first"
  ),
  Command.withShortDescription("Replace the master key"),
  Command.withExamples([
    {
      command: "daybook subject rotate-master-key --new-key ./master-key.new",
      description: "With a key that is made for it"
    }
  ])
)
