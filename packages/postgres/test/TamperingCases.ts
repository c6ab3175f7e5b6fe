/**
 * What the owner of a database could do to a sealed journal, as statements, and what a verification has to find. For `TamperingSuite`.
 */
import type { Kind } from "@daybook/postgres/SealFindings"
import type { Signer } from "@daybook/postgres/SealKeys"
import { signer } from "./SealCases.ts"

/** The partition that is tampered with: block 1 has positions 1 to 12, block 2 those to 18, block 3 those to 24; 25 to 28 are not sealed. */
export const p = 1

/** What has to be found: the kind, and at which positions of that partition. */
export type Expected = readonly [kind: Kind, first: number | null, last?: number | null, partition?: number | null]

/** A case. Names in braces stand for what only the run knows: `filled` puts it in. */
export interface Case {
  readonly name: string
  readonly tamper: ReadonlyArray<string>
  readonly found: ReadonlyArray<Expected>
}

/** The row of a position. */
export const where = (position: number) => `partition = ${p} AND position = ${position}`

/** Every column of an event but its place, and what to make of it. */
const columns: Readonly<Record<string, string>> = {
  occurred_at: "occurred_at + interval '1 microsecond'",
  recorded_at: "recorded_at - interval '1 microsecond'",
  event_id: "'01890a5d-ac96-774b-bcce-b302099a8057'",
  schema_version: "2",
  is_receipt: "NOT is_receipt",
  type: "'Denied'",
  command_id: "'other'",
  correlation_id: "NULL",
  causation_id: "''",
  actor: "'somebody else'",
  reason: "reason || ' '",
  trace_parent: "NULL",
  tenant: "'T'",
  data: `'{"n":100,"text":"ä"}'`
}

/** Moves events up or down, out of the way first, so that no two are in one place meanwhile. */
export const renumber = (from: number, by: number): ReadonlyArray<string> => [
  `UPDATE {event} SET position = -position WHERE partition = ${p} AND position >= ${from}`,
  `UPDATE {event} SET position = -position + ${by} WHERE partition = ${p} AND position <= ${-from}`
]

const changed = (position: number, last = position): Expected => ["event-changed", position, last]

const all = `position, occurred_at, recorded_at, event_id, version, partition, schema_version, is_receipt, stream, type,
  command_id, correlation_id, causation_id, actor, reason, trace_parent, tenant, data`

/** Puts an event in, made from another. */
const copied = (position: string, version: string, partition = String(p)) =>
  `INSERT INTO {event} (${all}) SELECT ${position}, occurred_at, recorded_at, gen_random_uuid(), ${version}, ${partition}, schema_version,
     false, stream, type, 'copied', NULL, NULL, actor, NULL, NULL, NULL, data FROM {event} WHERE ${where(5)}`

const seal = "{schema}.seal"

const block = (number: number) => `partition = ${p} AND number = ${number}`

/** What is done, and what has to be found of it. */
export const cases: ReadonlyArray<Case> = [
  ...Object.entries(columns).map(
    ([column, value]): Case => ({
      name: `${column} of one event`,
      tamper: [`UPDATE {event} SET ${column} = ${value} WHERE ${where(5)}`],
      found: [changed(5)]
    })
  ),
  {
    name: "an event's data, by a space alone",
    tamper: [`UPDATE {event} SET data = (' ' || data::text)::json WHERE ${where(14)}`],
    found: [changed(14)]
  },
  {
    name: "an event's data, by the order of its keys alone",
    tamper: [`UPDATE {event} SET data = '{"text":"ä","n":3}' WHERE ${where(3)}`],
    found: [changed(3)]
  },
  {
    name: "an event's data, by how a letter is written alone",
    tamper: [`UPDATE {event} SET data = '{"n":3,"text":"\\u00e4"}' WHERE ${where(3)}`],
    found: [changed(3)]
  },
  {
    name: "an instant, to one that is none",
    tamper: [`UPDATE {event} SET occurred_at = 'infinity' WHERE ${where(3)}`],
    found: [changed(3)]
  },
  {
    name: "an event's version",
    tamper: [`UPDATE {event} SET version = 700 WHERE ${where(11)}`],
    found: [changed(11), ["stream-broken", 11], ["stream-broken", 12]]
  },
  {
    name: "an event moved to another stream",
    tamper: [`UPDATE {event} SET stream = 'note-elsewhere', version = 1 WHERE ${where(11)}`],
    found: [changed(11), ["event-misplaced", 11]]
  },
  {
    name: "an event moved to another partition",
    tamper: [
      `UPDATE {event} SET partition = 2, position = 2 WHERE ${where(11)}`,
      `UPDATE {schema}.partition SET head = 2 WHERE id = 2`
    ],
    found: [
      ["event-missing", 11],
      ["event-misplaced", 2, 2, 2]
    ]
  },
  { name: "one event deleted", tamper: [`DELETE FROM {event} WHERE ${where(7)}`], found: [["event-missing", 7]] },
  {
    name: "the first event of a stream that is left deleted",
    tamper: [`DELETE FROM {event} WHERE ${where(3)}`],
    found: [
      ["event-missing", 3],
      ["stream-headless", null]
    ]
  },
  {
    name: "the events of a whole block deleted",
    tamper: [`DELETE FROM {event} WHERE partition = ${p} AND position BETWEEN 13 AND 18`],
    found: [["event-missing", 13, 18]]
  },
  {
    name: "the last sealed event deleted, with everything after it, and the head set back",
    tamper: [
      `DELETE FROM {event} WHERE partition = ${p} AND position >= 24`,
      `UPDATE {schema}.partition SET head = 23 WHERE id = ${p}`
    ],
    found: [
      ["event-missing", 24],
      ["head-behind", 23, 24]
    ]
  },
  {
    name: "one event deleted, and those after it renumbered",
    tamper: [
      `DELETE FROM {event} WHERE ${where(13)}`,
      ...renumber(14, -1),
      `UPDATE {schema}.partition SET head = 27 WHERE id = ${p}`
    ],
    found: [changed(13, 18), changed(19, 24)]
  },
  {
    name: "one event put in, and those after it renumbered",
    tamper: [...renumber(20, 1), copied("20", "500"), `UPDATE {schema}.partition SET head = 29 WHERE id = ${p}`],
    found: [changed(20, 24), ["stream-broken", 20]]
  },
  {
    name: "two events swapped",
    tamper: [
      `UPDATE {event} SET position = -4 WHERE ${where(4)}`,
      `UPDATE {event} SET position = 4 WHERE ${where(9)}`,
      `UPDATE {event} SET position = 9 WHERE ${where(-4)}`
    ],
    found: [changed(4), changed(9)]
  },
  { name: "an event put in before the first", tamper: [copied("0", "501")], found: [["event-stray", 0]] },
  { name: "an event put in above the head", tamper: [copied("999", "502")], found: [["event-stray", 999]] },
  {
    name: "an event put into a partition that there is not",
    tamper: [copied("1", "503", "77")],
    found: [["event-stray", 1, 1, 77]]
  },
  {
    name: "an event that was removed on record put back otherwise",
    tamper: [copied("2", "504")],
    found: [changed(2)]
  },
  {
    name: "a block's root",
    tamper: [`UPDATE ${seal} SET root = previous WHERE ${block(2)}`],
    found: [["block-changed", 13, 18]]
  },
  {
    name: "a block's signature",
    tamper: [`UPDATE ${seal} SET signature = reverse(signature) WHERE ${block(2)}`],
    found: [["block-changed", 13, 18]]
  },
  {
    name: "a block's signature, to what is none",
    tamper: [`UPDATE ${seal} SET signature = '' WHERE ${block(2)}`],
    found: [["block-changed", 13, 18]]
  },
  {
    name: "a block's link to the one before",
    tamper: [`UPDATE ${seal} SET previous = root WHERE ${block(3)}`],
    found: [
      ["block-changed", 19, 24],
      ["anchor-differs", 24]
    ]
  },
  {
    name: "when a block was sealed",
    tamper: [`UPDATE ${seal} SET sealed_at = sealed_at - interval '1 microsecond' WHERE ${block(3)}`],
    found: [
      ["block-changed", 19, 24],
      ["anchor-differs", 24]
    ]
  },
  {
    name: "where a block ends",
    tamper: [`UPDATE ${seal} SET last_position = 17 WHERE ${block(2)}`],
    found: [["block-changed", 13, 17]]
  },
  {
    name: "a block's leaves",
    tamper: [`UPDATE ${seal} SET leaves = set_byte(leaves, 40, 255 - get_byte(leaves, 40)) WHERE ${block(2)}`],
    found: [["leaves-changed", 13, 18]]
  },
  {
    name: "a block's leaves cut off",
    tamper: [`UPDATE ${seal} SET leaves = '' WHERE ${block(2)}`],
    found: [["leaves-changed", 13, 18]]
  },
  {
    name: "an event together with its leaf",
    tamper: [
      `UPDATE {event} SET actor = 'x' WHERE ${where(14)}`,
      `UPDATE ${seal} SET leaves = set_byte(leaves, 40, 255 - get_byte(leaves, 40)) WHERE ${block(2)}`
    ],
    found: [
      ["leaves-changed", 13, 18],
      ["event-changed", 13, 18]
    ]
  },
  {
    name: "a block taken away",
    tamper: [`DELETE FROM ${seal} WHERE ${block(2)}`],
    found: [["block-missing", 13, 18]]
  },
  {
    name: "a block taken away, and the one after put in its place",
    tamper: [`DELETE FROM ${seal} WHERE ${block(2)}`, `UPDATE ${seal} SET number = 2 WHERE ${block(3)}`],
    found: [
      ["block-changed", 13, 24],
      ["event-changed", 13, 18],
      ["anchor-unmet", 24]
    ]
  },
  {
    name: "the newest block taken away, of which an anchor knows",
    tamper: [`DELETE FROM ${seal} WHERE ${block(3)}`],
    found: [["anchor-unmet", 24]]
  },
  {
    name: "the tail rolled back, seals, events and head, of which an anchor knows",
    tamper: [
      `DELETE FROM ${seal} WHERE partition = ${p} AND number > 1`,
      `DELETE FROM {event} WHERE partition = ${p} AND position > 12`,
      `UPDATE {schema}.partition SET head = 12 WHERE id = ${p}`
    ],
    found: [["anchor-unmet", 24]]
  },
  {
    name: "all blocks of a partition taken away, of which an anchor knows",
    tamper: [`DELETE FROM ${seal} WHERE partition = ${p}`],
    found: [
      ["anchor-unmet", 24],
      ["removal-stray", null],
      ["event-missing", 1, 2],
      ["stream-headless", null]
    ]
  },
  {
    name: "a key put in that nobody has handed over to",
    tamper: [
      `INSERT INTO {schema}.seal_key (key_id, public_key, predecessor, signature_from, signature_to)
        VALUES ('{otherId}', '{otherKey}', '{signerId}', 'AAAA', 'AAAA')`
    ],
    found: [["key-untrusted", null, null, null]]
  },
  {
    name: "a record of a removal taken away",
    tamper: [`DELETE FROM {schema}.seal_removal WHERE ${block(1)}`],
    found: [
      ["event-missing", 1, 2],
      ["stream-headless", null]
    ]
  },
  {
    name: "a record of a removal stretched over an event that was not removed",
    tamper: [
      `UPDATE {schema}.seal_removal SET removed = 'e000' WHERE ${block(1)}`,
      `DELETE FROM {event} WHERE ${where(3)}`
    ],
    found: [
      ["removal-forged", 1, 12],
      ["event-missing", 1, 3],
      ["stream-headless", null]
    ]
  },
  {
    name: "a record of a removal copied to another block",
    tamper: [
      `INSERT INTO {schema}.seal_removal SELECT 2, removed_at, partition, key_id, reason, removed, signature
           FROM {schema}.seal_removal WHERE ${block(1)}`,
      `DELETE FROM {event} WHERE ${where(14)}`
    ],
    found: [
      ["removal-forged", 13, 18],
      ["event-missing", 14]
    ]
  },
  {
    name: "a partition's head set back",
    tamper: [`UPDATE {schema}.partition SET head = 20 WHERE id = ${p}`],
    found: [
      ["head-behind", 20, 24],
      ["event-stray", 21, 28]
    ]
  },
  {
    name: "a partition's head set forward",
    tamper: [`UPDATE {schema}.partition SET head = 30 WHERE id = ${p}`],
    found: [["event-missing", 29, 30]]
  },
  {
    name: "a partition's head taken away",
    tamper: [`DELETE FROM {schema}.partition WHERE id = ${p}`],
    found: [["partition-missing", null]]
  },
  {
    name: "one of the events that are not sealed yet deleted",
    tamper: [`DELETE FROM {event} WHERE ${where(26)}`],
    found: [["event-missing", 26]]
  },
  {
    name: "one of the events that are not sealed yet deleted, and those after it renumbered",
    tamper: [
      `DELETE FROM {event} WHERE ${where(26)}`,
      ...renumber(27, -1),
      `UPDATE {schema}.partition SET head = 27 WHERE id = ${p}`
    ],
    found: [["stream-broken", 26]]
  }
]

/** Statements with what their names in braces stand for. */
export const filled = (
  statements: ReadonlyArray<string>,
  { schema, other }: { readonly schema: string; readonly other: Signer }
): ReadonlyArray<string> => {
  const values: Readonly<Record<string, string>> = {
    event: `${schema}.event`,
    schema,
    otherId: other.keyId,
    otherKey: other.publicKey,
    signerId: signer.keyId
  }
  return statements.map((one) => one.replaceAll(/\{(\w+)\}/g, (name, key: string) => values[key] ?? name))
}
