/**
 * Sealing: blocks without gaps, whoever seals and whenever; never over a hole; and what is removed on purpose is on record.
 */
import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Journal } from "@daybook/core/Journal"
import * as Merkle from "@daybook/core/Merkle"
import * as Seal from "@daybook/core/Seal"
import { readRange } from "@daybook/postgres/RawEvents"
import { recordHandOver } from "@daybook/postgres/SealAuthority"
import * as Sealer from "@daybook/postgres/Sealer"
import { handOver, hasSigned, SealKeys, type Signer, sha256 } from "@daybook/postgres/SealKeys"
import * as SealRows from "@daybook/postgres/SealRows"
import { verify } from "@daybook/postgres/SealVerification"
import * as SqlSeals from "@daybook/postgres/SqlSeals"
import { assert, describe, type Vitest } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import * as TestClock from "effect/testing/TestClock"
import { append, asSuperuser, newSigner, signer, streamIn, undone, withKey } from "./SealCases.ts"

/** Registers the cases. The schema is theirs, and has eight partitions; partition 0 holds 2,003 sealed events afterwards. */
export const sealing = (schema: string, it: Vitest.MethodsNonLive<Journal | SqlClient>): void => {
  const seal = (options?: SqlSeals.SealOptions) => withKey()(SqlSeals.seal(schema, options))
  const heads = (partition: number) => SealRows.readHeadsAfter(schema, partition, 0, 1_000)
  const remove = (partition: number, positions: ReadonlyArray<number>, reason = "pruned") =>
    withKey()(SqlSeals.recordRemoval(schema, { partition, positions, reason }))

  describe("sealing", () => {
    it.effect("makes blocks of a thousand at most, chained and signed, over every event", () =>
      Effect.gen(function* () {
        yield* append(streamIn(0), 2_003)
        assert.deepStrictEqual(yield* seal(), { blocks: 3, events: 2_003, stopped: [] })
        const found = yield* SealRows.readAfter(schema, 0, 0, 10)
        assert.deepStrictEqual(
          found.map(({ head }) => [head.number, head.first, head.last]),
          [
            [1, 1, 1_000],
            [2, 1_001, 2_000],
            [3, 2_001, 2_003]
          ]
        )
        let previous = Seal.noBlock
        for (const { head, leaves } of found) {
          const events = yield* readRange(schema, 0, { from: head.first, to: head.last })
          assert.strictEqual(head.root, SealRows.hexOf(Merkle.root(sha256, events.map(SealRows.leafOf))))
          assert.strictEqual(head.root, SealRows.hexOf(Merkle.root(sha256, SealRows.leavesOf(leaves))))
          assert.strictEqual(head.previous, previous)
          assert.isTrue(hasSigned(signer.publicKey, SealRows.textOfHead(head), head.signature))
          previous = SealRows.hashOfHead(head)
        }
        assert.strictEqual((yield* SqlSeals.sealedTo(schema))[0], 2_003)
      })
    )

    it.effect("has nothing to do the second time", () =>
      Effect.map(seal(), (outcome) => assert.deepStrictEqual(outcome, { blocks: 0, events: 0, stopped: [] }))
    )

    it.effect("waits for a block to fill up, for as long as it is told to", () =>
      undone(
        Effect.gen(function* () {
          yield* append(streamIn(0), 1_001)
          assert.strictEqual((yield* seal({ idleMillis: 3_600_000 })).events, 1_000)
          assert.strictEqual((yield* seal({ idleMillis: 3_600_000 })).events, 0)
          assert.strictEqual((yield* seal({ idleMillis: 0 })).events, 1)
        })
      )
    )

    it.effect("leaves what comes meanwhile for the next time", () =>
      undone(
        Effect.gen(function* () {
          const stream = streamIn(0)
          yield* append(stream, 1)
          const onBlock = () => Effect.asVoid(Effect.orDie(append(streamIn(0), 1)))
          const provided = Effect.provideContext(yield* Effect.context<Journal>())
          const outcome = yield* seal({ onBlock: () => provided(onBlock()) as Effect.Effect<void> })
          assert.strictEqual(outcome.events, 1)
        })
      )
    )

    it.effect("stops at a hole, says where, and goes on with the other partitions", () =>
      undone(
        Effect.gen(function* () {
          yield* append(streamIn(0), 3)
          yield* append(streamIn(5), 3)
          yield* asSuperuser(`DELETE FROM ${schema}.event WHERE partition = 0 AND position = 2005`)
          const { events, stopped } = yield* seal()
          assert.strictEqual(events, 3)
          assert.deepStrictEqual(
            stopped.map(({ partition, position }) => [partition, position]),
            [[0, 2_005]]
          )
          assert.match(stopped[0]!.message, /partition 0, position 2005: the event is missing/)
        })
      )
    )

    it.effect("does not go on from a block that is not what was signed", () =>
      undone(
        Effect.gen(function* () {
          yield* append(streamIn(0), 1)
          yield* asSuperuser(`UPDATE ${schema}.seal SET root = previous WHERE partition = 0 AND number = 3`)
          const { blocks, stopped } = yield* seal()
          assert.strictEqual(blocks, 0)
          assert.match(stopped[0]!.message, /block 3 is not what was signed/)
        })
      )
    )

    it.effect("stops, and does not try for ever, where a forged row is in the place of the next block", () =>
      undone(
        Effect.gen(function* () {
          yield* append(streamIn(0), 1)
          yield* asSuperuser(`UPDATE ${schema}.seal SET last_position = 2004 WHERE partition = 0 AND number = 1`)
          const { blocks, stopped } = yield* seal()
          assert.strictEqual(blocks, 0)
          assert.match(stopped[0]!.message, /position 2004: block 4 cannot be stored/)
        })
      )
    )

    it.effect("may be done by many at once: each block is sealed by one of them", () =>
      Effect.gen(function* () {
        yield* append(streamIn(3), 2_500)
        const outcomes = yield* Effect.all([seal(), seal(), seal()], { concurrency: "unbounded" })
        const sum = (field: "blocks" | "events") => outcomes.reduce((all, one) => all + one[field], 0)
        assert.deepStrictEqual([sum("blocks"), sum("events")], [3, 2_500])
        assert.deepStrictEqual(
          outcomes.flatMap(({ stopped }) => stopped),
          []
        )
        const report = yield* verify(schema, { publicKeys: [signer.publicKey] })
        assert.deepStrictEqual(report.findings, [])
        assert.strictEqual(report.unsealed, 0)
      })
    )

    it.effect("is refused to a key that nobody has handed over to", () =>
      undone(
        Effect.gen(function* () {
          yield* append(streamIn(0), 1)
          const other = newSigner()
          const error = yield* Effect.flip(withKey(other)(SqlSeals.seal(schema)))
          assert.strictEqual(error._tag, "OtherSealKey")
          assert.include(error.message, signer.keyId)
          assert.include(error.message, other.keyId)
          assert.include(error.message, "Put the file of that key back")
        })
      )
    )

    it.effect("goes on with the key that was handed over to, and not with the one before", () =>
      undone(
        Effect.gen(function* () {
          const next = newSigner()
          yield* recordHandOver(schema, handOver(signer, next))
          yield* recordHandOver(schema, handOver(signer, next))
          yield* append(streamIn(0), 1)
          const error = yield* Effect.flip(seal())
          assert.include(error.message, `it has handed over to ${next.keyId}`)
          assert.strictEqual((yield* withKey(next)(SqlSeals.seal(schema))).events, 1)
          assert.strictEqual((yield* heads(0)).at(-1)!.keyId, next.keyId)
          const twice = yield* Effect.flip(recordHandOver(schema, handOver(signer, newSigner())))
          assert.include((twice as Error).message, `it has handed over to ${next.keyId}`)
        })
      )
    )

    const nothingSealed = asSuperuser(`DELETE FROM ${schema}.seal`, `DELETE FROM ${schema}.seal_key`)

    it.effect("is not begun by a key that has handed over before anything was sealed here", () =>
      undone(
        Effect.gen(function* () {
          yield* nothingSealed
          const next = newSigner()
          yield* recordHandOver(schema, handOver(signer, next))
          assert.include((yield* Effect.flip(seal())).message, `it has handed over to ${next.keyId}`)
          assert.isAbove((yield* withKey(next)(SqlSeals.seal(schema))).blocks, 0)
          const { findings } = yield* verify(schema, { publicKeys: [signer.publicKey] })
          // What was removed of blocks that are gone is missed; no key is.
          assert.notInclude(findings.map(({ kind }) => kind).join(), "untrusted")
        })
      )
    )

    it.effect(
      "makes no new key where the file of the one that seals, here or elsewhere in the database, is missing",
      () =>
        undone(
          Effect.gen(function* () {
            const folder = yield* Effect.acquireRelease(
              Effect.sync(() => mkdtempSync(join(tmpdir(), "daybook-keys-"))),
              (made) => Effect.sync(() => rmSync(made, { recursive: true }))
            )
            const file = join(folder, "seal-key.pem")
            const refused = Effect.gen(function* () {
              const sealing = Effect.provide(SqlSeals.seal(schema), SealKeys.layerFile(file))
              const error = yield* Effect.flip(sealing)
              assert.strictEqual(error._tag, "SealKeyUnusable")
              assert.include(error.message, `${file}, is not there`)
              assert.include(error.message, "Put the file back")
              assert.deepStrictEqual(readdirSync(folder), [])
            })
            yield* append(streamIn(0), 1)
            yield* refused
            const elsewhere = `${schema}_elsewhere`
            yield* asSuperuser(
              `CREATE SCHEMA ${elsewhere}`,
              `CREATE TABLE ${elsewhere}.seal_removal (number bigint)`,
              `CREATE TABLE ${elsewhere}.seal_key AS SELECT * FROM ${schema}.seal_key`
            )
            yield* nothingSealed
            yield* refused
          }).pipe(Effect.scoped)
        )
    )

    it.effect("cannot be undone by mistake", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        for (const table of ["seal", "seal_key", "seal_removal"]) {
          const error = yield* Effect.flip(sql.unsafe(`DELETE FROM ${schema}.${table}`))
          assert.include(String((error.reason.cause as Error).message), "Seals are for ever")
        }
      })
    )
  })

  describe("in the background", () => {
    const said: Array<string> = []
    const listening = Logger.layer([Logger.make(({ message }) => void said.push(String(message)))])
    /** Runs a sealer at a turned clock, until it has come to something. */
    const beside = (key: Signer, check: Effect.Effect<boolean, SqlError, SqlClient>) =>
      Effect.gen(function* () {
        const sealer = yield* Effect.forkChild(withKey(key)(Sealer.run({ schema, idleMillis: 0 })))
        // By the database's own time it is done when it is done; each look takes another turn of the clock.
        yield* Effect.repeat(Effect.andThen(TestClock.adjust("10 seconds"), check), { until: (done) => done })
        yield* Fiber.interrupt(sealer)
      }).pipe(Effect.provide(Layer.merge(TestClock.layer(), listening)))

    it.effect("what comes is sealed", () =>
      undone(
        Effect.gen(function* () {
          const [before] = yield* SqlSeals.sealedTo(schema)
          yield* append(streamIn(0), 3)
          yield* beside(
            signer,
            Effect.map(SqlSeals.sealedTo(schema), (sealed) => sealed[0] === before! + 3)
          )
        })
      )
    )

    it.effect("what is in its way is said, and not again at every look", () =>
      undone(
        Effect.gen(function* () {
          yield* append(streamIn(0), 3)
          let looks = 0
          yield* beside(
            newSigner(),
            Effect.map(SqlSeals.sealedTo(schema), () => said.length > 0 && ++looks > 10)
          )
          assert.strictEqual(said.length, 1)
          assert.include(
            said[0],
            `${schema} is not being sealed, which is tried again: The seals of ${schema} are made with another key`
          )
        })
      )
    )
  })

  describe("removing events", () => {
    it.effect("is recorded by block, and adds up", () =>
      undone(
        Effect.gen(function* () {
          yield* remove(0, [2_001, 1, 1_000])
          yield* remove(0, [8])
          yield* remove(0, [9], "archived")
          const removals = yield* SealRows.readRemovals(schema, 0, 1, 3)
          assert.deepStrictEqual(
            removals.map(({ number, reason, removed }) => [number, reason, Seal.placesOf(removed)]),
            [
              [1, "archived", [8]],
              [1, "pruned", [0, 7, 999]],
              [3, "pruned", [0]]
            ]
          )
          const blocks = yield* heads(0)
          for (const removal of removals) {
            const text = SealRows.textOfRemoval(removal, SealRows.hashOfHead(blocks[removal.number - 1]!))
            assert.isTrue(hasSigned(signer.publicKey, text, removal.signature))
          }
        })
      )
    )

    it.effect("is refused for what is not sealed, and nothing is recorded", () =>
      undone(
        Effect.gen(function* () {
          yield* append(streamIn(0), 1)
          const sql = yield* SqlClient
          const error = yield* Effect.flip(sql.withTransaction(remove(0, [1, 2_004])))
          assert.strictEqual(error._tag, "CannotRemove")
          assert.include(error.message, `partition 0, position 2004 cannot be removed: it is not sealed yet`)
          assert.deepStrictEqual(yield* SealRows.readRemovals(schema, 0, 1, 3), [])
        })
      )
    )

    it.effect("is refused for what is gone, or is not what was sealed: tampering is not tidied away", () =>
      Effect.gen(function* () {
        const refused = (statement: string) =>
          undone(Effect.andThen(asSuperuser(statement), Effect.flip(remove(0, [7])))).pipe(Effect.map(String))
        const where = `partition = 0 AND position = 7`
        assert.include(
          yield* refused(`DELETE FROM ${schema}.event WHERE ${where}`),
          "position 7 cannot be removed: it is not there"
        )
        assert.include(yield* refused(`UPDATE ${schema}.event SET actor = 'x' WHERE ${where}`), "not what was sealed")
        assert.include(yield* refused(`UPDATE ${schema}.seal SET sealed_at = now()`), "block 1 is not what was signed")
        const forged = `INSERT INTO ${schema}.seal_removal (partition, number, reason, removed, removed_at, key_id, signature)
          VALUES (0, 1, 'pruned', 'ff', now(), '${signer.keyId}', 'AAAA')`
        assert.include(yield* refused(forged), "not what was signed")
      })
    )
  })
}
