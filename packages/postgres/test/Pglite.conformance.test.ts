/**
 * The ports on PGlite: every conformance suite, and what only an embedded store can show.
 */
import { cpSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { conformance, freshSchema, stores } from "./Stores.ts"

/** A folder that goes with the scope. */
const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "daybook-test-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

conformance(
  "PGlite",
  { folder: undefined },
  {
    reopen: Effect.map(folder, (path) => stores({ folder: path }, "reopened")),
    backupRestore: Effect.gen(function* () {
      const [original, copy] = [yield* folder, yield* folder]
      const schema = freshSchema()
      return {
        journal: stores({ folder: original }, schema),
        // The suite restores after it has closed the original: a cold copy of the files.
        restore: Effect.sync(() => {
          cpSync(original, copy, { recursive: true })
          return stores({ folder: copy }, schema)
        })
      }
    })
  }
)
