/**
 * Stripe's own mock of its API, stripe-mock, for tests of what talks to Stripe: it holds each request to Stripe's published
 * specification and answers with Stripe's fixtures. It remembers nothing. Used by `main.ts`.
 */
import { goProgram } from "./GoProgram.ts"
import { type HttpServer, startHttpServer } from "./HttpServer.ts"

/** Starts a server and waits until it answers. */
export const startStripeMock = (): Promise<HttpServer> => {
  const program = goProgram({
    name: "stripe-mock",
    version: "v0.203.0",
    package: "github.com/stripe/stripe-mock",
    variable: "STRIPE_MOCK_URL"
  })
  // HTTPS too, on any port: left to itself it takes a fixed one, which only one server can have.
  return startHttpServer("stripe-mock", program, (address) => ["-http-addr", address, "-https-addr", "127.0.0.1:0"])
}
