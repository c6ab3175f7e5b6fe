/**
 * What load balancers and impatient clients rely on: a shop that is starting refuses, or says that it is; it never leaves a request
 * without an answer.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { afterEach, beforeEach, expect, it } from "vitest"
import { freePort, start } from "./Process.ts"

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "daybook-starting-"))
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

it("every request is answered from the first on", async () => {
  const port = await freePort()
  const running = start({ DAYBOOK_HOME: join(folder, "store"), PORT: port })
  const answers: Array<Promise<number | "refused">> = []
  let isReady = false
  const ready = running.ready.finally(() => {
    isReady = true
  })
  while (!isReady) {
    const answer = fetch(`http://127.0.0.1:${port}/health/live`, { signal: AbortSignal.timeout(60_000) })
    answers.push(
      answer.then(
        ({ status }) => status,
        (error: Error) => {
          // A request that nobody answers ends in the time-out.
          if (error.name === "TimeoutError") throw error
          return "refused"
        }
      )
    )
    await sleep(20)
  }
  await ready
  const seen = new Set(await Promise.all(answers))
  for (const answer of seen) expect(["refused", 503, 200]).toContain(answer)
  expect((await fetch(`http://127.0.0.1:${port}/health/live`)).status).toBe(200)
  running.child.kill("SIGTERM")
  expect(await running.exited).toMatchObject({ code: 0 })
})
