/** The shop as a process of its own, for tests of starting and stopping it. */
import { spawn } from "node:child_process"
import { freePort as anyFreePort } from "@daybook/infra/FreePort"
import { expect } from "vitest"

const main = new URL("../src/main.ts", import.meta.url).pathname

/** A shop in a process of its own. `exited` has its exit code and all that it printed. */
export const start = (settings: Readonly<Record<string, string>>, args: ReadonlyArray<string> = []) => {
  // Nor the template of tests: a first start makes its store as users' do. Nor what this machine has set for other programs.
  const { DATABASE_URL, PGLITE_TEMPLATE, KAFKA_BROKERS, STRIPE_API_KEY, AWS_ACCESS_KEY_ID, ...environment } =
    process.env
  const child = spawn(process.execPath, [main, ...args], { env: { ...environment, ...settings }, stdio: "pipe" })
  let output = ""
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      output += text
    })
  }
  const exited = new Promise<{ code: number | null; output: string }>((resolve) =>
    child.once("close", (code) => resolve({ code, output }))
  )
  const ready = new Promise<void>((resolve, reject) => {
    child.stdout.on("data", () => output.includes("is ready") && resolve())
    void exited.then(() => reject(new Error(`The shop ended: ${output}`)))
  })
  // Whoever waits for its end alone need not hear that it was never ready.
  ready.catch(() => {})
  return { child, ready, exited }
}

/** A port that was free a moment ago, as settings have it. */
export const freePort = async (): Promise<string> => String(await anyFreePort())

/** Holds a shop that could not start to have said so in one line with these words, and without a password. */
export const expectFailure = (
  { code, output }: { readonly code: number | null; readonly output: string },
  words: ReadonlyArray<string>
): void => {
  expect(code, output).toBe(1)
  expect(output).toMatch(/^The shop cannot start: .+\n$/u)
  for (const word of words) expect(output).toContain(word)
  expect(output).not.toContain("s3cret")
}
