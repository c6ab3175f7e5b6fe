/**
 * What a script relies on when it runs a command through `infra/`: its exit code, its environment, and that an
 * interruption reaches it.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { expect, test } from "vitest"
import { runBeside } from "../src/Command.ts"

const node = process.execPath

test("the exit code is the command's", async () => {
  expect(await runBeside({}, node, ["-e", "process.exit(7)"])).toBe(7)
})

test("a command ended by a signal exits as a shell says it", async () => {
  expect(await runBeside({}, node, ["-e", "process.kill(process.pid, 'SIGKILL')"])).toBe(137)
})

test("the variables are added to the environment", async () => {
  const script = "process.exit(process.env.DATABASE_URL === 'postgres://here' && process.env.PATH ? 0 : 1)"
  expect(await runBeside({ DATABASE_URL: "postgres://here" }, node, ["-e", script])).toBe(0)
})

test("a missing program is named", async () => {
  await expect(runBeside({}, "no-such-program", [])).rejects.toThrow("no-such-program could not be run")
})

test("SIGTERM is passed on, and the command's own answer to it is kept", async () => {
  const command = join(import.meta.dirname, "../src/Command.ts")
  const waiting = `process.on("SIGTERM", () => process.exit(9)); setInterval(() => {}, 1000); console.log("ready")`
  const script = `
    import { runBeside } from ${JSON.stringify(command)}
    process.exitCode = await runBeside({}, process.execPath, ["-e", ${JSON.stringify(waiting)}])`
  const outer = spawn(node, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] })
  await once(outer.stdout, "data")
  outer.kill("SIGTERM")
  expect(await once(outer, "exit")).toEqual([9, null])
})

/** A program that is told of a signal, and takes as long as `finish` does to end. */
const endingBy = (finish: string) => {
  const command = join(import.meta.dirname, "../src/Command.ts")
  const script = `
    import { exitOnSignal } from ${JSON.stringify(command)}
    exitOnSignal(async () => { ${finish} })
    setInterval(() => {}, 1000)
    console.log("ready")`
  return spawn(node, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "pipe"] })
}

test("a signal ends a process when what it has begun is finished, also where that fails", async () => {
  const program = endingBy(`console.log("finishing"); await null; throw new Error("not finished")`)
  let said = ""
  for (const output of [program.stdout, program.stderr]) output.setEncoding("utf8").on("data", (text) => (said += text))
  await once(program.stdout, "data")
  program.kill("SIGINT")
  expect(await once(program, "close")).toEqual([130, null])
  expect(said).toBe("ready\nfinishing\nError: not finished\n")
})

test("a signal that comes twice at once counts once, and those that go on coming end a process where it is", async () => {
  const program = endingBy(`process.kill(process.pid, "SIGINT"); console.log("finishing"); await new Promise(() => {})`)
  let said = ""
  program.stdout.setEncoding("utf8").on("data", (text) => {
    said += text
  })
  const closed = once(program, "close")
  await once(program.stdout, "data")
  const ended = () => {
    program.kill("SIGINT")
    return program.exitCode
  }
  // Long before it would be ended for taking too long.
  await expect.poll(ended, { timeout: 5_000 }).toBe(130)
  await closed
  expect(said).toBe("ready\nfinishing\n")
})
