/**
 * Posts JSON to the shop over kept connections, of which any may stay unused for as long as it likes. Used by `saga`, whose load has
 * few requests: what they cost the load hardly matters.
 */
import { Agent, type IncomingMessage, request } from "node:http"

/** Connections, and so requests under way, at most. The others wait. */
const mostConnections = 64

/** Where the shop is asked. */
export class Counter implements Disposable {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: mostConnections })
  readonly #url: string

  constructor(url: string) {
    this.#url = url
  }

  /** Resolves when the answer is there, and fails when it is no success. */
  async post(path: string, body: object): Promise<void> {
    const text = JSON.stringify(body)
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(text) }
    const response = await new Promise<IncomingMessage>((resolve, reject) =>
      request(`${this.#url}${path}`, { agent: this.#agent, method: "POST", headers }, resolve)
        .on("error", reject)
        .end(text)
    )
    let said = ""
    for await (const part of response.setEncoding("utf8")) said += part
    if (response.statusCode! >= 300) throw new Error(`POST ${path} was answered ${response.statusCode}: ${said}`)
  }

  [Symbol.dispose](): void {
    this.#agent.destroy()
  }
}
