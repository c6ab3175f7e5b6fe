/**
 * Checks a proof that `daybook audit prove` has written, with a public key and nothing else: Node 20 or later, no Daybook, no
 * database. Made to be read, copied and handed to whoever has to be convinced.
 *
 *     node verify-proof.mjs proof.json public-key.pem [anchor.json]
 *
 * Ends with 0 and says what is proven, with 1 and says what does not fit, or with 2 when a file cannot be read and nothing was
 * checked.
 */
import { createHash, createPublicKey, verify } from "node:crypto"
import { readFileSync } from "node:fs"

const sha256 = (...parts) => {
  const hash = createHash("sha256")
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** Canonical JSON (RFC 8785) of strings, whole numbers, lists and objects: the text that is hashed and signed. */
const canonical = (value) => {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`
  if (value === null || typeof value !== "object") return JSON.stringify(value)
  const keys = Object.keys(value).sort()
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(",")}}`
}

const fail = (why) => {
  throw new Error(why)
}

/** A public key is the body of its PEM file; its id is the beginning of the hash of what that encodes. */
const bodyOf = (pem) => createPublicKey(pem).export({ type: "spki", format: "der" }).toString("base64")
const pemOf = (body) => `-----BEGIN PUBLIC KEY-----\n${body}\n-----END PUBLIC KEY-----\n`
const keyIdOf = (body) => sha256(Buffer.from(body, "base64")).toString("hex").slice(0, 32)
const signed = (body, text, signature) => verify(null, Buffer.from(text), pemOf(body), Buffer.from(signature, "base64"))

/** The keys to trust: the one that was given, and whatever it has handed over to or was handed over to by, signed by both. */
const trustedBy = (given, handOvers) => {
  const trusted = new Map([[keyIdOf(given), given]])
  for (let grown = true; grown; ) {
    grown = false
    for (const { format, from, to, signatureFrom, signatureTo } of handOvers) {
      const text = canonical({ format, from, to })
      if (trusted.has(keyIdOf(from)) === trusted.has(keyIdOf(to))) continue
      if (!signed(from, text, signatureFrom) || !signed(to, text, signatureTo)) continue
      trusted.set(keyIdOf(from), from).set(keyIdOf(to), to)
      grown = true
    }
  }
  return trusted
}

/** From a leaf up to the root of its tree (RFC 9162, 2.1.3.2). */
const climb = (leaf, index, size, path) => {
  let last = size - 1
  let root = leaf
  for (const sibling of path.map((hex) => Buffer.from(hex, "hex"))) {
    if (last === 0) fail("The path is longer than the tree is high.")
    if (index % 2 === 1 || index === last) {
      root = sha256(Buffer.from([1]), sibling, root)
      for (; index % 2 === 0 && index !== 0; index /= 2) last = Math.floor(last / 2)
    } else root = sha256(Buffer.from([1]), root, sibling)
    index = Math.floor(index / 2)
    last = Math.floor(last / 2)
  }
  if (last !== 0) fail("The path is shorter than the tree is high.")
  return root.toString("hex")
}

/** Holds every block to its signature, and to the hash that the next one has of it. Their hashes. */
const checkBlocks = (blocks, trusted) => {
  const hashes = []
  for (const { signature, ...block } of blocks) {
    const key =
      trusted.get(block.keyId) ?? fail(`Block ${block.number} is signed with key ${block.keyId}, which is not trusted.`)
    const text = canonical(block)
    if (!signed(key, text, signature)) fail(`The signature of block ${block.number} does not fit it.`)
    if (hashes.length > 0 && block.previous !== hashes.at(-1))
      fail(`Block ${block.number} does not follow the one before.`)
    hashes.push(sha256(text).toString("hex"))
  }
  return hashes
}

const checkAnchor = ({ signature, ...anchor }, { schema, partition }, hashes, trusted) => {
  const key = trusted.get(anchor.keyId) ?? fail(`The anchor is signed with key ${anchor.keyId}, which is not trusted.`)
  if (!signed(key, canonical(anchor), signature)) fail("The signature of the anchor does not fit it.")
  const head = anchor.heads.find((one) => one.schema === schema && one.partition === partition)
  if (!head || !hashes.includes(head.block)) fail("The chain of blocks does not lead to the anchor.")
  return `Its block was sealed before the anchor of ${new Date(anchor.takenAtMillis).toISOString()}, which holds it too.`
}

const instant = (micros) => new Date(Number(micros) / 1000).toISOString()

const check = (proof, key, anchor) => {
  if (proof.format !== "daybook-proof-1") fail(`This is no proof, or one of a later format: ${proof.format}`)
  const trusted = trustedBy(key, proof.handOvers)
  const hashes = checkBlocks(proof.blocks, trusted)
  const [block] = proof.blocks
  const event = JSON.parse(proof.event)
  const [partition, position, stream, version, eventId, type, , occurredAt, recordedAt, , , , , actor] = event
  if (partition !== block.partition || position !== block.first + proof.index)
    fail("The event is not of this place in the block.")
  const leaf = sha256(Buffer.from([0]), proof.event)
  const root = climb(leaf, proof.index, block.last - block.first + 1, proof.path)
  if (root !== block.root) fail("The event is not in this block: its path leads to another root.")
  return [
    "The proof holds. The holder of the key has sealed this event, which has not been changed since:",
    "",
    `  ${type}, version ${version} of ${stream}, by ${actor ?? "nobody named"}, event ${eventId}`,
    `  occurred ${instant(occurredAt)}, recorded ${instant(recordedAt)}`,
    `  data ${event.at(-1)}`,
    "",
    `  sealed ${instant(block.sealedAtMicros)} in block ${block.number} of partition ${partition} of ${block.schema}, key ${block.keyId}`,
    ...(anchor === undefined ? [] : ["", checkAnchor(anchor, block, hashes, trusted)])
  ].join("\n")
}

const [proofFile, keyFile, anchorFile] = process.argv.slice(2)
if (keyFile === undefined) {
  console.error("node verify-proof.mjs proof.json public-key.pem [anchor.json]")
  process.exit(2)
}

/** What a file holds. A file that is not what it should be says nothing of the proof. */
const read = (file, what, parse) => {
  try {
    return parse(readFileSync(file, "utf8"))
  } catch (error) {
    console.error(`${file} cannot be read as ${what}: ${error.message}. Nothing was checked.`)
    process.exit(2)
  }
}
const proof = read(proofFile, "a proof", JSON.parse)
const key = read(keyFile, "a public key", bodyOf)
const anchor = anchorFile === undefined ? undefined : read(anchorFile, "an anchor", JSON.parse)
try {
  console.log(check(proof, key, anchor))
} catch (error) {
  console.error(`The proof does not hold: ${error.message}`)
  process.exitCode = 1
}
