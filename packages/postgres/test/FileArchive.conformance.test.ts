/** Archives in a folder, and in memory, held to the contract. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { makeMemory } from "@daybook/core/Archive"
import * as FileArchive from "@daybook/postgres/FileArchive"
import { archiveStoreSuite } from "@daybook/testkit/ArchiveStoreSuite"
import { afterAll } from "vitest"

const folder = mkdtempSync(join(tmpdir(), "daybook-archive-"))

afterAll(() => rmSync(folder, { recursive: true, force: true }))

archiveStoreSuite("memory", { store: () => makeMemory() })
archiveStoreSuite("a folder", { store: () => FileArchive.make(join(folder, "archive")) })
