/**
 * The last line of defence of the HTTP server: whatever happens, the answer is a problem document that says what to do, and
 * never a stack trace.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { HttpRouter, HttpServerError, HttpServerRequest, HttpServerResponse } from "effect/http"

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

const respond = (body: Problem): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.jsonUnsafe(body, { status: body.status, contentType: "application/problem+json" })

/** Bodies larger than this are refused unread. A cart's largest command is a few hundred bytes. */
export const maxBodyBytes = 1_048_576

const tooLarge = problem(
  413,
  "BodyTooLarge",
  "The request body is too large",
  `The body may have ${maxBodyBytes} bytes at most. Send less at a time.`
)

const unreadable = problem(
  400,
  "UnreadableRequest",
  "The request cannot be read",
  "The request ended early or is malformed. Send it again, whole."
)

const unexpected = problem(
  500,
  "InternalError",
  "Something went wrong on our side",
  "The failure has been logged. Send a command again with the same Idempotency-Key; it is carried out once."
)

const notFound = (path: string): Problem =>
  problem(404, "NoSuchResource", "There is nothing here", `No resource at ${path}. See /docs for what there is.`)

const ofDefect = (defect: unknown, path: string): Problem => {
  if (!HttpServerError.isHttpServerError(defect)) return unexpected
  if (defect.reason._tag === "RouteNotFound") return notFound(path)
  if (defect.reason._tag !== "RequestParseError") return unexpected
  return defect.reason.reason === "BodyTooLarge" ? tooLarge : unreadable
}

const hasBody = (response: HttpServerResponse.HttpServerResponse): boolean => response.body._tag !== "Empty"

/** Answers for statuses that come without a body. */
const ofStatus = (status: number, path: string): Problem => {
  if (status === 404) return notFound(path)
  if (status === 413) return tooLarge
  return status < 500 ? { ...unreadable, status } : unexpected
}

const finish = (
  response: HttpServerResponse.HttpServerResponse,
  path: string
): HttpServerResponse.HttpServerResponse => {
  const whole = response.status >= 400 && !hasBody(response) ? respond(ofStatus(response.status, path)) : response
  return whole.status === 503 ? HttpServerResponse.setHeader(whole, "retry-after", "1") : whole
}

/** What surrounds every request, whether or not there is a route for it. */
const defend = (
  handler: Effect.Effect<HttpServerResponse.HttpServerResponse, unknown>
): Effect.Effect<HttpServerResponse.HttpServerResponse, never, HttpServerRequest.HttpServerRequest> =>
  Effect.gen(function* () {
    const { url } = yield* HttpServerRequest.HttpServerRequest
    const path = url.split("?")[0] ?? url
    return yield* handler.pipe(
      Effect.map((response) => finish(response, path)),
      Effect.catchCause((cause) => {
        const answer = ofDefect(Cause.squash(cause), path)
        const logged = answer.status >= 500 ? Effect.logError(`Request to ${path} failed`, cause) : Effect.void
        return Effect.as(logged, respond(answer))
      })
    )
  })

/** Middleware for every request. The router's types let no middleware handle what it was not told of; this one handles all. */
export const layer = HttpRouter.use((router) => router.addGlobalMiddleware<never, never>(defend as never))
