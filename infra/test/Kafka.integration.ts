/**
 * What tests and benchmarks rely on: a real Kafka of their own, which comes back with its data and leaves nothing behind.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, test } from "vitest"
import { startKafka } from "../src/Kafka.ts"

const listens = async (address: string): Promise<boolean> => {
  const [host, port] = address.split(":")
  const socket = connect({ host: host!, port: Number(port) })
  const outcome = await Promise.race([
    once(socket, "connect").then(() => true),
    once(socket, "close").then(() => false)
  ]).catch(() => false)
  socket.destroy()
  return outcome
}

test("a server is there until it is stopped, also after a crash", async () => {
  const kafka = await startKafka()
  expect(await listens(kafka.brokers)).toBe(true)
  await kafka.crash()
  expect(await listens(kafka.brokers)).toBe(false)
  await kafka.recover()
  expect(await listens(kafka.brokers)).toBe(true)
  await Promise.all([kafka.stop(), kafka.stop()])
  expect(await listens(kafka.brokers)).toBe(false)
})

test("a refused setting fails with the server's own words", async () => {
  await expect(startKafka({ settings: { "log.retention.bytes": "many" } })).rejects.toThrow("log.retention.bytes")
})

test("a command sees the server, its exit code is passed on, nothing is left", async () => {
  const temporary = mkdtempSync(join(tmpdir(), "infra-test-"))
  const main = join(import.meta.dirname, "../src/main.ts")
  const child = spawn(process.execPath, [main, "kafka", "--", "sh", "-c", 'echo "$KAFKA_BROKERS"; exit 3'], {
    env: { ...process.env, TMPDIR: temporary, DAYBOOK_TEST_KAFKA_BROKERS: undefined },
    stdio: ["ignore", "pipe", "inherit"]
  })
  const [brokers] = await once(child.stdout, "data")
  expect(String(brokers)).toMatch(/^127\.0\.0\.1:\d+\n$/)
  expect(await once(child, "exit")).toEqual([3, null])
  expect(readdirSync(temporary)).toEqual([])
  rmSync(temporary, { recursive: true })
})
