/**
 * The keys that seals are signed with: Ed25519, in a PEM file that is made when it is first needed, and which of them are trusted.
 *
 * A public key is written as the body of its PEM file: SPKI, DER in Base64. Its id is the beginning of the SHA-256 of that DER.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hash,
  type KeyObject,
  sign,
  verify
} from "node:crypto"
import { existsSync, mkdirSync, readFileSync } from "node:fs"
import { dirname } from "node:path"
import { Problem, reasonOf } from "@daybook/core/Problem"
import * as Seal from "@daybook/core/Seal"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as SecretFile from "./SecretFile.ts"

/** The key's file cannot be read, is no key, or cannot be made. Nothing was sealed. */
export class SealKeyUnusable extends Problem<SealKeyUnusable>()(
  "SealKeyUnusable",
  { status: 500, title: "The key for seals cannot be used" },
  { file: Schema.String }
) {}

/** SHA-256. */
export const sha256 = (bytes: Uint8Array): Uint8Array => hash("sha256", bytes, "buffer")

/** Signs with one key. */
export interface Signer {
  readonly keyId: string
  readonly publicKey: string
  /** Of the UTF-8 bytes of a text, in Base64. */
  readonly sign: (text: string) => string
}

/** The id of a public key: 32 digits of the SHA-256 of its DER form. */
export const keyIdOf = (publicKey: string): string =>
  createHash("sha256").update(Buffer.from(publicKey, "base64")).digest("hex").slice(0, 32)

const bodyOf = (key: KeyObject): string => key.export({ type: "spki", format: "der" }).toString("base64")

/** A public key as a PEM file has it. */
export const pemOf = (publicKey: string): string =>
  `-----BEGIN PUBLIC KEY-----\n${publicKey}\n-----END PUBLIC KEY-----\n`

const ed25519 = (key: KeyObject): KeyObject => {
  if (key.asymmetricKeyType === "ed25519") return key
  throw new Error(`it holds a key of type ${key.asymmetricKeyType ?? key.type}, not Ed25519`)
}

/** The public key in the text of a PEM file, private or public. Throws for what is none. */
export const publicKeyOfPem = (pem: string): string => bodyOf(ed25519(createPublicKey(pem)))

/** A signer of the private key in the text of a PEM file. Throws for what is none. */
export const signerOfPem = (pem: string): Signer => {
  const key = ed25519(createPrivateKey(pem))
  const publicKey = bodyOf(createPublicKey(pem))
  return {
    keyId: keyIdOf(publicKey),
    publicKey,
    sign: (text) => sign(null, Buffer.from(text), key).toString("base64")
  }
}

/** Whether a public key has signed that text. False for what is no key or no signature. */
export const hasSigned = (publicKey: string, text: string, signature: string): boolean => {
  try {
    return verify(null, Buffer.from(text), pemOf(publicKey), Buffer.from(signature, "base64"))
  } catch {
    return false
  }
}

/** A new private key, as a PEM file has it (PKCS#8). */
export const newPem = (): string =>
  generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString()

/** Writes a private key where there is none, readable by its owner alone. Where somebody else was faster, theirs stays. */
export const writeNew = (file: string, pem: string): void => {
  const folder = dirname(file)
  if (!existsSync(folder)) mkdirSync(folder)
  SecretFile.writeNew(file, pem)
}

const unusable =
  (file: string) =>
  (error: unknown): SealKeyUnusable =>
    new SealKeyUnusable({
      file,
      detail:
        `The key for seals, ${file}: ${reasonOf(error)}. It is a private Ed25519 key in PEM form ` +
        "(openssl genpkey -algorithm ed25519), named by SEAL_KEY_FILE, by default seal-key.pem in DAYBOOK_HOME."
    })

const missing = (file: string): SealKeyUnusable =>
  new SealKeyUnusable({
    file,
    detail:
      `The key for seals, ${file}, is not there, and a new one could not go on with the seals that there are, so that none is made. ` +
      "Put the file back, from a backup say, or name it with SEAL_KEY_FILE."
  })

/** Reads the public key of a PEM file, private or public. */
export const readPublicKey = (file: string): Effect.Effect<string, SealKeyUnusable> =>
  Effect.try({ try: () => publicKeyOfPem(readFileSync(file, "utf8")), catch: unusable(file) })

/** Who signs seals. */
export class SealKeys extends Context.Service<
  SealKeys,
  {
    /** The key that there is. Read anew each time, so that a key that was exchanged is used without a restart. */
    readonly signer: Effect.Effect<Signer, SealKeyUnusable>
    /** The same, made if there is none: only for the very first seals, which any key may begin. */
    readonly first: Effect.Effect<Signer, SealKeyUnusable>
  }
>()("@daybook/postgres/SealKeys") {
  /** The key in a file. */
  static readonly layerFile = (file: string): Layer.Layer<SealKeys> => {
    const attempt = (signer: () => Signer) => Effect.try({ try: signer, catch: unusable(file) })
    const signer = attempt(() => signerOfPem(readFileSync(file, "utf8")))
    const first = attempt(() => {
      if (!existsSync(file)) writeNew(file, newPem())
      return signerOfPem(readFileSync(file, "utf8"))
    })
    return Layer.succeed(SealKeys, {
      signer: Effect.suspend(() => (existsSync(file) ? signer : missing(file))),
      first
    })
  }

  /** A key at hand: for tests. */
  static readonly layerOf = (signer: Signer): Layer.Layer<SealKeys> =>
    Layer.succeed(SealKeys, { signer: Effect.succeed(signer), first: Effect.succeed(signer) })
}

/** A hand-over as it is kept, with both signatures. */
export type SignedHandOver = Seal.HandOver & Seal.HandOverSignatures

/** Signs that one key continues another. */
export const handOver = (from: Signer, to: Signer): SignedHandOver => {
  const statement: Seal.HandOver = { format: "daybook-key-1", from: from.publicKey, to: to.publicKey }
  const text = Seal.textOf(statement)
  return { ...statement, signatureFrom: from.sign(text), signatureTo: to.sign(text) }
}

/** Which keys are trusted: by id, with their place in the order in which they took over (0, 1, 2 …; below 0 before the given). */
export type Trusted = ReadonlyMap<string, { readonly publicKey: string; readonly order: number }>

/** Whether both sides have signed a hand-over. */
export const isSignedByBoth = ({ signatureFrom, signatureTo, ...statement }: SignedHandOver): boolean => {
  const text = Seal.textOf(statement)
  return hasSigned(statement.from, text, signatureFrom) && hasSigned(statement.to, text, signatureTo)
}

/**
 * The keys that are trusted because one is: those that it continues, and those that continue it, by hand-overs that both sides have
 * signed.
 */
export const trustedBy = (given: ReadonlyArray<string>, handOvers: ReadonlyArray<SignedHandOver>): Trusted => {
  const trusted = new Map<string, { readonly publicKey: string; readonly order: number }>()
  const valid = handOvers.filter(isSignedByBoth)
  const reach = (publicKey: string, order: number) => {
    const keyId = keyIdOf(publicKey)
    if (trusted.has(keyId)) return
    trusted.set(keyId, { publicKey, order })
    for (const { from, to } of valid) {
      if (from === publicKey) reach(to, order + 1)
      if (to === publicKey) reach(from, order - 1)
    }
  }
  for (const publicKey of given) reach(publicKey, 0)
  return trusted
}
