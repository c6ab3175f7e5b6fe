/**
 * A fingerprint of the code that makes a service's read models. A rebuild that other code has begun is not gone on with: half of its
 * rows would be by other rules. Used by `daybook projection rebuild`.
 */
import { createHash } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import type * as Settings from "@daybook/shop/Settings"

const isCode = (name: string): boolean => /\.(ts|js|sql)$/.test(name)

/** The files of a folder in the order of their names; with those of its folders, or without. */
const filesIn = (folder: URL, recursive: boolean): ReadonlyArray<URL> =>
  readdirSync(folder, { recursive, encoding: "utf8" })
    .filter(isCode)
    .sort()
    .map((name) => new URL(name, folder))

/** A module of a package, and so the folder that the package's code is in. */
const folderOf = (module: string): URL => new URL(".", import.meta.resolve(module))

/**
 * The service's own code, what services have in common, and the packages beneath. More than a read model needs: to begin anew
 * without need costs minutes, and not to do so when there was need a wrong read model.
 */
export const ofService = (service: Settings.ServiceName): string => {
  const files = [
    ...filesIn(new URL(`${service}/`, folderOf("@daybook/services/Money")), true),
    ...filesIn(folderOf("@daybook/services/Money"), false),
    ...filesIn(folderOf("@daybook/core/Projection"), false),
    ...filesIn(folderOf("@daybook/postgres/Migrations"), false),
    ...filesIn(new URL("../sql/", folderOf("@daybook/postgres/Migrations")), false)
  ]
  const hash = createHash("sha256")
  for (const file of files) hash.update(file.pathname.split("/").at(-1)!).update(readFileSync(file))
  return hash.digest("hex")
}
