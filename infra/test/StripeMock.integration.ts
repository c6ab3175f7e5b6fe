/**
 * What tests of the Stripe adapter rely on: Stripe's own mock, built where it is missing, there until it is stopped.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { expect, test } from "vitest"
import { startStripeMock } from "../src/StripeMock.ts"

const balance = (url: string): Promise<number> =>
  fetch(`${url}/v1/balance`, { headers: { authorization: "Bearer sk_test_123" } }).then(
    ({ status }) => status,
    () => 0
  )

test("a server answers until it is stopped, and two are two", async () => {
  const [one, other] = [await startStripeMock(), await startStripeMock()]
  expect([await balance(one.url), await balance(other.url)]).toEqual([200, 200])
  await Promise.all([one.stop(), one.stop()])
  expect([await balance(one.url), await balance(other.url)]).toEqual([0, 200])
  await other.stop()
})

const main = join(import.meta.dirname, "../src/main.ts")

/** What a command beside the server finds in `STRIPE_MOCK_URL`, and how it ends. */
const beside = async (own: string | undefined) => {
  const child = spawn(process.execPath, [main, "stripe-mock", "--", "sh", "-c", 'echo "$STRIPE_MOCK_URL"; exit 3'], {
    env: { ...process.env, STRIPE_MOCK_URL: own },
    stdio: ["ignore", "pipe", "inherit"]
  })
  const exited = once(child, "exit")
  const [url] = await once(child.stdout, "data")
  return { url: String(url).trim(), exit: await exited }
}

test("a command sees the server, its exit code is passed on, and the server ends with it", async () => {
  const { url, exit } = await beside(undefined)
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  expect(exit).toEqual([3, null])
  expect(await balance(url)).toBe(0)
})

test("a server of one's own is used instead", async () => {
  expect(await beside("http://127.0.0.1:9")).toEqual({ url: "http://127.0.0.1:9", exit: [3, null] })
})
