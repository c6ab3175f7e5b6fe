/**
 * The cryptography of personal data: sealing texts under a subject's key, and wrapping that key under a master key. AES-256-GCM
 * by the platform's own Web Crypto. Used by `SubjectKeys`; nothing here knows of stores.
 *
 * The nonce of a sealed text is derived from key, context and text (HMAC-SHA-256), not random, so that sealing the same again
 * gives the same token and a repeated command is the same command. Two texts of one subject would have to collide in 96 bits;
 * what shows is that two values of one subject are equal. Keys are wrapped with random nonces.
 */
import * as Effect from "effect/Effect"
import * as Hex from "effect/encoding/Hex"

type Bytes = Uint8Array<ArrayBuffer>

const { subtle } = globalThis.crypto
const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { fatal: true })

const nonceBytes = 12

/** Lengths of texts are hidden up to this: blanks, which JSON does not mind, fill them up. */
const paddedTo = 64

/** Bytes of every key. */
export const keyBytes = 32

/** Bytes that nobody can guess. */
export const randomBytes = (length: number): Bytes => globalThis.crypto.getRandomValues(new Uint8Array(length))

const hmac = (key: Bytes, ...parts: ReadonlyArray<Bytes>): Effect.Effect<Bytes> =>
  Effect.promise(() =>
    subtle
      .importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"])
      .then((imported) => subtle.sign("HMAC", imported, concat(...parts)))
      .then((signature) => new Uint8Array(signature))
  )

const concat = (...parts: ReadonlyArray<Uint8Array>): Bytes => {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

const gcm = (nonce: Uint8Array, context: string) => ({
  name: "AES-GCM",
  iv: Uint8Array.from(nonce),
  additionalData: encoder.encode(context)
})

const encrypt = (key: Bytes, nonce: Bytes, context: string, clear: Bytes): Effect.Effect<Bytes> =>
  Effect.promise(() =>
    subtle
      .importKey("raw", key, "AES-GCM", false, ["encrypt"])
      .then((imported) => subtle.encrypt(gcm(nonce, context), imported, clear))
      .then((sealed) => concat(nonce, new Uint8Array(sealed)))
  )

/** Fails when it was sealed under another key or context, or has been changed since. */
const decrypt = (key: Bytes, context: string, sealed: Uint8Array): Effect.Effect<Bytes, "NotAuthentic"> =>
  Effect.tryPromise({
    try: () =>
      subtle
        .importKey("raw", key, "AES-GCM", false, ["decrypt"])
        .then((imported) =>
          subtle.decrypt(
            gcm(sealed.subarray(0, nonceBytes), context),
            imported,
            Uint8Array.from(sealed.subarray(nonceBytes))
          )
        )
        .then((clear) => new Uint8Array(clear)),
    catch: () => "NotAuthentic" as const
  })

/** Seals a JSON text. `context` is authenticated with it, and has to be given again to open it. */
export const seal = Effect.fnUntraced(function* (key: Bytes, context: string, text: string): Effect.fn.Return<Bytes> {
  const bare = encoder.encode(text)
  const clear = new Uint8Array(Math.ceil(bare.length / paddedTo) * paddedTo).fill(0x20)
  clear.set(bare)
  // Keys of their own for the two purposes, from the one that is kept.
  const nonceKey = yield* hmac(key, encoder.encode("nonce"))
  const nonce = (yield* hmac(nonceKey, encoder.encode(`${context}\n`), clear)).slice(0, nonceBytes)
  return yield* encrypt(yield* sealingKey(key), nonce, context, clear)
})

const sealingKey = (key: Bytes): Effect.Effect<Bytes> => hmac(key, encoder.encode("seal"))

/** Opens what `seal` has sealed. */
export const open = Effect.fnUntraced(function* (
  key: Bytes,
  context: string,
  sealed: Uint8Array
): Effect.fn.Return<string, "NotAuthentic"> {
  const clear = yield* decrypt(yield* sealingKey(key), context, sealed)
  return decoder.decode(clear).trimEnd()
})

/** A subject's key, encrypted under a master key. */
export const wrap = (master: Bytes, context: string, key: Bytes): Effect.Effect<Bytes> =>
  Effect.suspend(() => encrypt(master, randomBytes(nonceBytes), context, key))

/** A subject's key from its wrapped form. */
export const unwrap = (master: Bytes, context: string, wrapped: Uint8Array): Effect.Effect<Bytes, "NotAuthentic"> =>
  decrypt(master, context, wrapped)

/** A name for a key that says nothing of it: the beginning of its SHA-256 digest, in hexadecimal. */
export const fingerprint = (key: Bytes): Effect.Effect<string> =>
  Effect.map(
    Effect.promise(() => subtle.digest("SHA-256", concat(encoder.encode("daybook master key"), key))),
    (digest) => Hex.encode(new Uint8Array(digest).subarray(0, 8))
  )
