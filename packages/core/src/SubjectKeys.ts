/**
 * The keys of data subjects: one for each person, made when something of theirs is first sealed, destroyed when they are erased.
 *
 * What was sealed under a destroyed key can be opened by nobody, wherever copies of it are. An erased subject stays known as
 * erased, so that nothing is ever sealed for it again. Keys are kept wrapped under a master key (`MasterKeys`) in a `KeyStore`.
 * Opened keys are remembered for `cacheMillis` and no longer: that is how long a key that another process has destroyed may still
 * open here. Sealing always asks the store. Used through `Personal`.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { type MasterKey, MasterKeys, type MasterKeysUnavailable } from "./MasterKeys.ts"
import { makeMemory } from "./MemoryKeyStore.ts"
import { headerTextOf, parse, type Token, tokenOf } from "./PersonalToken.ts"
import { Problem } from "./Problem.ts"
import * as Sealing from "./Sealing.ts"

/** The person was erased. Nothing can be kept about them under that id any more. */
export class SubjectErased extends Problem<SubjectErased>()(
  "SubjectErased",
  { status: 410, title: "The data subject has been erased" },
  { subject: Schema.String }
) {}

/** The store of the keys does not answer. */
export class SubjectKeysUnavailable extends Problem<SubjectKeysUnavailable>()(
  "SubjectKeysUnavailable",
  { status: 503, title: "The keys of personal data cannot be reached" },
  { retryAfterSeconds: Schema.Int }
) {}

/** Sealed data that should open and does not: its key or its master key is missing, or it has been changed. */
export class PersonalDataUnreadable extends Problem<PersonalDataUnreadable>()(
  "PersonalDataUnreadable",
  { status: 500, title: "Personal data cannot be opened" },
  { subject: Schema.String }
) {}

/** A subject's key as it is kept. */
export interface StoredKey {
  readonly subject: string
  readonly version: number
  /** The master key that it is wrapped under. */
  readonly masterId: string
  /** The wrapped key, base64url; `null` once it is destroyed. */
  readonly wrapped: string | null
}

/** A subject's key that is there. */
export type LiveKey = StoredKey & { readonly wrapped: string }

/** Where wrapped keys are kept. */
export class KeyStore extends Context.Service<
  KeyStore,
  {
    /** The keys of these subjects, destroyed ones included. */
    find(subjects: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<StoredKey>, SubjectKeysUnavailable>
    /**
     * Keeps the first key of a subject. Nothing happens, and the answer is false, where the subject has one or had one, or where
     * the store's master key is another one by now.
     */
    create(key: LiveKey): Effect.Effect<boolean, SubjectKeysUnavailable>
    /** Destroys a subject's key and leaves a mark, also where there was no key. Answers whether there was one. */
    destroy(subject: string): Effect.Effect<boolean, SubjectKeysUnavailable>
    /** The master key that new keys are wrapped under; `undefined` before there is any. */
    readonly masterId: Effect.Effect<string | undefined, SubjectKeysUnavailable>
    /** Makes this the master key where there is none. Answers which one it is now. */
    adoptMaster(id: string): Effect.Effect<string, SubjectKeysUnavailable>
    /** From now on new keys are wrapped under another master key. */
    replaceMaster(id: string): Effect.Effect<void, SubjectKeysUnavailable>
    /** Some keys that are wrapped under another master key than this one. */
    wrappedOtherwise(masterId: string, limit: number): Effect.Effect<ReadonlyArray<LiveKey>, SubjectKeysUnavailable>
    /** Replaces wrapped keys by the same keys wrapped anew. One that was destroyed meanwhile stays so. */
    rewrap(keys: ReadonlyArray<LiveKey>): Effect.Effect<void, SubjectKeysUnavailable>
    /** Keys that there are, and subjects that were erased. */
    readonly count: Effect.Effect<{ readonly live: number; readonly erased: number }, SubjectKeysUnavailable>
  }
>()("@daybook/core/KeyStore") {
  /** Keys in this process's memory. */
  static readonly layerMemory: Layer.Layer<KeyStore> = Layer.sync(KeyStore, makeMemory)
}

/** What may go wrong with keys, whatever is done. */
export type KeyProblem = SubjectKeysUnavailable | PersonalDataUnreadable

export class SubjectKeys extends Context.Service<
  SubjectKeys,
  {
    /** Seals a JSON text for a subject, under its key, which is made if need be. The same text gives the same token. */
    seal(subject: string, text: string): Effect.Effect<Token, SubjectErased | KeyProblem>
    /** The texts of tokens, those of erased subjects left out. One look at the store for all of them. */
    open(tokens: ReadonlyArray<Token>): Effect.Effect<ReadonlyMap<Token, string>, KeyProblem>
    /** Destroys a subject's key, for ever and whether it has one or not. Answers whether there was one. */
    destroy(subject: string): Effect.Effect<boolean, SubjectKeysUnavailable>
    /** What there is of a subject. */
    status(subject: string): Effect.Effect<"unknown" | "live" | "erased", SubjectKeysUnavailable>
  }
>()("@daybook/core/SubjectKeys") {
  /** On a store of keys and the master keys. */
  static readonly layer = (options: Options = {}): Layer.Layer<SubjectKeys, never, KeyStore | MasterKeys> =>
    Layer.effect(
      SubjectKeys,
      Effect.gen(function* () {
        return new Keys(yield* KeyStore, yield* MasterKeys, options).service
      })
    )

  /** Keys in this process's memory, which end with it. */
  static readonly layerMemory: Layer.Layer<SubjectKeys> = Layer.suspend(() => SubjectKeys.layer()).pipe(
    Layer.provide(Layer.merge(KeyStore.layerMemory, MasterKeys.layerMemory))
  )
}

/** How keys are remembered. */
export interface Options {
  /** How long an opened key may be used without asking the store. Default 2 seconds. */
  readonly cacheMillis?: number
  /** Keys remembered at once. Default 1,000. */
  readonly cacheSize?: number
}

const unreadable = (subject: string, why: string): PersonalDataUnreadable =>
  new PersonalDataUnreadable({ subject, detail: `Personal data of subject ${subject} cannot be opened: ${why}` })

const wrappingContext = ({ subject, version, masterId }: Omit<StoredKey, "wrapped">): string =>
  `daybook subject key ${version} under ${masterId} of ${subject}`

const isLive = (key: StoredKey): key is LiveKey => key.wrapped !== null

const mastersUnavailable = ({ message, retryAfterSeconds }: MasterKeysUnavailable): SubjectKeysUnavailable =>
  new SubjectKeysUnavailable({ retryAfterSeconds, detail: message })

const missingMaster = ({ subject, masterId }: StoredKey): PersonalDataUnreadable =>
  unreadable(
    subject,
    `its key is wrapped under master key ${masterId}, which is not among the master keys. Put that key back into MASTER_KEY_FILE.`
  )

/** A key as kept, in clear. */
export const unwrap = Effect.fnUntraced(function* (stored: LiveKey, masters: ReadonlyArray<MasterKey>) {
  const master = masters.find(({ id }) => id === stored.masterId)
  if (master === undefined) return yield* missingMaster(stored)
  const bytes = Result.getOrElse(Base64Url.decode(stored.wrapped), () => new Uint8Array())
  return yield* Effect.mapError(Sealing.unwrap(master.key, wrappingContext(stored), bytes), () =>
    unreadable(stored.subject, "its stored key has been changed. Restore the table subject_key from a backup.")
  )
})

/** A key as it is kept under a master key. */
export const wrap = (subject: string, version: number, key: Uint8Array<ArrayBuffer>, master: MasterKey) => {
  const under = { subject, version, masterId: master.id }
  return Effect.map(
    Sealing.wrap(master.key, wrappingContext(under), key),
    (wrapped): LiveKey => ({ ...under, wrapped: Base64Url.encode(wrapped) })
  )
}

interface Opened {
  readonly version: number
  readonly key: Uint8Array<ArrayBuffer>
}

interface Remembered extends Opened {
  readonly untilMillis: number
}

/** Creations of one subject's key that may be lost against others before it is a fault. Each loss means that there is one. */
const mostTries = 5

class Keys {
  readonly #store: KeyStore["Service"]
  readonly #masters: MasterKeys["Service"]
  readonly #cacheMillis: number
  readonly #cacheSize: number
  readonly #remembered = new Map<string, Remembered>()

  constructor(store: KeyStore["Service"], masters: MasterKeys["Service"], options: Options) {
    this.#store = store
    this.#masters = masters
    this.#cacheMillis = options.cacheMillis ?? 2_000
    this.#cacheSize = options.cacheSize ?? 1_000
  }

  get service(): SubjectKeys["Service"] {
    return {
      seal: (subject, text) => this.#seal(subject, text),
      open: (tokens) => this.#open(tokens),
      destroy: (subject) =>
        Effect.ensuring(
          this.#store.destroy(subject),
          Effect.sync(() => this.#remembered.delete(subject))
        ),
      status: (subject) =>
        Effect.map(this.#store.find([subject]), ([key]) =>
          key === undefined ? "unknown" : isLive(key) ? "live" : "erased"
        )
    }
  }

  /** The master keys, where they cannot be read said as a key that cannot be reached. */
  get #allMasters(): Effect.Effect<ReadonlyArray<MasterKey>, SubjectKeysUnavailable> {
    return Effect.mapError(this.#masters.all, mastersUnavailable)
  }

  readonly #seal: (subject: string, text: string) => Effect.Effect<Token, SubjectErased | KeyProblem> =
    Effect.fnUntraced({ self: this }, function* (subject, text) {
      const { version, key } = yield* this.#keyFor(subject, mostTries)
      const header = { subject, version }
      return tokenOf(header, yield* Sealing.seal(key, headerTextOf(header), text))
    })

  /** The subject's key as the store has it now, or a new one. */
  readonly #keyFor: (subject: string, tries: number) => Effect.Effect<Opened, SubjectErased | KeyProblem> =
    Effect.fnUntraced({ self: this }, function* (subject, tries) {
      const [stored] = yield* this.#store.find([subject])
      const masters = yield* this.#allMasters
      if (stored !== undefined) {
        if (!isLive(stored)) return yield* erased(subject)
        return { version: stored.version, key: yield* unwrap(stored, masters) }
      }
      if (tries === 0) return yield* contended(subject)
      const created = yield* this.#create(subject, masters)
      return created ?? (yield* this.#keyFor(subject, tries - 1))
    })

  /** A new key, unless another process was first, or the master key has just been replaced. */
  readonly #create: (
    subject: string,
    masters: ReadonlyArray<MasterKey>
  ) => Effect.Effect<Opened | undefined, KeyProblem> = Effect.fnUntraced({ self: this }, function* (subject, masters) {
    const masterId = (yield* this.#store.masterId) ?? (yield* this.#firstMaster(masters))
    const master = (yield* this.#allMasters).find(({ id }) => id === masterId)
    if (master === undefined) return yield* missingMaster({ subject, masterId, version: 1, wrapped: null })
    const key = Sealing.randomBytes(Sealing.keyBytes)
    const isFirst = yield* this.#store.create(yield* wrap(subject, 1, key, master))
    return isFirst ? { version: 1, key } : undefined
  })

  /** Begins a store of keys with a master key, which is made if there is none. */
  #firstMaster(masters: ReadonlyArray<MasterKey>): Effect.Effect<string, SubjectKeysUnavailable> {
    const [first] = masters
    const made =
      first === undefined ? Effect.mapError(this.#masters.makeFirst, mastersUnavailable) : Effect.succeed(first)
    return Effect.flatMap(made, ({ id }) => this.#store.adoptMaster(id))
  }

  readonly #open: (tokens: ReadonlyArray<Token>) => Effect.Effect<ReadonlyMap<Token, string>, KeyProblem> =
    Effect.fnUntraced({ self: this }, function* (tokens) {
      const parsed = new Map(tokens.map((token) => [token, parse(token)]))
      const keys = yield* this.#keysOf([...new Set([...parsed.values()].flatMap((one) => one?.subject ?? []))])
      const texts = new Map<Token, string>()
      for (const [token, one] of parsed) {
        if (one === undefined) return yield* unreadable("of an unreadable name", "the token has been changed.")
        const opened = keys.get(one.subject)
        if (opened === undefined) continue
        if (opened.version !== one.version) {
          return yield* unreadable(one.subject, `version ${one.version} of its key is not there.`)
        }
        const text = Effect.mapError(Sealing.open(opened.key, headerTextOf(one), one.sealed), () =>
          unreadable(one.subject, "the token has been changed, or was sealed with the keys of another database.")
        )
        texts.set(token, yield* text)
      }
      return texts
    })

  /** The keys of subjects, those of erased ones left out. */
  readonly #keysOf: (subjects: ReadonlyArray<string>) => Effect.Effect<ReadonlyMap<string, Opened>, KeyProblem> =
    Effect.fnUntraced({ self: this }, function* (subjects) {
      const now = yield* Clock.currentTimeMillis
      const keys = new Map<string, Opened>()
      const unknown = new Set<string>()
      for (const subject of subjects) {
        const known = this.#remembered.get(subject)
        if (known !== undefined && known.untilMillis > now) keys.set(subject, known)
        else unknown.add(subject)
      }
      if (unknown.size === 0) return keys
      const masters = yield* this.#allMasters
      for (const stored of yield* this.#store.find([...unknown])) {
        unknown.delete(stored.subject)
        if (!isLive(stored)) continue
        const opened = { version: stored.version, key: yield* unwrap(stored, masters) }
        keys.set(stored.subject, opened)
        this.#remember(stored.subject, opened, now)
      }
      const [missing] = unknown
      if (missing !== undefined) return yield* noKey(missing)
      return keys
    })

  /** `nowMillis` is from before the store was asked, so that nothing is remembered for longer than said. */
  #remember(subject: string, opened: Opened, nowMillis: number): void {
    this.#remembered.delete(subject)
    this.#remembered.set(subject, { ...opened, untilMillis: nowMillis + this.#cacheMillis })
    if (this.#remembered.size <= this.#cacheSize) return
    const [oldest] = this.#remembered.keys()
    this.#remembered.delete(oldest!)
  }
}

const erased = (subject: string): SubjectErased =>
  new SubjectErased({
    subject,
    detail: `Subject ${subject} was erased, and nothing personal is kept about it any more. Leave the personal data out, or use another id.`
  })

const noKey = (subject: string): PersonalDataUnreadable =>
  unreadable(
    subject,
    "there is no key of it here, and it was not erased. Check that all services use the same database of keys (PRIVACY_WRITE_URL)."
  )

const contended = (subject: string): SubjectKeysUnavailable =>
  new SubjectKeysUnavailable({
    retryAfterSeconds: 1,
    detail: `The key of subject ${subject} could not be made, since others kept changing the keys. Try again.`
  })
