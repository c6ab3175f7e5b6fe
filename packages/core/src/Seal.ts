/**
 * What is signed about a journal: sealed blocks of events, what was removed of them, the hand-over from one key to the next, and
 * anchors. Used by the stores that seal and verify.
 *
 * Each is a flat record whose signed text is canonical JSON (RFC 8785): keys in order, no white space, UTF-8. These texts, and the
 * layout of a proof, never change in a released format; a new one has a new `format`. How it all fits together, and what it proves,
 * is in docs/guides/audit.md.
 */
import * as Hex from "effect/encoding/Hex"
import type { Hash } from "./Merkle.ts"

/** Events in a block at most. */
export const maxBlock = 1_000

/** The `previous` of a partition's first block. */
export const noBlock = "0".repeat(64)

/** The head of a block: contiguous positions of one partition, sealed. Hashes are SHA-256 in hexadecimal. */
export interface Block {
  readonly format: "daybook-block-1"
  readonly schema: string
  readonly partition: number
  /** 1, 2, 3 … in the partition. */
  readonly number: number
  /** The first and the last position. */
  readonly first: number
  readonly last: number
  /** The Merkle root over the events' canonical forms, in order of position. */
  readonly root: string
  /** The hash of the block before; `noBlock` where there is none. */
  readonly previous: string
  /** Microseconds since 1970, in decimal. */
  readonly sealedAtMicros: string
  /** Whose signature it has. */
  readonly keyId: string
}

/** Says that events of a sealed block were taken out of the journal on purpose. */
export interface Removal {
  readonly format: "daybook-removal-1"
  readonly schema: string
  readonly partition: number
  /** The hash of the block. */
  readonly block: string
  /** Bits in hexadecimal, the highest of the first byte for the block's first position: 1 for an event that may be gone. */
  readonly removed: string
  readonly reason: string
  readonly removedAtMicros: string
  readonly keyId: string
}

/** Says that one key continues what another has signed. Both sign it: to know either is to know the other. */
export interface HandOver {
  readonly format: "daybook-key-1"
  /** The key that ends, and the one that goes on: each an Ed25519 public key, SPKI DER in Base64, as in the body of a PEM file. */
  readonly from: string
  readonly to: string
}

/** The newest block of each partition of some journals, to be kept where whoever may change the journals cannot. */
export interface Anchor {
  readonly format: "daybook-anchor-1"
  readonly takenAtMillis: number
  readonly keyId: string
  readonly heads: ReadonlyArray<AnchorHead>
}

/** The newest block of a partition. */
export interface AnchorHead {
  readonly schema: string
  readonly partition: number
  readonly number: number
  readonly last: number
  /** The block's hash. */
  readonly block: string
}

/** A statement with its signature, Ed25519 over the UTF-8 bytes of its text, in Base64. */
export type Signed<Statement> = Statement & { readonly signature: string }

/** That an event is in a sealed block, and how that block is held by later ones: everything a verifier needs but the public key. */
export interface Proof {
  readonly format: "daybook-proof-1"
  /** The event in canonical form. */
  readonly event: string
  /** Its place in the block, from 0, and the audit path from there to the root (RFC 6962). */
  readonly index: number
  readonly path: ReadonlyArray<string>
  /** The block of the event first, then those that follow it, each holding the hash of the one before. */
  readonly blocks: ReadonlyArray<Signed<Block>>
  /** Every public key that has ever signed here, and the hand-overs between them. */
  readonly keys: ReadonlyArray<string>
  readonly handOvers: ReadonlyArray<HandOver & HandOverSignatures>
}

/** Of the key that ends, and of the one that goes on. */
export interface HandOverSignatures {
  readonly signatureFrom: string
  readonly signatureTo: string
}

const canonicalJson = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`
  if (value === null || typeof value !== "object") return JSON.stringify(value)
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonicalJson(inner)}`).join(",")}}`
}

/** The text of a statement that is hashed and signed. What else the object has must be taken off before. */
export const textOf = (statement: Block | Removal | HandOver | Anchor): string => canonicalJson(statement)

/** The hash of a block: that of its head's text. */
export const blockHash = (hash: Hash, block: Block): Uint8Array => hash(new TextEncoder().encode(textOf(block)))

/** The bits of some places in a block of that size, in hexadecimal. */
export const bitsOf = (places: Iterable<number>, size: number): string => {
  const bytes = new Uint8Array(Math.ceil(size / 8))
  for (const place of places) {
    if (!(Number.isInteger(place) && place >= 0 && place < size))
      throw new RangeError(`No place ${place} among ${size}`)
    bytes[place >> 3]! |= 0x80 >> (place & 7)
  }
  return Hex.encode(bytes)
}

/** The places whose bits are set. Nothing for what is no hexadecimal. */
export const placesOf = (bits: string): ReadonlyArray<number> => {
  const places: Array<number> = []
  for (let i = 0; i < bits.length; i++) {
    const digit = Number.parseInt(bits[i]!, 16)
    for (let bit = 0; bit < 4; bit++) if (digit & (8 >> bit)) places.push(i * 4 + bit)
  }
  return places
}
