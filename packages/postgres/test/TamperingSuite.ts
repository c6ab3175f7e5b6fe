/**
 * Whatever the owner of the database does to a sealed journal, triggers disabled, is found and named with partition and position.
 * Each case tampers in a transaction that is rolled back. Run on PGlite and on PostgreSQL.
 */
import type { Journal } from "@daybook/core/Journal"
import * as Seal from "@daybook/core/Seal"
import { readRange } from "@daybook/postgres/RawEvents"
import { headsOf, type SignedAnchor, signAnchor } from "@daybook/postgres/SealAnchors"
import { recordHandOver } from "@daybook/postgres/SealAuthority"
import { handOver, keyIdOf, type Signer } from "@daybook/postgres/SealKeys"
import { type Head, hashOfHead, readHeadsAfter } from "@daybook/postgres/SealRows"
import { type Report, verify } from "@daybook/postgres/SealVerification"
import * as SqlSeals from "@daybook/postgres/SqlSeals"
import { assert, describe, type Vitest } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import { append, asSuperuser, newSigner, signer, streamIn, undone, withKey } from "./SealCases.ts"
import { cases, type Expected, filled, p, renumber, where } from "./TamperingCases.ts"

const blockOf = ({ signature: _, ...block }: Head): Seal.Block => block

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
        ...filled(renumber(3, -2), { schema, other }),
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
    for (const { name, tamper, found } of cases) {
      it.effect(name, () =>
        undone(
          Effect.gen(function* () {
            yield* asSuperuser(...filled(tamper, { schema, other }))
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

    it.effect("by the service's name, and by stream and version where the row or its neighbours tell them", () =>
      Effect.gen(function* () {
        const [b, a] = (yield* readRange(schema, p, { from: 3, to: 4 })).map(({ stream }) => stream) as [string, string]
        const details = (...statements: ReadonlyArray<string>) =>
          undone(
            Effect.gen(function* () {
              yield* asSuperuser(...statements)
              const { findings } = yield* verify(schema, { publicKeys: [signer.publicKey], service: "notes" })
              return findings.filter(({ kind }) => !kind.startsWith("stream-"))
            })
          )
        const gone = (...positions: ReadonlyArray<number>) =>
          `DELETE FROM ${event} WHERE partition = ${p} AND position IN (${positions})`
        const [changed] = yield* details(`UPDATE ${event} SET actor = 'x' WHERE ${where(5)}`)
        assert.deepInclude(changed, { service: "notes", schema, events: [{ position: 5, stream: a, version: 2 }] })
        assert.strictEqual(
          changed!.detail,
          `notes, partition ${p}, position 5 (block 1), version 2 of ${a}: what is there is not what was sealed`
        )
        const many = yield* details(`UPDATE ${event} SET actor = 'x' WHERE partition = ${p}`)
        assert.include(
          many[0]!.detail,
          `positions 3 to 12 (block 1), version 3 of ${b}, version 1 of ${a}, version 2 of ${a} and others: what`
        )
        assert.deepStrictEqual((yield* details(gone(14)))[0]!.events, [{ position: 14, stream: b, version: 5 }])
        const [both] = yield* details(gone(14, 15))
        assert.include(both!.detail, `positions 14 to 15 (block 2), of ${b}: is missing`)
        const [last] = yield* details(gone(24))
        assert.notProperty(last, "events")
        assert.include(last!.detail, "position 24 (block 3): is missing")
      })
    )

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

    it.effect("that were handed over to are trusted, whichever journal knows of that, and the anchors of either", () =>
      undone(
        Effect.gen(function* () {
          const handOvers = [handOver(signer, next)]
          const later = yield* signAnchor(yield* headsOf(schema), next)
          const told = { publicKeys: [next.publicKey], handOvers, anchor }
          assert.deepStrictEqual((yield* verify(schema, told)).findings, [])
          assert.include(foundBy(yield* checked({ anchor: later })).flat(), "anchor-untrusted")
          assert.deepStrictEqual(
            (yield* verify(schema, { publicKeys: [signer.publicKey], handOvers, anchor: later })).findings,
            []
          )
          const forged = [{ ...handOvers[0]!, signatureFrom: handOvers[0]!.signatureTo }]
          const untrusted = yield* verify(schema, { publicKeys: [signer.publicKey], handOvers: forged, anchor: later })
          assert.deepStrictEqual(foundBy(untrusted), [["anchor-untrusted", null, null, null]])
          yield* recordHandOver(schema, handOver(signer, other))
          const forked = yield* verify(schema, { publicKeys: [signer.publicKey], handOvers })
          assert.deepStrictEqual(foundBy(forked), [["key-forked", null, null, null]])
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
