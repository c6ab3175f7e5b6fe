/**
 * An S3-compatible store for tests, gofakes3, which keeps everything in its memory and lets any key in. Used by `main.ts`.
 */
import { goProgram } from "./GoProgram.ts"
import { type HttpServer, startHttpServer } from "./HttpServer.ts"

/** Starts a store with one empty bucket, `daybook`, and waits until it answers. */
export const startS3 = (): Promise<HttpServer> => {
  const program = goProgram({
    name: "gofakes3",
    version: "v1.2.0",
    package: "github.com/johannesboyne/gofakes3/cmd/gofakes3",
    variable: "S3_ENDPOINT"
  })
  const settings = ["-backend", "memory", "-initialbucket", "daybook"]
  return startHttpServer("gofakes3", program, (address) => ["-host", address, ...settings])
}
