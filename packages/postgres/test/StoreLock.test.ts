/**
 * The lock on an embedded store: one process at a time, whatever became of the one before.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as StoreLock from "@daybook/postgres/StoreLock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { afterEach, beforeEach, describe, expect, it } from "vitest"

let folder: string
const children: Array<ChildProcess> = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "daybook-lock-"))
})

afterEach(async () => {
  for (const child of children.splice(0)) await kill(child)
  rmSync(folder, { recursive: true, force: true })
})

const kill = async (child: ChildProcess) => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, "exit")
  child.kill("SIGKILL")
  await exited
}

const program = new URL("./StoreLockHolder.ts", import.meta.url).pathname

/** A process that tries to take the lock, and what it said about it. */
const contender = async (time = 0) => {
  const child = spawn(process.execPath, [program, folder, String(time)], { stdio: ["ignore", "pipe", "inherit"] })
  children.push(child)
  const [said] = await once(child.stdout.setEncoding("utf8"), "data")
  return { child, said: String(said).trim() }
}

/** Takes the lock in this process; answers how to give it back, or the failure. */
const take = async () => {
  const scope = Effect.runSync(Scope.make())
  const exit = await Effect.runPromiseExit(Scope.provide(StoreLock.hold(folder), scope))
  if (Exit.isSuccess(exit)) return () => Effect.runPromise(Scope.close(scope, Exit.void))
  throw await Effect.runPromise(Effect.flip(exit))
}

describe("the lock on a store", () => {
  it("is refused while a process has it, and the refusal names that process", async () => {
    const { child, said } = await contender()
    expect(said).toBe("held")
    const detail =
      `Process ${child.pid} (${program} ${folder} 0) holds the embedded store in ${folder}. Stop it first, choose another ` +
      "folder with DAYBOOK_HOME, or use a PostgreSQL server with DATABASE_URL, which many processes may share."
    await expect(take()).rejects.toMatchObject({ _tag: "StoreHeld", folder, pid: child.pid, detail })
  })

  it("is refused within one process too, and free again once given back", async () => {
    const giveBack = await take()
    await expect(take()).rejects.toMatchObject({ _tag: "StoreHeld", pid: process.pid })
    await giveBack()
    expect(existsSync(join(folder, "lock.json"))).toBe(false)
    await (await take())()
  })

  it("goes with a process that is killed", async () => {
    const { child } = await contender()
    await kill(child)
    expect(JSON.parse(readFileSync(join(folder, "lock.json"), "utf8"))).toMatchObject({ pid: child.pid })
    const giveBack = await take()
    expect(JSON.parse(readFileSync(join(folder, "lock.json"), "utf8"))).toMatchObject({ pid: process.pid })
    await giveBack()
  })

  it.each(["", '{"pid":', '{"pid":1,"command":"init"}', "null"])(
    "does not hang on what is in the note %j",
    async (note) => {
      writeFileSync(join(folder, "lock.json"), note)
      await (await take())()
      const { said } = await contender()
      expect(said).toBe("held")
      writeFileSync(join(folder, "lock.json"), '{"pid":')
      await expect(take()).rejects.toMatchObject({
        _tag: "StoreHeld",
        pid: 0,
        detail: expect.stringMatching(/^Another process/)
      })
    }
  )

  it("goes to exactly one of several processes that try at once, also where one was killed before", async () => {
    for (let round = 0; round < 3; round++) {
      const time = Date.now() + 1_500
      const contenders = await Promise.all(Array.from({ length: 4 }, () => contender(time)))
      expect(contenders.map(({ said }) => said).sort()).toEqual(["StoreHeld", "StoreHeld", "StoreHeld", "held"])
      for (const { child } of contenders) await kill(child)
    }
  })

  it("cannot be taken in a folder that is none", async () => {
    rmSync(folder, { recursive: true })
    writeFileSync(folder, "")
    await expect(take()).rejects.toMatchObject({ _tag: "CannotLock" })
  })
})
