/** Ten of the twenty rounds, with events and snapshots. The others are in a file of their own, to run beside. */
import { expect, it } from "vitest"
import { crash } from "./Crash.ts"

it("an embedded store keeps every acknowledged command through kill -9, at level 3", async () => {
  await expect(crash(3, 10)).resolves.toBeUndefined()
}, 300_000)
