/**
 * Starting and stopping the shop as a process: what it says when it cannot start, and that it answers before it goes.
 */
import type { ChildProcess } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { expectFailure, freePort, start } from "./Process.ts"

let folder: string
let port: string
let running: ReturnType<typeof start>

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "daybook-shop-"))
  writeFileSync(join(folder, "a-file"), "")
  port = await freePort()
  running = start({ DAYBOOK_HOME: join(folder, "store"), PORT: port })
  await running.ready
})

afterAll(async () => {
  running.child.kill("SIGKILL")
  await running.exited
  rmSync(folder, { recursive: true, force: true })
})

describe("a shop that cannot start says why, what to do, and ends with 1", () => {
  const cases: ReadonlyArray<readonly [string, () => Record<string, string>, ReadonlyArray<string>]> = [
    ["the port is in use", () => ({ PORT: port }), ["Port ", " of 127.0.0.1 is in use", "PORT"]],
    ["PORT is no number", () => ({ PORT: "http" }), ['PORT is "http"', "number"]],
    ["PORT is too large", () => ({ PORT: "99999" }), ['PORT is "99999"', "65535"]],
    ["HOST is of another machine", () => ({ HOST: "192.0.2.1", PORT: "3999" }), ["192.0.2.1 is no address", "HOST"]],
    [
      "another process holds the store",
      () => ({ DAYBOOK_HOME: join(folder, "store") }),
      ["holds the embedded store", "main.ts", "Stop it first", "DAYBOOK_HOME", "DATABASE_URL"]
    ],
    ["DAYBOOK_HOME is a file", () => ({ DAYBOOK_HOME: join(folder, "a-file") }), ["a-file", "writable"]],
    [
      "DAYBOOK_HOME is below a file",
      () => ({ DAYBOOK_HOME: join(folder, "a-file/store") }),
      ["a-file/store", "writable"]
    ],
    [
      "DAYBOOK_HOME takes no folders",
      () => ({ DAYBOOK_HOME: "/proc/daybook/store" }),
      ["/proc/daybook/store", "writable"]
    ],
    ["DAYBOOK_HOME takes no files", () => ({ DAYBOOK_HOME: "/proc" }), ["/proc", "writable"]],
    ["ANSWER_WITHIN_SECONDS is none", () => ({ ANSWER_WITHIN_SECONDS: "0" }), ['ANSWER_WITHIN_SECONDS is "0"', "3600"]],
    ["DATABASE_URL is no URL", () => ({ DATABASE_URL: "localhost" }), ["DATABASE_URL is not a URL", "postgres://"]],
    [
      "DATABASE_URL is of something else",
      () => ({ DATABASE_URL: "mysql://u:s3cret@localhost/x" }),
      ["mysql:", "DATABASE_URL"]
    ],
    [
      "nobody listens at DATABASE_URL",
      () => ({ DATABASE_URL: "postgres://someone:s3cret@127.0.0.1:1/shop" }),
      ["No answer from PostgreSQL at 127.0.0.1:1/shop", "ECONNREFUSED", "Check that the server runs"]
    ],
    [
      "there are no partitions",
      () => ({ DAYBOOK_PARTITIONS: "0" }),
      ['DAYBOOK_PARTITIONS is "0"', "between 1 and 1024"]
    ],
    ["Kafka is asked for and nobody says where", () => ({ BROKER: "kafka" }), ["KAFKA_BROKERS is not set"]],
    ["Stripe is asked for without a key", () => ({ PAYMENT_PROVIDER: "stripe" }), ["STRIPE_API_KEY is not set"]],
    [
      "the archive is a bucket without a key",
      () => ({ ARCHIVE_URL: "s3://bucket/shop" }),
      ["AWS_ACCESS_KEY_ID is not set"]
    ],
    ["there is no price list", () => ({ CART_PRICE_LIST: join(folder, "none.json") }), ["none.json", "CART_PRICE_LIST"]]
  ]

  it.each(cases)("%s", async (_, settings, words) => {
    const shop = start({ DAYBOOK_HOME: join(folder, "other"), PORT: await freePort(), ...settings() })
    expectFailure(await shop.exited, words)
  })
})

/** A request that the shop has begun to read, since it has asked for the body; `finish` sends that, and has the answer. */
const beginRequest = (id: string) =>
  new Promise<{ readonly finish: () => Promise<string> }>((resolve, reject) => {
    const body = JSON.stringify({ id, currency: "GBP" })
    const socket = connect(Number(port), "127.0.0.1")
    let answer = ""
    const closed = new Promise<string>((done) => socket.once("close", () => done(answer)))
    const finish = () => {
      socket.write(body)
      return closed
    }
    socket.setEncoding("utf8").on("data", (text) => {
      answer += text
      if (answer === "HTTP/1.1 100 Continue\r\n\r\n") resolve({ finish })
    })
    socket.once("error", reject)
    const head = [
      "POST /carts HTTP/1.1",
      "host: shop",
      "connection: close",
      "content-type: application/json",
      "expect: 100-continue"
    ]
    socket.write(`${head.join("\r\n")}\r\ncontent-length: ${body.length}\r\n\r\n`)
  })

const terminate = (child: ChildProcess, signal: NodeJS.Signals) => {
  child.kill(signal)
  // Until it has stopped listening.
  return expect
    .poll(
      () =>
        fetch(`http://127.0.0.1:${port}/health/live`).then(
          () => "open",
          () => "closed"
        ),
      { timeout: 10_000 }
    )
    .toBe("closed")
}

const openCart = async (path: string, id: string) => {
  const body = JSON.stringify({ id, currency: "GBP" })
  return fetch(`http://127.0.0.1:${port}${path}`, {
    method: "POST",
    body,
    headers: { "content-type": "application/json" }
  })
}

describe("a shop that is stopped", () => {
  it.each(["SIGTERM", "SIGINT"] as const)(
    "by %s answers what it has begun to receive, keeps it, and ends with 0",
    async (signal) => {
      expect((await openCart("/carts", `before ${signal}`)).status).toBe(202)
      const begun = await beginRequest(`during ${signal}`)
      await terminate(running.child, signal)
      expect(await begun.finish()).toContain("HTTP/1.1 202 ")
      const { code, output } = await running.exited
      expect(code).toBe(0)
      expect(output, "where its data is").toContain(` embedded store in ${join(folder, "store")}\n`)

      running = start({ DAYBOOK_HOME: join(folder, "store"), PORT: port })
      await running.ready
      for (const when of ["before", "during"]) {
        const path = `/carts/${encodeURIComponent(`${when} ${signal}`)}?atLeastVersion=1`
        expect((await fetch(`http://127.0.0.1:${port}${path}`)).status).toBe(200)
      }
    }
  )
})
