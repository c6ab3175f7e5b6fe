/**
 * Rules about who may know whom: services know each other by contract alone, core knows nothing but effect, and a file that
 * nobody knows is not there.
 */
import { basename, dirname, join } from "node:path/posix"
import type { Rule, Workspace } from "./Rule.ts"
import { isTest } from "./Rule.ts"
import { isCode } from "./Source.ts"

/** The file, from the root, that a specifier names; undefined when it is no file of ours. */
const resolve = (specifier: string, from: string, packages: Workspace["packages"]): string | undefined => {
  if (specifier.startsWith(".")) return join(dirname(from), specifier)
  for (const [name, folder] of packages) {
    if (specifier === name) return join(folder, "src/index.ts")
    if (specifier.startsWith(`${name}/`)) return join(folder, "src", `${specifier.slice(name.length + 1)}.ts`)
  }
  return undefined
}

const serviceFile = /^services\/src\/(?:([^/]+)\/)(.+)$/

export const serviceImports: Rule = {
  name: "service-imports",
  *check({ sources, packages }) {
    for (const { path, imports } of sources) {
      if (!path.startsWith("services/src/")) continue
      const own = serviceFile.exec(path)?.[1]
      for (const { line, text } of imports) {
        const [, other, file] = serviceFile.exec(resolve(text, path, packages) ?? "") ?? []
        if (other === undefined || other === own || file === "Contract.ts") continue
        const message = `imports ${file} of the ${other} service`
        yield { path, line, message, remedy: `import ${other}/Contract.ts, and let messages carry the rest` }
      }
    }
  }
}

export const coreImports: Rule = {
  name: "core-imports",
  *check({ sources }) {
    for (const { path, imports } of sources) {
      if (!path.startsWith("packages/core/src/")) continue
      for (const { line, text } of imports) {
        if (text === "effect" || text.startsWith("effect/") || text.startsWith(".")) continue
        const message = `core imports ${text}`
        yield { path, line, message, remedy: "use effect, or declare a port that an adapter package implements" }
      }
    }
  }
}

export const starExport: Rule = {
  name: "star-export",
  *check({ sources }) {
    for (const { path, starExports } of sources) {
      if (!path.startsWith("services/")) continue
      for (const { line, text } of starExports) {
        const message = `export * from ${text} hides what is public`
        yield { path, line, message, remedy: "import from the file itself" }
      }
    }
  }
}

/** Programs and public entries are run or imported from outside. */
const isEntry = (path: string): boolean => ["main.ts", "index.ts"].includes(basename(path))

export const unusedFile: Rule = {
  name: "unused-file",
  *check({ sources, packages }) {
    const used = new Set(
      sources.flatMap(({ path, references }) =>
        references.flatMap((reference) => [
          resolve(reference, path, packages),
          // A script, a configuration file: named from its own folder, or from the root.
          join(dirname(path), reference),
          join(reference)
        ])
      )
    )
    for (const { path } of sources) {
      if (!isCode(path) || !/(^|\/)src\//.test(path) || isTest(path) || isEntry(path) || used.has(path)) continue
      yield { path, line: 1, message: "nobody imports this file", remedy: "delete it, or use it" }
    }
  }
}
