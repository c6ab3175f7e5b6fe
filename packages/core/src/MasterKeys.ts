/**
 * Master keys: what the keys of data subjects are wrapped under, so that a copy of the database alone opens nothing.
 *
 * A ring of keys, each known by its fingerprint. Which of them is in use is said by the store of the wrapped keys; while one
 * replaces another the ring holds both. Kept apart from the database. Used by `SubjectKeys`; a file of them is in
 * `@daybook/postgres/MasterKeyFile`.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { Problem } from "./Problem.ts"
import * as Sealing from "./Sealing.ts"

/** The master keys cannot be read, or what they hold is none. */
export class MasterKeysUnavailable extends Problem<MasterKeysUnavailable>()(
  "MasterKeysUnavailable",
  { status: 503, title: "The master keys of personal data cannot be read" },
  { retryAfterSeconds: Schema.Int }
) {}

/** One master key. */
export interface MasterKey {
  /** Its fingerprint, which says nothing of the key. */
  readonly id: string
  readonly key: Uint8Array<ArrayBuffer>
}

export class MasterKeys extends Context.Service<
  MasterKeys,
  {
    /** All keys, as they are by now. A new store begins with the first. */
    readonly all: Effect.Effect<ReadonlyArray<MasterKey>, MasterKeysUnavailable>
    /** Makes a key where there is none, and answers the first. Asked for when something is sealed for the first time of all. */
    readonly makeFirst: Effect.Effect<MasterKey, MasterKeysUnavailable>
  }
>()("@daybook/core/MasterKeys") {
  /** One key that lives as long as this process, and with it all that is sealed: for tests and demonstrations. */
  static readonly layerMemory: Layer.Layer<MasterKeys> = Layer.effect(
    MasterKeys,
    Effect.map(generate(), (key) => ({ all: Effect.succeed([key]), makeFirst: Effect.succeed(key) }))
  )
}

/** A new key. */
export function generate(): Effect.Effect<MasterKey> {
  return Effect.suspend(() => of(Sealing.randomBytes(Sealing.keyBytes)))
}

/** The key that these bytes are. */
export function of(key: Uint8Array<ArrayBuffer>): Effect.Effect<MasterKey> {
  return Effect.map(Sealing.fingerprint(key), (id) => ({ id, key }))
}
