/**
 * The last line of defence of the HTTP server: whatever happens, the answer is a problem document that says what to do, and
 * never a stack trace.
 */
import { type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse, STATUS_CODES } from "node:http"
import type { Duplex } from "node:stream"
import { SharedTimer } from "@daybook/core/SharedTimer"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import * as Cause from "effect/Cause"
import { Clock } from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { HttpRouter, HttpServerError, HttpServerRequest, HttpServerResponse } from "effect/http"
import type { AllowedMethods } from "./AllowedMethods.ts"
import type { Role, Roles } from "./Settings.ts"

interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
}

const problem = (status: number, name: string, title: string, detail: string): Problem => ({
  type: `urn:daybook:problem:${name}`,
  title,
  status,
  detail
})

const contentType = "application/problem+json"

const respond = (body: Problem): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.jsonUnsafe(body, { status: body.status, contentType })

/** Not ready, or going away: 503. */
export const unready = (detail: string): HttpServerResponse.HttpServerResponse =>
  respond(problem(503, "NotReady", "Not ready", detail))

/** Bodies larger than this are refused unread. A cart's largest command is a few hundred bytes. */
export const maxBodyBytes = 1_048_576

const tooLarge = problem(
  413,
  "BodyTooLarge",
  "The request body is too large",
  `The body may have ${maxBodyBytes} bytes at most. Send less at a time.`
)

const tooSlow = problem(
  408,
  "RequestTimeout",
  "The request took too long to arrive",
  "Send it again, whole, over a connection that is fast enough."
)

const unreadable = problem(
  400,
  "UnreadableRequest",
  "The request cannot be read",
  "The request ended early or is malformed. Send it again, whole."
)

const malformedPath = problem(
  400,
  "UnreadableRequest",
  "The request cannot be read",
  "The path has a % that does not begin the escape of a UTF-8 character. Escape each part of it as RFC 3986 says."
)

const unexpected = problem(
  500,
  "InternalError",
  "Something went wrong on our side",
  "The failure has been logged. Send a command again with the same Idempotency-Key; it is carried out once."
)

const stopping = problem(
  503,
  "ShuttingDown",
  "The service is shutting down",
  "The request was cut off. Send it again shortly; a command with the same Idempotency-Key, so that it is carried out once."
)

/** Whatever a request waits for: a query may simply be sent again, a command so that it is not carried out twice. */
const unanswered = (method: string): Problem =>
  problem(
    503,
    "NotAnswered",
    "The service does not answer in time",
    isQuery(method)
      ? "The databases take too long. Try again shortly. Operators: check that they run and can be reached."
      : "The databases take too long, and whether the command was carried out is not known: send it again with the same " +
          "Idempotency-Key. Operators: check that they run and can be reached."
  )

const isQuery = (method: string): boolean => method === "GET" || method === "HEAD"

/** A command is given longer than its journal is, so that the journal's own answer, which says more, comes first. */
const commandGraceMillis = 5_000

/** Of what a client sent, this much is said back to it. */
const quotedLength = 200

const quote = (text: string): string => (text.length <= quotedLength ? text : `${text.slice(0, quotedLength)}…`)

const notFound = (path: string): Problem =>
  problem(404, "NoSuchResource", "There is nothing here", `No resource at ${quote(path)}. See /docs for what there is.`)

const methodNotAllowed = (method: string, path: string, allowed: string): Problem =>
  problem(
    405,
    "MethodNotAllowed",
    "The resource has no such method",
    `${quote(path)} takes ${allowed}, not ${method}. See /docs for what each does.`
  )

const unsupported = ({ headers }: HttpServerRequest.HttpServerRequest): Problem => {
  const encoding = headers["content-encoding"]
  const sent = encoding === undefined ? `Content-Type ${headers["content-type"]}` : `Content-Encoding ${encoding}`
  return problem(
    415,
    "UnsupportedMediaType",
    "The body is in a format that is not understood",
    `${quote(sent)} is not understood. Send JSON, uncompressed, with Content-Type application/json.`
  )
}

const isWellFormed = (path: string): boolean => {
  try {
    decodeURIComponent(path)
    return true
  } catch {
    return false
  }
}

type Request = HttpServerRequest.HttpServerRequest

const pathOf = ({ url }: Request): string => url.split("?")[0] ?? url

const ofUnrouted = (request: Request, allowed: AllowedMethods): HttpServerResponse.HttpServerResponse => {
  const path = pathOf(request)
  const methods = allowed.of(request.url).join(", ")
  if (methods !== "") {
    return HttpServerResponse.setHeader(respond(methodNotAllowed(request.method, path, methods)), "allow", methods)
  }
  return respond(isWellFormed(path) ? notFound(path) : malformedPath)
}

const ofFailure = (
  cause: Cause.Cause<unknown>,
  request: Request,
  allowed: AllowedMethods
): HttpServerResponse.HttpServerResponse => {
  if (Cause.hasInterruptsOnly(cause)) return respond(stopping)
  const defect = Cause.squash(cause)
  if (!HttpServerError.isHttpServerError(defect)) return respond(unexpected)
  if (defect.reason._tag === "RouteNotFound") return ofUnrouted(request, allowed)
  if (defect.reason._tag !== "RequestParseError") return respond(unexpected)
  return respond(defect.reason.reason === "BodyTooLarge" ? tooLarge : unreadable)
}

const isProblem = ({ headers }: HttpServerResponse.HttpServerResponse): boolean =>
  headers["content-type"]?.startsWith(contentType) === true

/** Answers of the framework's own, which come without a problem document. */
const ofStatus = (status: number, request: Request): Problem => {
  if (status === 404) return notFound(pathOf(request))
  if (status === 413) return tooLarge
  if (status === 415) return unsupported(request)
  return status < 500 ? { ...unreadable, status } : unexpected
}

/** What the problem itself says, or a second. */
const retryAfter = ({ body }: HttpServerResponse.HttpServerResponse): string => {
  const text = body._tag === "Uint8Array" ? (body.text ?? new TextDecoder().decode(body.body)) : "{}"
  const { retryAfterSeconds } = JSON.parse(text) as { readonly retryAfterSeconds?: number }
  return String(Math.max(retryAfterSeconds ?? 1, 1))
}

const finish = (
  response: HttpServerResponse.HttpServerResponse,
  request: Request
): HttpServerResponse.HttpServerResponse => {
  const whole = response.status < 400 || isProblem(response) ? response : respond(ofStatus(response.status, request))
  return whole.status === 503 ? HttpServerResponse.setHeader(whole, "retry-after", retryAfter(whole)) : whole
}

const isCompressed = ({ headers }: Request): boolean => (headers["content-encoding"] ?? "identity") !== "identity"

/** What a request is measured by before it is looked at. */
export interface Defence {
  readonly allowed: AllowedMethods
  readonly answerMillis: number
  readonly roles: Roles
}

/** What every process answers, whatever its roles. */
const isOfProcess = (path: string): boolean =>
  ["/", "/docs", "/openapi.json", "/asyncapi.json", "/metrics"].includes(path) || path.startsWith("/health/")

const otherRole = (method: string, role: Role): Problem =>
  problem(
    421,
    "MisdirectedRequest",
    "Another process answers this",
    `${method} requests are answered by processes with the role ${role}, which this one has not. Send it to one that has; operators ` +
      "choose the roles of a process with --roles."
  )

/** Why a request is refused before it is looked at, if so. */
const refusalOf = (request: Request, roles: Roles): Problem | undefined => {
  if (isCompressed(request)) return unsupported(request)
  const role: Role = isQuery(request.method) ? "query" : "command"
  return roles.has(role) || isOfProcess(pathOf(request)) ? undefined : otherRole(request.method, role)
}

/** Answers by Node alone, without the fiber of a request: what this may still say comes to nothing. */
const refuseNow = (response: ServerResponse, problem: Problem, more: OutgoingHttpHeaders = {}): void => {
  const body = JSON.stringify(problem)
  const headers = {
    "content-type": contentType,
    "content-length": Buffer.byteLength(body),
    "retry-after": "1",
    ...more
  }
  response.writeHead(problem.status, headers).end(body)
}

/** Of what has not arrived whole nothing was begun, and what else comes on its connection could not be told from its rest. */
const refuseLate = (request: Request): void => {
  // This server speaks HTTP/1.1 alone.
  const response = NodeHttpServerRequest.toServerResponse(request) as ServerResponse
  if (NodeHttpServerRequest.toIncomingMessage(request).complete) refuseNow(response, unanswered(request.method))
  else refuseNow(response, tooSlow, { connection: "close" })
}

/** What surrounds every request, whether or not there is a route for it. */
const defend =
  ({ allowed, answerMillis, roles }: Defence) =>
  (
    handler: Effect.Effect<HttpServerResponse.HttpServerResponse, unknown>
  ): Effect.Effect<HttpServerResponse.HttpServerResponse, never, HttpServerRequest.HttpServerRequest> =>
    Effect.withFiber((fiber) => {
      const request = Context.getUnsafe(fiber.context, HttpServerRequest.HttpServerRequest)
      const refusal = refusalOf(request, roles)
      if (refusal !== undefined) return Effect.succeed(respond(refusal))
      const limitMillis = answerMillis + (isQuery(request.method) ? 0 : commandGraceMillis)
      // The answer does not wait until the fiber has ended, as it would for the database to take back a statement. A fiber of its own for
      // what may be late, which could be left alone, would cost every request some of its time.
      const answered = SharedTimer.of(fiber.getRef(Clock), limitMillis).begin(() => {
        refuseLate(request)
        fiber.interruptUnsafe()
      })
      return Effect.matchCauseEffect(handler, {
        onSuccess: (response) => {
          answered()
          return Effect.succeed(finish(response, request))
        },
        onFailure: (cause) => {
          answered()
          const response = ofFailure(cause, request, allowed)
          const logged =
            response.status === 500
              ? Effect.logError(`${request.method} ${quote(pathOf(request))} failed`, cause)
              : Effect.void
          return Effect.as(logged, finish(response, request))
        }
      })
    })

/** Middleware for every request. The router's types let no middleware handle what it was not told of; this one handles all. */
export const layer = (defence: Defence) =>
  HttpRouter.use((router) => router.addGlobalMiddleware<never, never>(defend(defence) as never))

const starting = problem(503, "Starting", "The service is starting", "It is not ready yet. Try again in a second.")

/** For requests that come before anything can answer them. */
export const refuseEarly = (_: IncomingMessage, response: ServerResponse): void =>
  refuseNow(response, starting, { connection: "close" })

/** What Node refuses before there is a request: its code for it, the status, and what to say. */
const refusals: Readonly<Record<string, Problem>> = {
  HPE_HEADER_OVERFLOW: problem(
    431,
    "HeadersTooLarge",
    "The request's address and headers are too large",
    "Address and headers may have 16,384 bytes together. Send a shorter address, and fewer or shorter headers."
  ),
  ERR_HTTP_REQUEST_TIMEOUT: tooSlow
}

/** For Node's event `clientError`: what is no HTTP is answered with a problem document too, and the connection closed. */
export const refuse = (error: Error & { readonly code?: string }, socket: Duplex): void => {
  const { _httpMessage: begun } = socket as Duplex & { readonly _httpMessage?: { readonly headersSent: boolean } }
  if (!socket.writable || error.code === "ECONNRESET" || begun?.headersSent === true) return void socket.destroy()
  const body = refusals[error.code ?? ""] ?? unreadable
  const json = JSON.stringify(body)
  socket.end(
    [
      `HTTP/1.1 ${body.status} ${STATUS_CODES[body.status]}`,
      `content-type: ${contentType}`,
      `content-length: ${Buffer.byteLength(json)}`,
      "connection: close",
      "",
      json
    ].join("\r\n")
  )
}
