/**
 * What `startup` relies on when it starts programs: their processor time is all of it, and nothing of them is left.
 */
import { once } from "node:events"
import { describe, expect, it } from "vitest"
import { launch } from "../src/startup/Launch.ts"

/** Takes 0.2 s of processor time, says its own id, and waits to be ended. */
const working = `while (process.cpuUsage().user < 200_000);
  process.on("SIGTERM", () => { process.exit() });
  setInterval(() => {}, 60_000);
  console.log(process.pid)`

/** Behind a shell, as npm starts programs. */
const behindShell = async () => {
  let said = ""
  const launched = await launch({
    command: "sh",
    args: ["-c", `"$0" --eval "$1"; true`, process.execPath, working],
    ready: async (output) => {
      const [text] = await once(output, "data")
      said = String(text)
    }
  })
  return { ...launched, pid: Number(said) }
}

const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe("a program that is launched", () => {
  it.each(["SIGTERM", "SIGKILL"] as const)(
    "counts with what it has started, and all of it ends with %s",
    async (signal) => {
      const { cpuSeconds, seconds, pid, end } = await behindShell()
      expect(cpuSeconds).toBeGreaterThanOrEqual(0.2)
      expect(seconds).toBeGreaterThan(0)
      expect(isRunning(pid)).toBe(true)
      await end(signal)
      expect(isRunning(pid)).toBe(false)
    }
  )

  it("says why it ended before it was ready", async () => {
    const broken = { command: process.execPath, args: ["--eval", "throw new Error('no such folder')"] }
    await expect(launch({ ...broken, ready: () => new Promise(() => {}) })).rejects.toThrow(
      /ended before it was ready: .*no such folder/su
    )
  })

  it("gets nothing of the environment that would change what is measured", async () => {
    process.env.DATABASE_URL_OF_ANOTHER = "postgres://elsewhere"
    let said = ""
    const { end } = await launch({
      command: process.execPath,
      args: ["--eval", "console.log(JSON.stringify(process.env)); setInterval(() => {}, 60_000)"],
      environment: { PORT: "3999" },
      ready: async (output) => {
        const [text] = await once(output, "data")
        said = String(text)
      }
    })
    await end("SIGKILL")
    delete process.env.DATABASE_URL_OF_ANOTHER
    expect(JSON.parse(said)).toMatchObject({ PORT: "3999", PATH: process.env.PATH })
    expect(said).not.toContain("elsewhere")
  })
})
