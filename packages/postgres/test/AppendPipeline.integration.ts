/** What a journal relies on in its connection to a server: one behind the other, and nobody waits behind what was given up. */
import * as AppendPipeline from "@daybook/postgres/AppendPipeline"
import * as Database from "@daybook/postgres/Database"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { SqlClient } from "effect/sql/SqlClient"
import { serverUrl } from "./Stores.ts"

const processOf = (send: AppendPipeline.Send) =>
  Effect.map(send<{ readonly pid: number }>("SELECT pg_backend_pid() AS pid", []), ([row]) => row!.pid)

/** Asks over and over; the test's own time limit ends it. */
const until = (text: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    while ((yield* sql.unsafe(text)).length === 0) yield* Effect.yieldNow
  })

const isRunning = (pid: number) => `SELECT 1 FROM pg_stat_activity WHERE pid = ${pid} AND state = 'active'`
const hasEnded = (pid: number) => `SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE pid = ${pid})`

layer(Database.layer({ url: serverUrl(), answerMillis: 300 }), { timeout: 30_000 })("a journal's connection", (it) => {
  it.effect("is one for all that is sent, and answers in the order in which it was sent", () =>
    Effect.gen(function* () {
      const send = yield* AppendPipeline.make
      const answered: Array<string> = []
      const ask = (name: string, text: string) =>
        Effect.tap(send<{ readonly pid: number }>(text, []), () => Effect.sync(() => answered.push(name)))
      const rows = yield* Effect.all(
        [
          ask("slow", "SELECT pg_backend_pid() AS pid FROM pg_sleep(0.05)"),
          ask("quick", "SELECT pg_backend_pid() AS pid")
        ],
        { concurrency: "unbounded" }
      )
      assert.strictEqual(new Set(rows.map(([row]) => row!.pid)).size, 1)
      assert.deepStrictEqual(answered, ["slow", "quick"])
    })
  )

  it.effect("is left to a statement that is given up, which the server ends by itself", () =>
    Effect.gen(function* () {
      const send = yield* AppendPipeline.make
      const first = yield* processOf(send)
      const stuck = yield* Effect.forkChild(send("SELECT pg_sleep(120)", []))
      yield* until(isRunning(first))
      yield* Fiber.interrupt(stuck)
      assert.notStrictEqual(yield* processOf(send), first)
      yield* until(hasEnded(first))
    })
  )

  it.effect("goes on after a statement that fails", () =>
    Effect.gen(function* () {
      const send = yield* AppendPipeline.make
      const first = yield* processOf(send)
      const [failed, pid] = yield* Effect.all([Effect.flip(send("SELECT 1 / 0", [])), processOf(send)], {
        concurrency: "unbounded"
      })
      assert.strictEqual(failed._tag, "SqlError")
      assert.strictEqual(pid, first)
    })
  )
})
