/**
 * The contract of `KeyStore`, and of the `SubjectKeys` that are made of it, as a suite: what is sealed opens until its subject is
 * erased and never again, however many processes are at it, and under whichever master key.
 */

import * as MasterKey from "@daybook/core/MasterKeys"
import { MasterKeys } from "@daybook/core/MasterKeys"
import { parse, type Token } from "@daybook/core/PersonalToken"
import { KeyStore, SubjectKeys, unwrap, wrap } from "@daybook/core/SubjectKeys"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { expect } from "vitest"
import { type Registered, register, type Section, scenario } from "./Suite.ts"

/** What a store of keys gives to be tested. */
export interface SubjectKeysSuiteOptions {
  /** A store of keys; built once. It need not be empty, but all its keys are the suite's. */
  readonly layer: () => Layer.Layer<KeyStore, unknown>
}

let subjects = 0
const newSubject = () => `subject ${++subjects}: Ελένη`

/** A process of its own: the same store and master keys, and nothing remembered. */
const process = Effect.gen(function* () {
  const shared = Layer.merge(Layer.succeed(KeyStore, yield* KeyStore), Layer.succeed(MasterKeys, yield* MasterKeys))
  return yield* Effect.provide(SubjectKeys, SubjectKeys.layer({ cacheMillis: 0 }).pipe(Layer.provide(shared)))
})

/** The text of one token; `undefined` when its subject has been erased. */
const opened = (keys: SubjectKeys["Service"], token: Token) =>
  Effect.map(keys.open([token]), (texts) => texts.get(token))

const sealing: Section<KeyStore | MasterKeys> = {
  title: "sealing",
  scenarios: [
    scenario(
      "what one process seals another opens, whatever it says",
      Effect.gen(function* () {
        const [one, other] = [yield* process, yield* process]
        for (const text of ['{"name":"Zoë 𝒮"}', '""', JSON.stringify("x".repeat(5_000))]) {
          expect(yield* opened(other, yield* one.seal(newSubject(), text))).toBe(text)
        }
      })
    ),
    scenario(
      "many are opened at once",
      Effect.gen(function* () {
        const keys = yield* process
        const tokens = yield* Effect.forEach([1, 2, 3, 4], (n) => keys.seal(newSubject(), String(n)))
        expect([...(yield* keys.open(tokens)).values()]).toEqual(["1", "2", "3", "4"])
        expect(yield* keys.open([])).toEqual(new Map())
      })
    ),
    scenario(
      "two processes that seal for a new subject at once use one key",
      Effect.gen(function* () {
        const [one, other] = [yield* process, yield* process]
        for (let round = 0; round < 5; round++) {
          const subject = newSubject()
          const seal = (keys: SubjectKeys["Service"]) => keys.seal(subject, '"the same"')
          const tokens = yield* Effect.all([seal(one), seal(other), seal(one), seal(other)], { concurrency: 4 })
          expect(new Set(tokens).size).toBe(1)
          expect(yield* opened(other, tokens[0])).toBe('"the same"')
        }
      })
    ),
    scenario(
      "what was never sealed here is a fault, and not taken for erased",
      Effect.gen(function* () {
        const elsewhere = yield* Effect.provide(SubjectKeys, Layer.fresh(SubjectKeys.layerMemory))
        const token = yield* elsewhere.seal(newSubject(), "1")
        expect(yield* Effect.flip(opened(yield* process, token))).toMatchObject({ _tag: "PersonalDataUnreadable" })
      })
    )
  ]
}

const erasing: Section<KeyStore | MasterKeys> = {
  title: "erasing",
  scenarios: [
    scenario(
      "nothing of the subject opens any more, in any process, and everybody else's still does",
      Effect.gen(function* () {
        const [one, other] = [yield* process, yield* process]
        const [gone, stays] = [newSubject(), newSubject()]
        const tokens = yield* Effect.forEach([gone, gone, stays], (subject, i) => one.seal(subject, String(i)))
        expect(yield* other.destroy(gone)).toBe(true)
        expect([...(yield* one.open(tokens)).values()]).toEqual(["2"])
        expect([yield* one.status(gone), yield* one.status(stays)]).toEqual(["erased", "live"])
      })
    ),
    scenario(
      "nothing is sealed for it any more, and the refusal says so",
      Effect.gen(function* () {
        const keys = yield* process
        const subject = newSubject()
        yield* keys.seal(subject, "1")
        yield* keys.destroy(subject)
        const refused = yield* Effect.flip(keys.seal(subject, "2"))
        expect(refused).toMatchObject({ _tag: "SubjectErased", subject })
        expect(refused.message).toContain(subject)
      })
    ),
    scenario(
      "a subject of whom nothing was ever sealed can be erased too, and again",
      Effect.gen(function* () {
        const keys = yield* process
        const subject = newSubject()
        expect(yield* keys.status(subject)).toBe("unknown")
        expect([yield* keys.destroy(subject), yield* keys.destroy(subject)]).toEqual([false, false])
        expect(yield* Effect.flip(keys.seal(subject, "1"))).toMatchObject({ _tag: "SubjectErased" })
      })
    ),
    scenario(
      "an erasure at the same time as sealings leaves nothing that opens",
      Effect.gen(function* () {
        const [one, other] = [yield* process, yield* process]
        for (let round = 0; round < 5; round++) {
          const subject = newSubject()
          const seal = Effect.option(one.seal(subject, String(round)))
          const done = yield* Effect.all([seal, seal, other.destroy(subject), seal, seal], { concurrency: 5 })
          const tokens = done.flatMap((one) => (typeof one === "boolean" || one._tag === "None" ? [] : [one.value]))
          expect(yield* other.open(tokens)).toEqual(new Map())
          expect(yield* one.status(subject)).toBe("erased")
        }
      })
    )
  ]
}

const mastering: Section<KeyStore | MasterKeys> = {
  title: "master keys",
  scenarios: [
    scenario(
      "the first one is adopted once",
      Effect.gen(function* () {
        const store = yield* KeyStore
        yield* (yield* process).seal(newSubject(), "1")
        const id = yield* store.masterId
        expect(yield* store.adoptMaster("another")).toBe(id)
        expect(id).toBe((yield* (yield* MasterKeys).all)[0]!.id)
      })
    ),
    scenario(
      "keys wrapped under another master key are found, wrapped anew and open the same; destroyed ones stay destroyed",
      Effect.gen(function* () {
        const store = yield* KeyStore
        const [old] = yield* (yield* MasterKeys).all
        const fresh = yield* MasterKey.generate()
        const keys = yield* process
        const [stays, goes] = [newSubject(), newSubject()]
        const token = yield* keys.seal(stays, '"kept"')
        yield* keys.seal(goes, '"gone"')
        yield* store.replaceMaster(fresh.id)
        const late = { subject: newSubject(), version: 1, masterId: old!.id, wrapped: "AAAA" }
        expect(yield* store.create(late)).toBe(false)
        const found = yield* store.wrappedOtherwise(fresh.id, 1_000)
        expect((yield* store.wrappedOtherwise(fresh.id, 1)).length).toBe(1)
        const anew = yield* Effect.forEach(found, (key) =>
          Effect.flatMap(unwrap(key, [old!]), (bare) => wrap(key.subject, key.version, bare, fresh))
        )
        yield* keys.destroy(goes)
        yield* store.rewrap(anew)
        expect(yield* store.wrappedOtherwise(fresh.id, 10)).toEqual([])
        const after = Layer.merge(
          Layer.succeed(KeyStore, store),
          Layer.succeed(MasterKeys, { all: Effect.succeed([fresh]), makeFirst: Effect.succeed(fresh) })
        )
        const reopened = yield* Effect.provide(SubjectKeys, SubjectKeys.layer().pipe(Layer.provide(after)))
        expect(yield* opened(reopened, token)).toBe('"kept"')
        expect(yield* reopened.status(goes)).toBe("erased")
        // Without the new master key nothing opens, and it is said which one is missing.
        const lost = yield* Effect.flip(opened(keys, token))
        expect(lost.message).toContain(fresh.id)
        yield* Effect.flatMap(store.wrappedOtherwise("", 1_000), (all) =>
          Effect.forEach(all, (key) =>
            Effect.flatMap(unwrap(key, [fresh]), (bare) => wrap(key.subject, key.version, bare, old!))
          )
        ).pipe(Effect.flatMap(store.rewrap))
        yield* store.replaceMaster(old!.id)
      })
    ),
    scenario(
      "keys and erased subjects are counted",
      Effect.gen(function* () {
        const { count } = yield* KeyStore
        const keys = yield* process
        const before = yield* count
        yield* keys.seal(newSubject(), "1")
        yield* keys.destroy(newSubject())
        expect(yield* count).toEqual({ live: before.live + 1, erased: before.erased + 1 })
      })
    ),
    scenario(
      "a token that was changed does not open",
      Effect.gen(function* () {
        const keys = yield* process
        const token = yield* keys.seal(newSubject(), '"1"')
        const { subject } = parse(token)!
        // Not at the end, where some bits of the text say nothing.
        const swapped = `${token.slice(0, -9)}${token.at(-9) === "A" ? "B" : "A"}${token.slice(-8)}`
        const failed = yield* Effect.flip(keys.open([swapped as Token]))
        expect(failed).toMatchObject({ _tag: "PersonalDataUnreadable", subject })
      })
    )
  ]
}

/** Registers the suite with vitest as `SubjectKeys conformance: <name>`. */
export const subjectKeysSuite = (name: string, options: SubjectKeysSuiteOptions): Registered =>
  register(`SubjectKeys conformance: ${name}`, Layer.merge(options.layer(), MasterKeys.layerMemory), [
    sealing,
    erasing,
    mastering
  ])
