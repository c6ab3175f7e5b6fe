/**
 * Starts the `daybook` command; `bin/daybook.js` sees to it that this runs under a Node that can.
 */
import { setFlagsFromString } from "node:v8"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import metadata from "../package.json" with { type: "json" }
import { run } from "./Daybook.ts"

// An import makes garbage fast, and Node by default lets it grow to four times what is in use before it clears up. This costs a
// few per cent of time and keeps memory to half.
setFlagsFromString("--heap-growing-percent=100")

// Started by bin/daybook.js under an older Node, this process must not outlive that one.
if (process.connected) {
  process.once("disconnect", () => process.kill(process.pid, "SIGTERM"))
  process.channel?.unref()
}

// The first Ctrl-C asks the command to stop, which may take a while; a second ends it where it is, as harmless as kill -9. A
// terminal's Ctrl-C may come twice, once by way of bin/daybook.js.
let firstMillis: number | undefined
process.on("SIGINT", () => {
  firstMillis ??= performance.now()
  if (performance.now() - firstMillis > 500) process.exit(130)
})

/** How long what is left open may keep the process: long enough for output to be written. */
const lingerMillis = 1_000

run(process.argv.slice(2), metadata.version).pipe(
  Effect.tap((code) =>
    Effect.sync(() => {
      process.exitCode = code
      // Connections to a database that hangs would keep the process.
      setTimeout(() => process.exit(), lingerMillis).unref()
    })
  ),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain
)
