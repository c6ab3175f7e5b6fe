/**
 * The contestants that need no peer, on a real PostgreSQL: what they acknowledge is stored, round after round.
 */

import * as PgClient from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as SqlClient from "effect/sql/SqlClient"
import { describe, expect, it } from "vitest"
import type { Start } from "../src/Contestant.ts"
import { start as startBareJournal } from "../src/commands/BareJournal.ts"
import { start as startBareLoop } from "../src/commands/BareLoop.ts"
import { start as startDaybook } from "../src/commands/Daybook.ts"
import { contest, type Run } from "../src/Harness.ts"
import { start as startPgBench } from "../src/limits/PgBench.ts"
import { openServer, type Server } from "../src/Server.ts"

const positionsIn = (url: string) =>
  Effect.runPromise(
    Effect.flatMap(SqlClient.SqlClient, (sql) =>
      sql.unsafe<Readonly<Record<"partition" | "events" | "least" | "most" | "head", number>>>(
        `SELECT partition, count(*)::integer AS events, min(position)::integer AS least, max(position)::integer AS most,
           max(p.head)::integer AS head
         FROM bare.event JOIN bare.partition p ON p.id = partition GROUP BY partition ORDER BY partition`
      )
    ).pipe(Effect.provide(PgClient.layer({ url: Redacted.make(url) })))
  )

process.env.DATABASE_URL_BENCH ??= process.env.DATABASE_URL

describe("contestants of the commands benchmark", () => {
  it.each<[string, Start, Record<string, string | number | boolean>]>([
    ["daybook at level 2", startDaybook, { persistence: "state", keys: true }],
    ["daybook at level 3", startDaybook, { persistence: "events", keys: false }],
    ["the bare loop", startBareLoop, { lanes: 2 }],
    ["the bare journal", startBareJournal, { partitions: 2 }]
  ])("%s stores one event for each command it acknowledges", async (_, start, settings) => {
    await using server = await openServer()
    const contestant = await start(await server.database("contestant"), settings)
    try {
      const first = await contestant.round({ callers: 8, seconds: 0.2 })
      const second = await contestant.round({ callers: 8, seconds: 0.2 })
      expect(first.commands).toBeGreaterThan(0)
      expect(await contestant.stored()).toBe(first.commands! + second.commands!)
      expect(first.p50Millis).toBeLessThanOrEqual(first.p95Millis!)
    } finally {
      await contestant.close()
    }
  })

  it("include pgbench, which stores one row for each transaction it counts", async () => {
    await using server = await openServer()
    const contestant = await startPgBench(await server.database("pgbench"), { threads: 1 })
    try {
      const { commands, meanMillis } = await contestant.round({ callers: 4, seconds: 1 })
      expect(commands).toBeGreaterThan(0)
      expect(await contestant.stored()).toBe(commands)
      expect(meanMillis).toBeGreaterThan(0)
    } finally {
      await contestant.close()
    }
  })

  it("give the bare journal Daybook's guarantee: positions without gaps in every partition", async () => {
    await using server = await openServer()
    const url = await server.database("journal")
    const contestant = await startBareJournal(url, { partitions: 2 })
    const { commands } = await contestant.round({ callers: 8, seconds: 0.2 })
    await contestant.close()
    const rows = await positionsIn(url)
    expect(rows.map(({ partition }) => partition)).toEqual([0, 1])
    expect(rows.reduce((sum, { events }) => sum + events, 0)).toBe(commands)
    for (const { events, least, most, head } of rows) expect([least, most, head]).toEqual([1, events, events])
  })

  it("run on a server that does not forget what it acknowledged", async () => {
    await using server = await openServer()
    expect(server.describe.fsync).toBe("on")
    expect(server.describe.synchronous_commit).toBe("on")
  })
})

describe("a contest", () => {
  const run = (server: Server): Run => ({
    benchmark: "commands",
    options: { callers: 8, rounds: 1, seconds: 0.3, short: true },
    server,
    say: () => {}
  })

  it("runs an entry with every number of callers that it has, and quotes the first", async () => {
    await using server = await openServer()
    const { bareLoop } = await contest(run(server), [
      { name: "bareLoop", contestant: "bareLoop", candidates: [{ lanes: 1 }], callers: [8, 2] }
    ])
    expect(Object.keys(bareLoop.roundsAt)).toEqual(["2", "8"])
    expect(bareLoop.rounds).toEqual(bareLoop.roundsAt[8])
    expect(bareLoop.roundsAt[2]![0]!.commands).toBeGreaterThan(0)
  })

  it("counts the server's processor time where it can be read", async () => {
    await using server = await openServer()
    const { bareLoop } = await contest(run(server), [
      { name: "bareLoop", contestant: "bareLoop", candidates: [{ lanes: 1 }] }
    ])
    const [round] = bareLoop.rounds
    if (server.cpuMicros() === undefined) expect(round).not.toHaveProperty("serverCpuMicrosPerCommand")
    else expect(round!.serverCpuMicrosPerCommand).toBeGreaterThan(0)
  })
})
