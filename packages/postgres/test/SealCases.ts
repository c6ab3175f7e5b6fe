/**
 * What the seals' cases are made of: a journal with some sealed events, and statements that a database's owner could run.
 */
import { type Append, Journal } from "@daybook/core/Journal"
import * as Partition from "@daybook/core/Partition"
import * as SealKeys from "@daybook/postgres/SealKeys"
import { uuidV7Unsafe } from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"

/** A key of its own. */
export const newSigner = (): SealKeys.Signer => SealKeys.signerOfPem(SealKeys.newPem())

/** The key of the cases. */
export const signer = newSigner()

/** Provides a key. */
export const withKey = (key: SealKeys.Signer = signer) => Effect.provide(SealKeys.SealKeys.layerOf(key))

let streams = 0

/** The name of a stream that belongs to a partition of eight. */
export const streamIn = (partition: number): string => {
  while (true) {
    const id = `s${++streams}`
    if (Partition.ofId(id, 8) === partition) return Partition.streamOf("note", id)
  }
}

const newEvent = (n: number): Append["events"][number] => ({
  eventId: uuidV7Unsafe(),
  type: "Noted",
  schemaVersion: 1,
  data: { n, text: "ä" },
  occurredAtMillis: 1_700_000_000_000 + n,
  actor: "somebody",
  reason: "because",
  commandId: `k${n}`,
  correlationId: "c",
  causationId: "d",
  traceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
  tenant: "t"
})

/** Appends events to a stream, from the version after a given one. */
export const append = (stream: string, events: number, after = 0) =>
  Effect.flatMap(Journal, (journal) =>
    journal.append([
      {
        stream,
        partition: Partition.ofId(Partition.idOf(stream), journal.partitions),
        expectedVersion: after,
        events: Array.from({ length: events }, (_, i) => newEvent(after + i + 1)),
        receipts: [],
        state: null,
        keepEvents: true
      }
    ])
  )

/** Runs statements as nobody may: with every trigger disabled. */
export const asSuperuser = (...statements: ReadonlyArray<string>) =>
  Effect.flatMap(SqlClient, (sql) =>
    Effect.forEach(["SET LOCAL session_replication_role = replica", ...statements], (one) => sql.unsafe(one), {
      discard: true
    })
  )

/** Runs work in a transaction that is rolled back, whatever comes of it. */
export const undone = <A, E, R>(work: Effect.Effect<A, E, R>) =>
  Effect.flatMap(SqlClient, (sql) => {
    const kept: Array<A> = []
    const failing = Effect.flatMap(work, (result) => {
      kept.push(result)
      return Effect.fail("undone" as const)
    })
    return sql.withTransaction(failing).pipe(
      Effect.catchIf(
        (error): error is "undone" => error === "undone",
        () => Effect.void
      ),
      Effect.map(() => kept[0]!)
    )
  })
