/**
 * What is wrong with a request, field by field: the problem that every API answers with when a request is not what it declares,
 * and the middleware that makes it. Browser-safe.
 *
 * Fields that an API does not declare are ignored, in bodies and in queries, so that an old server understands a newer client.
 * Of a JSON key that occurs twice the last counts; a query parameter that occurs twice is wrong.
 */
import { Problem } from "@daybook/core/Problem"
import * as Effect from "effect/Effect"
import { HttpMethod, HttpRouter, HttpServerRequest } from "effect/http"
import { type HttpApiEndpoint, HttpApiError, HttpApiMiddleware } from "effect/http-api"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as SchemaIssue from "effect/SchemaIssue"

/** Where in the request, and what was expected there. The first part of the path is `path`, `query`, `header` or `body`. */
const FieldError = Schema.Struct({
  path: Schema.Array(Schema.Union([Schema.String, Schema.Number])),
  message: Schema.String
})

type FieldError = typeof FieldError.Type

/** The request is not what the API declares. Nothing was done. `errors` names everything that is wrong, not just the first. */
export class InvalidRequest extends Problem<InvalidRequest>()(
  "InvalidRequest",
  { status: 400, title: "The request is not valid" },
  { errors: Schema.Array(FieldError) }
) {}

/** Fields that `detail` spells out; the rest are in `errors` alone. */
const spelledOut = 5

const nameOf = ({ path }: FieldError): string => path.join(".")

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1)

/** The problem with these fields. */
export const invalidRequest = (...errors: ReadonlyArray<FieldError>): InvalidRequest => {
  const named = errors.slice(0, spelledOut).map((error) => `${nameOf(error)} (${lowerFirst(error.message)})`)
  if (errors.length > spelledOut) named.push(`${errors.length - spelledOut} more, listed in "errors"`)
  const last = named.pop()
  const fields = named.length === 0 ? last : `${named.join(", ")} and ${last}`
  return new InvalidRequest({ errors, detail: `Correct ${fields}, and send the request again; nothing was done.` })
}

/** Texts for those who know the API and not our schemas. */
const formatIssue = SchemaIssue.makeFormatterStandardSchemaV1({
  leafHook: (issue) => {
    if (issue._tag === "MissingKey") return "Expected a value, but it is missing"
    if (issue._tag === "InvalidType" && SchemaAST.isObjects(issue.ast)) return "Expected an object"
    return SchemaIssue.defaultLeafHook(issue)
  }
})

/** The parts of a request, in the order in which they are decoded. */
const parts = { Params: "path", Headers: "header", Query: "query", Payload: "body" } as const

type Part = keyof typeof parts

const keyOf = (segment: PropertyKey | { readonly key: PropertyKey }): string | number => {
  const key = typeof segment === "object" ? segment.key : segment
  return typeof key === "symbol" ? String(key) : key
}

const errorsOf = (part: Part, { issue }: Schema.SchemaError): ReadonlyArray<FieldError> =>
  formatIssue(issue).issues.map(({ path, message }) => ({ path: [parts[part], ...(path ?? []).map(keyOf)], message }))

/** The problem with a body that came by message. */
export const invalidBody = (error: Schema.SchemaError): InvalidRequest => invalidRequest(...errorsOf("Payload", error))

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** What each part has to be, and what it is. A body that is no JSON is `undefined`, which nothing takes. */
const decodings = (endpoint: HttpApiEndpoint.Top) =>
  Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    const query = yield* HttpServerRequest.ParsedSearchParams
    const { params } = yield* HttpRouter.RouteContext
    const json = endpoint.payload.get("application/json")
    const body = json && parsed(yield* Effect.orDie(request.text))
    return {
      Params: { schema: endpoint.params, input: params },
      Headers: { schema: endpoint.headers, input: request.headers },
      Query: { schema: endpoint.query && Schema.toCodecArrayFromSingle(endpoint.query), input: query },
      Payload: { schema: json && Schema.Union(json.schemas), input: body }
    } satisfies Record<Part, { readonly schema: Schema.Top | undefined; readonly input: unknown }>
  })

/** The framework stops at the first part that is wrong; whoever corrects a request wants to hear of the later ones too. */
const laterErrors = (failed: Part, endpoint: HttpApiEndpoint.Top) =>
  Effect.gen(function* () {
    const all = yield* decodings(endpoint)
    const names = Object.keys(parts) as Array<Part>
    const errors: Array<FieldError> = []
    for (const part of names.slice(names.indexOf(failed) + 1)) {
      const { schema, input } = all[part]
      if (schema === undefined) continue
      // Schemas of requests need no services: the framework has decoded the parts before without any.
      const decode = Schema.decodeUnknownEffect(schema as Schema.Codec<unknown, unknown>, { errors: "all" })
      const decoded = yield* Effect.result(decode(input))
      if (Result.isFailure(decoded)) errors.push(...errorsOf(part, decoded.failure))
    }
    return errors
  })

/** A response that is not what the API declares is a mistake of ours, and no matter of the request. */
const ofSchemaError = (error: HttpApiError.HttpApiSchemaError, endpoint: HttpApiEndpoint.Top) =>
  Effect.gen(function* () {
    const { kind, cause } = error
    if (kind === "Body" || kind === "ResponseHeaders") return yield* Effect.die(error)
    return yield* invalidRequest(...errorsOf(kind, cause), ...(yield* laterErrors(kind, endpoint)))
  })

const utf8 = new TextDecoder("utf-8", { fatal: true })

const isUtf8 = (bytes: ArrayBuffer): boolean => {
  try {
    utf8.decode(bytes)
    return true
  } catch {
    return false
  }
}

/** Without this, what is no UTF-8 would be read as U+FFFD and stored so. The body is read once: the handler gets it again. */
const refuseInvalidUtf8 = Effect.gen(function* () {
  const request = yield* HttpServerRequest.HttpServerRequest
  if (!HttpMethod.hasBody(request.method)) return
  if (isUtf8(yield* Effect.orDie(request.arrayBuffer))) return
  yield* invalidRequest({ path: ["body"], message: "Expected UTF-8, but some of its bytes are not" })
})

/**
 * Answers bad requests with `InvalidRequest`. For every API:
 * `.middleware(RequestProblems).annotate(HttpApi.ParseOptions, { errors: "all" })`.
 */
export class RequestProblems extends HttpApiMiddleware.Service<RequestProblems>()("@daybook/services/RequestProblems", {
  error: InvalidRequest
}) {
  static readonly layer: Layer.Layer<RequestProblems> = Layer.succeed(RequestProblems, (handler, { endpoint }) =>
    Effect.catch(Effect.andThen(refuseInvalidUtf8, handler), (failure) =>
      HttpApiError.HttpApiSchemaError.is(failure) ? ofSchemaError(failure, endpoint) : Effect.fail(failure)
    )
  )
}
