/**
 * The physical limit of a start on the embedded store: PGlite alone opens a folder and answers one SELECT, and then says so.
 * Runs as a program, in a process of its own, with the folder as its argument; used by `startup`.
 */
import { PGlite } from "@electric-sql/pglite"

const open = async (folder: string): Promise<void> => {
  const db = await PGlite.create(folder, { relaxedDurability: false })
  await db.query("SELECT 1")
  process.on("SIGTERM", () => void db.close().then(() => process.exit()))
  // What keeps the process until it is told to end.
  setInterval(() => {}, 60_000)
  process.stdout.write("answered\n")
}

if (import.meta.main) await open(process.argv[2]!)
