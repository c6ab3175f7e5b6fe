/** Ten of the twenty rounds, with state stored at every command. The others are in a file of their own, to run beside. */
import { expect, it } from "vitest"
import { crash } from "./Crash.ts"

it("an embedded store keeps every acknowledged command through kill -9, at level 2", async () => {
  await expect(crash(2, 10)).resolves.toBeUndefined()
}, 300_000)
