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

  /** Resolves when the answer is there, and fails when it is no success. What is posted must do nothing when it comes twice. */
  async post(path: string, body: object): Promise<void> {
    const response = await this.#send(path, JSON.stringify(body))
    let said = ""
    for await (const part of response.setEncoding("utf8")) said += part
    if (response.statusCode! >= 300) throw new Error(`POST ${path} was answered ${response.statusCode}: ${said}`)
  }

  /** Again, where the shop has closed a connection that nobody had used for a while just as it was taken. */
  #send(path: string, text: string): Promise<IncomingMessage> {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(text) }
    return new Promise((resolve, reject) => {
      const posting = request(`${this.#url}${path}`, { agent: this.#agent, method: "POST", headers }, resolve)
      posting.on("error", (error: NodeJS.ErrnoException) => {
        if (posting.reusedSocket && error.code === "ECONNRESET") return resolve(this.#send(path, text))
        reject(error)
      })
      posting.end(text)
    })
  }

  [Symbol.dispose](): void {
    this.#agent.destroy()
  }
}
