/**
 * Which methods a path has, for the answer 405 to the others: the router itself knows only whether one method has a path.
 */
import * as Effect from "effect/Effect"
import { FindMyWay, HttpRouter } from "effect/http"
import * as Layer from "effect/Layer"

/** What the routes were declared with, gathered while they are. */
export interface AllowedMethods {
  /** The methods of the routes that a path and query match, in alphabetical order; none where there is nothing. */
  readonly of: (url: string) => ReadonlyArray<string>
  /** For the layers that declare routes: the router in context, watched. */
  readonly layer: Layer.Layer<HttpRouter.HttpRouter, never, HttpRouter.HttpRouter>
}

/** `config` must be that of the router. */
export const make = (config: Partial<FindMyWay.RouterConfig>): AllowedMethods => {
  const index = FindMyWay.make<true>(config)
  const methods = new Set<string>()
  const note = (method: string, path: HttpRouter.PathInput) => {
    // The router answers HEAD as GET without the body.
    for (const each of method === "GET" ? ["GET", "HEAD"] : [method]) {
      methods.add(each)
      index.on(each, path, true)
    }
  }
  const watched = (router: HttpRouter.HttpRouter): HttpRouter.HttpRouter => ({
    ...router,
    add: (method, path, handler, options) => {
      note(method, path)
      return router.add(method, path, handler, options)
    },
    addAll: (routes) => {
      for (const { method, path } of routes) note(method, path)
      return router.addAll(routes)
    }
  })
  return {
    of: (url) => [...methods].filter((method) => index.find(method, url) !== undefined).sort(),
    layer: Layer.effect(HttpRouter.HttpRouter, Effect.map(HttpRouter.HttpRouter, watched))
  }
}
