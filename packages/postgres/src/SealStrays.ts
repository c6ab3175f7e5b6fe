/**
 * What a walk over a partition's positions does not come past: events where there can be none, streams that do not hold together,
 * keys that nobody vouches for. Part of `SealVerification`.
 */
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { Findings, Named } from "./SealFindings.ts"
import { keyIdOf, type Trusted } from "./SealKeys.ts"
import type { Keys, Sql } from "./SealRows.ts"

/** Events where there can be none, which no walk comes past. One statement, so that what is appended meanwhile is no stray. */
export const findStrays = (schema: string, findings: Findings): Sql<void> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const rows = yield* sql.unsafe<{ readonly partition: number; readonly first: number; readonly last: number }>(
      `SELECT e.partition, min(e.position)::float8 AS first, max(e.position)::float8 AS last
       FROM ${schema}.partition p JOIN ${schema}.event e ON e.partition = p.id AND e.position > p.head GROUP BY e.partition
       UNION ALL
       SELECT e.partition, min(e.position)::float8, max(e.position)::float8
       FROM ${schema}.partition p JOIN ${schema}.event e ON e.partition = p.id AND e.position < 1 GROUP BY e.partition
       UNION ALL
       SELECT e.partition, min(e.position)::float8, max(e.position)::float8 FROM ${schema}.event e
       WHERE e.partition < 0 OR e.partition > (SELECT max(id) FROM ${schema}.partition) GROUP BY e.partition`
    )
    for (const { partition, first, last } of rows) {
      findings.add("event-stray", { partition, first, last, block: null })
    }
    const records = yield* sql.unsafe<{ readonly partition: number; readonly number: number }>(
      `SELECT r.partition, r.number::float8 AS number FROM ${schema}.seal_removal r WHERE NOT EXISTS (
         SELECT FROM ${schema}.seal s WHERE s.partition = r.partition AND s.number = r.number) LIMIT 100`
    )
    for (const { partition, number } of records) {
      findings.add("removal-stray", { partition, first: null, last: null, block: number })
    }
  })

/** Findings of broken streams that are looked for at most. */
const mostBroken = 100

/** Versions that do not follow each other. Where the state is stored (levels 1 and 2) versions may have gone by without events. */
export const findBrokenStreams = (schema: string, findings: Findings): Sql<void> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const broken = yield* sql.unsafe<{ partition: number; position: number; stream: string; version: number }>(
      `SELECT partition, position::float8 AS position, stream, version FROM (
         SELECT partition, position, stream, version, lag(version) OVER w AS before, lag(position) OVER w AS position_before,
           lag(partition) OVER w AS partition_before
         FROM ${schema}.event WINDOW w AS (PARTITION BY stream ORDER BY version)
       ) e
       WHERE (version <> before + 1 AND NOT EXISTS (SELECT FROM ${schema}.state s WHERE s.stream = e.stream))
         OR position <= position_before OR partition <> partition_before
       ORDER BY partition, position LIMIT ${mostBroken}`
    )
    for (const { partition, position, stream, version } of broken) {
      const what = `version ${version} of ${stream}`
      const events = [{ position, stream, version }]
      findings.add("stream-broken", { partition, first: position, last: position, block: null, what, events })
    }
  })

/**
 * Which event is missing at a position, where its neighbours tell: only one stream lacks versions there. `undefined` where more do,
 * or none, as when it was its stream's last.
 */
export const whichIsMissing = (schema: string, partition: number, position: number): Sql<Named | undefined> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const [one, ...more] = yield* sql.unsafe<{
      readonly stream: string
      readonly before: number
      readonly version: number
    }>(
      `SELECT stream, before, version FROM (
         SELECT position, stream, version, coalesce(lag(version) OVER w, 0) AS before,
           coalesce(lag(position) OVER w, 0) AS position_before
         FROM ${schema}.event WHERE partition = $1::text::smallint WINDOW w AS (PARTITION BY stream ORDER BY version)
       ) e
       WHERE version > before + 1 AND position > $2::text::bigint AND position_before < $2::text::bigint LIMIT 2`,
      [String(partition), String(position)]
    )
    if (one === undefined || more.length > 0) return undefined
    const { stream, before, version } = one
    return { position, stream, version: version === before + 2 ? before + 1 : null }
  })

/** How many events are missing at the beginnings of streams, by partition. Again, not where the state is stored. */
export const missingBeginnings = (
  schema: string
): Sql<ReadonlyArray<{ readonly partition: number; readonly missing: number }>> =>
  Effect.flatMap(SqlClient, (sql) =>
    sql.unsafe(
      `SELECT partition, sum(first - 1)::float8 AS missing FROM (
         SELECT min(partition) AS partition, stream, min(version) AS first FROM ${schema}.event GROUP BY stream
       ) e WHERE first > 1 AND NOT EXISTS (SELECT FROM ${schema}.state s WHERE s.stream = e.stream)
       GROUP BY partition ORDER BY partition`
    )
  )

/** Keys that nobody trusted has handed over to, and keys that have handed over more than once. */
export const findKeys = (keys: Keys, trusted: Trusted, findings: Findings): void => {
  const nowhere = { partition: null, first: null, last: null, block: null }
  for (const key of keys.keys) {
    if (!trusted.has(keyIdOf(key))) findings.add("key-untrusted", { ...nowhere, what: `key ${keyIdOf(key)}` })
  }
  // A key that seals here and has handed over once here and once elsewhere, too.
  const from = keys.handOvers.map((one) => one.from).filter((one) => keys.keys.includes(one))
  for (const key of new Set(from.filter((one, i) => from.indexOf(one) !== i))) {
    findings.add("key-forked", { ...nowhere, what: `key ${keyIdOf(key)}` })
  }
}
