/**
 * The broker on PGlite.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Database from "@daybook/postgres/Database"
import * as SqlBroker from "@daybook/postgres/SqlBroker"
import { brokerSuite } from "@daybook/testkit/BrokerSuite"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

const on = (location: Database.Location) => SqlBroker.layer().pipe(Layer.provide(Database.layer(location)))

brokerSuite("PGlite", {
  layer: () => on({ folder: undefined }),
  reopen: Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "daybook-test-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  ).pipe(Effect.map((folder) => on({ folder })))
})
