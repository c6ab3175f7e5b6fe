/**
 * HTTP/1.1 connections that are kept open, one request at a time on each. Used by the load generators of `http`.
 *
 * Written by hand, since the generator shares the machine with what it measures: a request through undici costs it 25 µs, more
 * than the constant handler's 18, so that the generator would be what is measured. This costs half, and does only what the load
 * needs: answers with a Content-Length, all of them successes.
 */
import { once } from "node:events"
import { createConnection, type Socket } from "node:net"
import type { Request } from "./Traffic.ts"

/** More requests than this wait for a connection only when the server has given up. */
const waitingMost = 100_000

interface Waiting {
  readonly request: Request
  readonly answered: () => void
}

/** A request as it is on the wire. */
export const written = (host: string, { method, path, headers, body }: Request): string => {
  let text = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n`
  for (const name in headers) text += `${name}: ${headers[name]}\r\n`
  return body === null ? `${text}\r\n` : `${text}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}

/** What a text begins with, when that is a whole answer: its status, and where it ends. */
export const wholeAnswer = (text: string): { readonly status: number; readonly end: number } | undefined => {
  const head = text.indexOf("\r\n\r\n")
  if (head < 0) return undefined
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, head))?.[1]
  if (length === undefined) throw new Error(`An answer without Content-Length: ${text.slice(0, head)}`)
  const end = head + 4 + Number(length)
  return text.length < end ? undefined : { status: Number(text.slice(9, 12)), end }
}

/** One connection, with at most one request under way. */
class Connection {
  readonly #socket: Socket
  #received = ""
  #answered: ((status: number, text: string) => void) | undefined

  constructor(address: URL, failed: (error: Error) => void) {
    this.#socket = createConnection({ host: address.hostname, port: Number(address.port), noDelay: true })
    this.#socket.setEncoding("latin1").on("data", (chunk: string) => {
      try {
        this.#receive(chunk)
      } catch (error) {
        failed(error as Error)
      }
    })
    this.#socket.on("error", failed)
    this.#socket.on("end", () => failed(new Error(`The server closed a connection: ${this.#received}`)))
  }

  send(text: string, answered: (status: number, text: string) => void): void {
    this.#answered = answered
    this.#socket.write(text)
  }

  async opened(): Promise<void> {
    await once(this.#socket, "connect")
  }

  close(): void {
    this.#socket.destroy()
  }

  #receive(chunk: string): void {
    this.#received += chunk
    const whole = wholeAnswer(this.#received)
    if (whole === undefined) return
    const text = this.#received
    if (whole.end < text.length) throw new Error(`The server said more than was asked: ${text}`)
    const answered = this.#answered!
    this.#received = ""
    answered(whole.status, text)
  }
}

/** Sends requests to one server, and fails at the first that is not answered with success: figures with errors are none. */
export class Connections {
  readonly #host: string
  readonly #connections: ReadonlyArray<Connection>
  readonly #idle: Array<Connection>
  readonly #waiting: Array<Waiting> = []
  #firstWaiting = 0
  readonly #failed: (error: Error) => void

  private constructor(url: string, count: number, failed: (error: Error) => void) {
    const address = new URL(url)
    this.#host = address.host
    this.#failed = failed
    this.#connections = Array.from({ length: count }, () => new Connection(address, failed))
    this.#idle = [...this.#connections]
  }

  /** Has `drive` use so many connections. Fails with the first failure of any. */
  static async using<A>(url: string, count: number, drive: (connections: Connections) => Promise<A>): Promise<A> {
    const failure = Promise.withResolvers<never>()
    const connections = new Connections(url, count, failure.reject)
    const driven = async () => {
      await Promise.all(connections.#connections.map((connection) => connection.opened()))
      return drive(connections)
    }
    try {
      return await Promise.race([driven(), failure.promise])
    } finally {
      for (const connection of connections.#connections) connection.close()
    }
  }

  /** Sends a request on the next free connection. `answered` is called when the whole answer is there, and is a success. */
  send(request: Request, answered: () => void): void {
    const connection = this.#idle.pop()
    if (connection !== undefined) return this.#dispatch(connection, { request, answered })
    if (this.#waiting.length - this.#firstWaiting >= waitingMost)
      return this.#failed(new Error(`${waitingMost} requests wait for a connection: the server does not keep up`))
    this.#waiting.push({ request, answered })
  }

  #dispatch(connection: Connection, { request, answered }: Waiting): void {
    connection.send(written(this.#host, request), (status, text) => {
      if (status >= 300) return this.#failed(new Error(`${request.method} ${request.path} was answered: ${text}`))
      this.#free(connection)
      answered()
    })
  }

  #free(connection: Connection): void {
    const next = this.#waiting[this.#firstWaiting]
    if (next === undefined) return void this.#idle.push(connection)
    this.#firstWaiting++
    if (this.#firstWaiting === this.#waiting.length) {
      this.#waiting.length = 0
      this.#firstWaiting = 0
    }
    this.#dispatch(connection, next)
  }
}
