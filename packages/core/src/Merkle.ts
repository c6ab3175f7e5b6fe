/**
 * The Merkle tree of RFC 6962 (Certificate Transparency, section 2.1): a root that stands for a list of byte strings, and short
 * proofs that one of them is in it. Used by seals. Leaves and nodes are hashed with different prefixes, so that neither can pass
 * for the other.
 *
 * The hash function is given: core depends on no crypto.
 */

/** A hash function, such as SHA-256. */
export type Hash = (bytes: Uint8Array) => Uint8Array

const leafPrefix = 0x00
const nodePrefix = 0x01

/** The hash of a leaf: of the byte 0x00 and its content. */
export const leafHash = (hash: Hash, content: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(content.length + 1)
  bytes[0] = leafPrefix
  bytes.set(content, 1)
  return hash(bytes)
}

const nodeHash = (hash: Hash, left: Uint8Array, right: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(1 + left.length + right.length)
  bytes[0] = nodePrefix
  bytes.set(left, 1)
  bytes.set(right, 1 + left.length)
  return hash(bytes)
}

/** The size of the left half: the largest power of two that is smaller than `size`. */
const split = (size: number): number => 2 ** Math.ceil(Math.log2(size) - 1)

const rootOf = (hash: Hash, leaves: ReadonlyArray<Uint8Array>, from: number, to: number): Uint8Array => {
  if (to - from === 1) return leaves[from]!
  const middle = from + split(to - from)
  return nodeHash(hash, rootOf(hash, leaves, from, middle), rootOf(hash, leaves, middle, to))
}

/** The root over the hashes of leaves, in their order. The root over none is the hash of nothing. */
export const root = (hash: Hash, leaves: ReadonlyArray<Uint8Array>): Uint8Array =>
  leaves.length === 0 ? hash(new Uint8Array()) : rootOf(hash, leaves, 0, leaves.length)

/** The audit path of one leaf (RFC 6962, 2.1.1): the hashes that lead from it to the root, the nearest first. */
export const path = (hash: Hash, leaves: ReadonlyArray<Uint8Array>, index: number): ReadonlyArray<Uint8Array> => {
  if (!(Number.isInteger(index) && index >= 0 && index < leaves.length)) {
    throw new RangeError(`There is no leaf ${index} among ${leaves.length}`)
  }
  const found: Array<Uint8Array> = []
  let from = 0
  let to = leaves.length
  while (to - from > 1) {
    const middle = from + split(to - from)
    if (index < middle) {
      found.push(rootOf(hash, leaves, middle, to))
      to = middle
    } else {
      found.push(rootOf(hash, leaves, from, middle))
      from = middle
    }
  }
  return found.reverse()
}

/**
 * The root that a leaf's hash and its audit path lead to in a tree of `size` leaves (RFC 9162, 2.1.3.2); `undefined` where the path
 * does not fit the place. The leaf is in the tree if this is the tree's root.
 */
export const rootOfPath = (
  hash: Hash,
  leaf: Uint8Array,
  place: { readonly index: number; readonly size: number },
  nodes: ReadonlyArray<Uint8Array>
): Uint8Array | undefined => {
  let { index } = place
  let last = place.size - 1
  if (!(Number.isInteger(index) && Number.isInteger(last) && index >= 0 && index <= last)) return undefined
  let found = leaf
  for (const node of nodes) {
    if (last === 0) return undefined
    if (index % 2 === 1 || index === last) {
      found = nodeHash(hash, node, found)
      while (index % 2 === 0 && index !== 0) {
        index = Math.floor(index / 2)
        last = Math.floor(last / 2)
      }
    } else {
      found = nodeHash(hash, found, node)
    }
    index = Math.floor(index / 2)
    last = Math.floor(last / 2)
  }
  return last === 0 ? found : undefined
}
