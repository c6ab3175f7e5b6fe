/**
 * Whatever the owner of the database does to a sealed journal, triggers disabled, is found and named with partition and position.
 * Each case tampers in a transaction that is rolled back. Run on PGlite and on PostgreSQL.
 */
import type { Journal } from "@daybook/core/Journal"
import * as Seal from "@daybook/core/Seal"
import { readRange } from "@daybook/postgres/RawEvents"
import { headsOf, type SignedAnchor, signAnchor } from "@daybook/postgres/SealAnchors"
import { recordHandOver } from "@daybook/postgres/SealAuthority"
import type { Kind } from "@daybook/postgres/SealFindings"
import { handOver, keyIdOf, type Signer } from "@daybook/postgres/SealKeys"
import { type Head, hashOfHead, readHeadsAfter } from "@daybook/postgres/SealRows"
import { type Report, verify } from "@daybook/postgres/SealVerification"
import * as SqlSeals from "@daybook/postgres/SqlSeals"
import { assert, describe, type Vitest } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import { append, asSuperuser, newSigner, signer, streamIn, undone, withKey } from "./SealCases.ts"

/** The partition that is tampered with: block 1 has positions 1 to 12, block 2 those to 18, block 3 those to 24; 25 to 28 are not sealed. */
const p = 1

/** What has to be found: the kind, and at which positions of that partition. */
type Expected = readonly [kind: Kind, first: number | null, last?: number | null, partition?: number | null]

const blockOf = ({ signature: _, ...block }: Head): Seal.Block => block

interface Case {
  readonly name: string
  readonly tamper: ReadonlyArray<string>
  readonly found: ReadonlyArray<Expected>
}

const where = (position: number) => `partition = ${p} AND position = ${position}`

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
const renumber = (e: string, from: number, by: number): ReadonlyArray<string> => [
  `UPDATE ${e} SET position = -position WHERE partition = ${p} AND position >= ${from}`,
  `UPDATE ${e} SET position = -position + ${by} WHERE partition = ${p} AND position <= ${-from}`
]

const casesOf = (e: string, schema: string, other: Signer): ReadonlyArray<Case> => {
  const changed = (position: number, last = position): Expected => ["event-changed", position, last]
  const all = `position, occurred_at, recorded_at, event_id, version, partition, schema_version, is_receipt, stream, type,
    command_id, correlation_id, causation_id, actor, reason, trace_parent, tenant, data`
  const copied = (position: string, version: string, partition = String(p)) =>
    `INSERT INTO ${e} (${all}) SELECT ${position}, occurred_at, recorded_at, gen_random_uuid(), ${version}, ${partition}, schema_version,
       false, stream, type, 'copied', NULL, NULL, actor, NULL, NULL, NULL, data FROM ${e} WHERE ${where(5)}`
  const seal = `${schema}.seal`
  const block = (number: number) => `partition = ${p} AND number = ${number}`
  const shift = (from: number, by: number) => renumber(e, from, by)
  return [
    ...Object.entries(columns).map(
      ([column, value]): Case => ({
        name: `${column} of one event`,
        tamper: [`UPDATE ${e} SET ${column} = ${value} WHERE ${where(5)}`],
        found: [changed(5)]
      })
    ),
    {
      name: "an event's data, by a space alone",
      tamper: [`UPDATE ${e} SET data = (' ' || data::text)::json WHERE ${where(14)}`],
      found: [changed(14)]
    },
    {
      name: "an event's data, by the order of its keys alone",
      tamper: [`UPDATE ${e} SET data = '{"text":"ä","n":3}' WHERE ${where(3)}`],
      found: [changed(3)]
    },
    {
      name: "an event's data, by how a letter is written alone",
      tamper: [`UPDATE ${e} SET data = '{"n":3,"text":"\\u00e4"}' WHERE ${where(3)}`],
      found: [changed(3)]
    },
    {
      name: "an instant, to one that is none",
      tamper: [`UPDATE ${e} SET occurred_at = 'infinity' WHERE ${where(3)}`],
      found: [changed(3)]
    },
    {
      name: "an event's version",
      tamper: [`UPDATE ${e} SET version = 700 WHERE ${where(11)}`],
      found: [changed(11), ["stream-broken", 11], ["stream-broken", 12]]
    },
    {
      name: "an event moved to another stream",
      tamper: [`UPDATE ${e} SET stream = 'note-elsewhere', version = 1 WHERE ${where(11)}`],
      found: [changed(11), ["event-misplaced", 11]]
    },
    {
      name: "an event moved to another partition",
      tamper: [
        `UPDATE ${e} SET partition = 2, position = 2 WHERE ${where(11)}`,
        `UPDATE ${schema}.partition SET head = 2 WHERE id = 2`
      ],
      found: [
        ["event-missing", 11],
        ["event-misplaced", 2, 2, 2]
      ]
    },
    { name: "one event deleted", tamper: [`DELETE FROM ${e} WHERE ${where(7)}`], found: [["event-missing", 7]] },
    {
      name: "the first event of a stream that is left deleted",
      tamper: [`DELETE FROM ${e} WHERE ${where(3)}`],
      found: [
        ["event-missing", 3],
        ["stream-headless", null]
      ]
    },
    {
      name: "the events of a whole block deleted",
      tamper: [`DELETE FROM ${e} WHERE partition = ${p} AND position BETWEEN 13 AND 18`],
      found: [["event-missing", 13, 18]]
    },
    {
      name: "the last sealed event deleted, with everything after it, and the head set back",
      tamper: [
        `DELETE FROM ${e} WHERE partition = ${p} AND position >= 24`,
        `UPDATE ${schema}.partition SET head = 23 WHERE id = ${p}`
      ],
      found: [
        ["event-missing", 24],
        ["head-behind", 23, 24]
      ]
    },
    {
      name: "one event deleted, and those after it renumbered",
      tamper: [
        `DELETE FROM ${e} WHERE ${where(13)}`,
        ...shift(14, -1),
        `UPDATE ${schema}.partition SET head = 27 WHERE id = ${p}`
      ],
      found: [changed(13, 18), changed(19, 24)]
    },
    {
      name: "one event put in, and those after it renumbered",
      tamper: [...shift(20, 1), copied("20", "500"), `UPDATE ${schema}.partition SET head = 29 WHERE id = ${p}`],
      found: [changed(20, 24), ["stream-broken", 20]]
    },
    {
      name: "two events swapped",
      tamper: [
        `UPDATE ${e} SET position = -4 WHERE ${where(4)}`,
        `UPDATE ${e} SET position = 4 WHERE ${where(9)}`,
        `UPDATE ${e} SET position = 9 WHERE ${where(-4)}`
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
        `UPDATE ${e} SET actor = 'x' WHERE ${where(14)}`,
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
        `DELETE FROM ${e} WHERE partition = ${p} AND position > 12`,
        `UPDATE ${schema}.partition SET head = 12 WHERE id = ${p}`
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
        `INSERT INTO ${schema}.seal_key (key_id, public_key, predecessor, signature_from, signature_to)
        VALUES ('${other.keyId}', '${other.publicKey}', '${signer.keyId}', 'AAAA', 'AAAA')`
      ],
      found: [["key-untrusted", null, null, null]]
    },
    {
      name: "a record of a removal taken away",
      tamper: [`DELETE FROM ${schema}.seal_removal WHERE ${block(1)}`],
      found: [
        ["event-missing", 1, 2],
        ["stream-headless", null]
      ]
    },
    {
      name: "a record of a removal stretched over an event that was not removed",
      tamper: [
        `UPDATE ${schema}.seal_removal SET removed = 'e000' WHERE ${block(1)}`,
        `DELETE FROM ${e} WHERE ${where(3)}`
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
        `INSERT INTO ${schema}.seal_removal SELECT 2, removed_at, partition, key_id, reason, removed, signature
           FROM ${schema}.seal_removal WHERE ${block(1)}`,
        `DELETE FROM ${e} WHERE ${where(14)}`
      ],
      found: [
        ["removal-forged", 13, 18],
        ["event-missing", 14]
      ]
    },
    {
      name: "a partition's head set back",
      tamper: [`UPDATE ${schema}.partition SET head = 20 WHERE id = ${p}`],
      found: [
        ["head-behind", 20, 24],
        ["event-stray", 21, 28]
      ]
    },
    {
      name: "a partition's head set forward",
      tamper: [`UPDATE ${schema}.partition SET head = 30 WHERE id = ${p}`],
      found: [["event-missing", 29, 30]]
    },
    {
      name: "a partition's head taken away",
      tamper: [`DELETE FROM ${schema}.partition WHERE id = ${p}`],
      found: [["partition-missing", null]]
    },
    {
      name: "one of the events that are not sealed yet deleted",
      tamper: [`DELETE FROM ${e} WHERE ${where(26)}`],
      found: [["event-missing", 26]]
    },
    {
      name: "one of the events that are not sealed yet deleted, and those after it renumbered",
      tamper: [
        `DELETE FROM ${e} WHERE ${where(26)}`,
        ...shift(27, -1),
        `UPDATE ${schema}.partition SET head = 27 WHERE id = ${p}`
      ],
      found: [["stream-broken", 26]]
    }
  ]
}

/** Registers the cases. The schema is theirs, has eight partitions, and no events before. */
export const tampering = (schema: string, it: Vitest.MethodsNonLive<Journal | SqlClient>): void => {
  const event = `${schema}.event`
  const other = newSigner()
  let anchor: SignedAnchor
  const sealed = withKey()(SqlSeals.seal(schema))
  const checked = (options: { readonly trusted?: string; readonly anchor?: SignedAnchor } = {}) =>
    verify(schema, {
      publicKeys: [options.trusted ?? signer.publicKey],
      ...(options.anchor === undefined ? {} : { anchor: options.anchor })
    })

  /** Writes every block of the partition anew, over what is there now. */
  const forge = (as: Signer) =>
    Effect.gen(function* () {
      yield* asSuperuser(
        `DELETE FROM ${schema}.seal_removal`,
        `DELETE FROM ${schema}.seal`,
        `INSERT INTO ${schema}.seal_key (key_id, public_key) VALUES ('${as.keyId}', '${as.publicKey}') ON CONFLICT DO NOTHING`,
        `DELETE FROM ${schema}.seal_key WHERE key_id <> '${as.keyId}'`
      )
      // Nothing is left of the removed beginning of a stream but a stream that begins later, under smaller numbers.
      yield* asSuperuser(
        `UPDATE ${event} SET version = version - 2
           WHERE stream = (SELECT stream FROM ${event} WHERE partition = ${p} ORDER BY position LIMIT 1)`,
        ...renumber(event, 3, -2),
        `UPDATE ${schema}.partition SET head = 26 WHERE id = ${p}`
      )
      yield* withKey(as)(SqlSeals.seal(schema))
    })

  /** What a verification finds, as the cases say it. */
  const foundBy = (report: Report): ReadonlyArray<Expected> =>
    report.findings.map(({ kind, first, last, partition }) => [kind, first, last, partition])

  const byText = (found: ReadonlyArray<Expected>) =>
    found.map(([kind, first, last = first, partition = p]) => `${kind} ${partition} ${first} ${last}`).sort()

  describe("a journal in order", () => {
    it.effect("verifies, and says what is proven and what is not sealed yet", () =>
      Effect.gen(function* () {
        const [a, b] = [streamIn(p), streamIn(p)]
        yield* append(b, 3)
        yield* append(a, 9)
        yield* sealed
        yield* append(b, 3, 3)
        yield* append(a, 3, 9)
        yield* sealed
        yield* append(b, 6, 6)
        yield* sealed
        yield* append(a, 4, 12)
        yield* append(streamIn(2), 1)
        const sql = yield* SqlClient
        const removing = Effect.andThen(
          withKey()(SqlSeals.recordRemoval(schema, { partition: p, positions: [1, 2], reason: "pruned" })),
          sql.unsafe(`SELECT ${schema}.delete_to('${b}', 2)`)
        )
        yield* sql.withTransaction(removing)
        anchor = yield* signAnchor(yield* headsOf(schema), signer)
        const report = yield* checked({ anchor })
        assert.deepStrictEqual(report.findings, [])
        assert.deepInclude(report, { blocks: 3, proven: 22, removed: 2, unsealed: 5, partitions: 8, moreFindings: 0 })
        assert.isNumber(report.unsealedSinceMillis)
        assert.isNumber(report.sealedAtMillis)
      })
    )

    it.effect("verifies when events come back that had been removed on record", () =>
      undone(
        Effect.gen(function* () {
          const sql = yield* SqlClient
          const events = yield* readRange(schema, p, { from: 19, to: 19 })
          const position = events[0]!.position
          yield* sql.unsafe(
            `CREATE TEMPORARY TABLE kept ON COMMIT DROP AS SELECT * FROM ${event} WHERE ${where(position)}`
          )
          yield* withKey()(SqlSeals.recordRemoval(schema, { partition: p, positions: [position], reason: "archived" }))
          yield* asSuperuser(`DELETE FROM ${event} WHERE ${where(position)}`)
          assert.include((yield* checked()).findings[0]!.detail, "does not follow the version before it")
          yield* sql.unsafe(`INSERT INTO ${event} SELECT * FROM kept`)
          assert.deepStrictEqual((yield* checked()).findings, [])
        })
      )
    )
  })

  describe("tampering is found and named:", () => {
    for (const { name, tamper, found } of casesOf(event, schema, other)) {
      it.effect(name, () =>
        undone(
          Effect.gen(function* () {
            yield* asSuperuser(...tamper)
            const report = yield* checked({ anchor })
            // Where an event is gone, the next of its stream does not follow: said too, yet no other case.
            const named = new Set(found.map(([kind]) => kind))
            const others = foundBy(report).filter(([kind]) => named.has(kind) || !kind.startsWith("stream-"))
            assert.deepStrictEqual(byText(others), byText(found))
            for (const { detail, partition, first } of report.findings) {
              if (partition !== null) assert.include(detail, `${schema}, partition ${partition}`)
              if (first !== null) assert.match(detail, new RegExp(`position(s)? ${first}\\b`))
            }
          })
        )
      )
    }

    it.effect("everything written anew with another key", () =>
      undone(
        Effect.gen(function* () {
          yield* forge(other)
          assert.deepStrictEqual((yield* checked({ trusted: other.publicKey })).findings, [])
          const report = yield* checked()
          assert.sameMembers(
            [...new Set(report.findings.map(({ kind }) => kind))],
            ["key-untrusted", "block-untrusted"]
          )
          assert.include(report.findings[0]!.detail, `partition ${p}, positions 1 to 26 (block 1): key ${other.keyId}`)
          assert.strictEqual(report.findings[0]!.partition, p)
        })
      )
    )

    it.effect("everything written anew with the very key: by an anchor, and by nothing else", () =>
      undone(
        Effect.gen(function* () {
          yield* forge(signer)
          assert.deepStrictEqual((yield* checked()).findings, [])
          assert.deepStrictEqual(byText(foundBy(yield* checked({ anchor }))), byText([["anchor-unmet", 24]]))
        })
      )
    )

    it.effect("an anchor that was written to fit", () =>
      Effect.gen(function* () {
        const forged = yield* signAnchor(yield* headsOf(schema), other)
        assert.deepStrictEqual(foundBy(yield* checked({ anchor: forged })), [["anchor-untrusted", null, null, null]])
        const changed = { ...anchor, heads: [] }
        assert.deepStrictEqual(foundBy(yield* checked({ anchor: changed })), [["anchor-untrusted", null, null, null]])
      })
    )
  })

  describe("keys", () => {
    const next = newSigner()
    const handedOver = Effect.gen(function* () {
      yield* recordHandOver(schema, handOver(signer, next))
      yield* withKey(next)(SqlSeals.seal(schema))
    })

    it.effect("that were handed over to are trusted, and so are those before", () =>
      undone(
        Effect.gen(function* () {
          yield* handedOver
          for (const trusted of [signer.publicKey, next.publicKey]) {
            const report = yield* checked({ trusted, anchor })
            assert.deepStrictEqual(report.findings, [])
            assert.strictEqual(report.unsealed, 0)
          }
        })
      )
    )

    it.effect("are found out when they go on sealing after they have handed over", () =>
      undone(
        Effect.gen(function* () {
          yield* handedOver
          yield* append(streamIn(p), 1)
          const [before] = (yield* readHeadsAfter(schema, p, 3, 1)) as [Head]
          const block: Seal.Block = {
            ...blockOf(before),
            ...{ number: 5, first: 29, last: 29, previous: hashOfHead(before), keyId: signer.keyId }
          }
          const signed = signer.sign(Seal.textOf(block))
          yield* asSuperuser(
            `INSERT INTO ${schema}.seal SELECT 5, 29, 29, sealed_at, partition, '${signer.keyId}', root, '${block.previous}',
               '${signed}', leaves FROM ${schema}.seal WHERE partition = ${p} AND number = 4`
          )
          const found = (yield* checked({ trusted: next.publicKey })).findings
          assert.deepStrictEqual(
            found.map(({ kind }) => kind),
            ["block-outlived", "leaves-changed", "event-changed"]
          )
        })
      )
    )

    it.effect("that have handed over twice are found out", () =>
      undone(
        Effect.gen(function* () {
          yield* recordHandOver(schema, handOver(signer, next))
          const { signatureFrom, signatureTo } = handOver(signer, other)
          yield* asSuperuser(
            `ALTER TABLE ${schema}.seal_key DROP CONSTRAINT seal_key_predecessor_key`,
            `INSERT INTO ${schema}.seal_key VALUES
               (now(), '${keyIdOf(other.publicKey)}', '${other.publicKey}', '${signer.keyId}', '${signatureFrom}', '${signatureTo}')`
          )
          assert.deepStrictEqual(foundBy(yield* checked()), [["key-forked", null, null, null]])
        })
      )
    )
  })

  describe("at the end", () => {
    it.effect("everything is sealed", () => Effect.asVoid(sealed))
  })
}
