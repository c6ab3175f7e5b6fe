/** Archiving on PGlite, with the files in memory: see the suite. */
import { ArchiveStore, makeMemory } from "@daybook/core/Archive"
import { layer } from "@effect/vitest"
import * as Layer from "effect/Layer"
import { archiving, files } from "./ArchiveSuite.ts"
import { freshSchema, stores } from "./Stores.ts"

const schema = freshSchema()

const withFiles = stores({ folder: undefined }, schema, 2).pipe(
  Layer.provideMerge(Layer.succeed(ArchiveStore, makeMemory(files)))
)

layer(withFiles, { timeout: 60_000, excludeTestServices: true })("an archive", (it) => archiving(schema, it))
