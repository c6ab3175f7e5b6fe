/**
 * The memory of idle entities, on a real PostgreSQL: all of them are there, what they acknowledged is stored, and each takes as little
 * as is promised.
 */
import { expect, it } from "vitest"
import { openServer } from "../src/Server.ts"
import { start } from "../src/startup/IdleEntities.ts"

process.env.DATABASE_URL_BENCH ??= process.env.DATABASE_URL

it("an idle entity takes less than 4 kB beyond its state", async () => {
  await using server = await openServer()
  const contestant = await start(await server.database("entities"), { entities: 3_000 })
  try {
    const { commands, stateBytes, entityBytes } = await contestant.round({ callers: 1, seconds: 1 })
    expect(await contestant.stored()).toBe(commands)
    expect(stateBytes).toBeGreaterThan(100)
    expect(entityBytes).toBeGreaterThan(0)
    expect(entityBytes).toBeLessThan(4_000)
  } finally {
    await contestant.close()
  }
})
