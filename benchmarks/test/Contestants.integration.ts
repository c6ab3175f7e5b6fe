/**
 * The contestants that need no peer, on a real PostgreSQL: what they acknowledge is stored, round after round.
 */
import { describe, expect, it } from "vitest"
import type { Start } from "../src/Contestant.ts"
import { start as startBareLoop } from "../src/commands/BareLoop.ts"
import { start as startDaybook } from "../src/commands/Daybook.ts"
import { openServer } from "../src/Server.ts"

process.env.DATABASE_URL_BENCH ??= process.env.DATABASE_URL

describe("contestants of the commands benchmark", () => {
  it.each<[string, Start, Record<string, string | number | boolean>]>([
    ["daybook at level 2", startDaybook, { persistence: "state", keys: true }],
    ["daybook at level 3", startDaybook, { persistence: "events", keys: false }],
    ["the bare loop", startBareLoop, { lanes: 2 }]
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

  it("run on a server that does not forget what it acknowledged", async () => {
    await using server = await openServer()
    expect(server.describe.fsync).toBe("on")
    expect(server.describe.synchronous_commit).toBe("on")
  })
})
