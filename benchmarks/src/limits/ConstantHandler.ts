/**
 * The physical limit of an HTTP server: `node:http` with a handler that returns a constant. Runs as a program on `PORT`, in a
 * process of its own; used by `http`.
 *
 * The answer is as long as that of a command, and has the same status. The request's body is left to Node, which drops it.
 */
import { createServer } from "node:http"

/** An answer to a command, of the usual length. */
export const constantAnswer = {
  id: "4d0e8c5a-7d1b-4f6e-9a57-0c3f1d2b9e84",
  version: 17,
  partition: 3,
  position: 123_456,
  repeated: false,
  lineId: "b7c2a1f0-3e9d-4c58-8f16-5a0d7e4b2c93"
} as const

const serve = (port: number): void => {
  const body = JSON.stringify(constantAnswer)
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) }
  // An exit of its own accord leaves a profile where one is taken.
  process.on("SIGTERM", () => process.exit())
  createServer((_, response) => void response.writeHead(202, headers).end(body)).listen(port, "127.0.0.1")
}

if (import.meta.main) serve(Number(process.env.PORT))
