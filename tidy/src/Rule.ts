/**
 * What a rule is: a name, and a look at the whole workspace that yields findings. Each finding says what to do about it.
 */
import type { Source } from "./Source.ts"

export interface Rule {
  /** Kebab case; what an exception in `exceptions.json` names. */
  readonly name: string
  readonly check: (workspace: Workspace) => Iterable<Finding>
}

export interface Finding {
  readonly path: string
  readonly line: number
  readonly message: string
  /** What the author should do: an imperative sentence without a full stop. */
  readonly remedy: string
}

export interface Workspace {
  readonly sources: ReadonlyArray<Source>
  /** Each package's name and the folder it is in. */
  readonly packages: ReadonlyMap<string, string>
}

/** The product's own code: what tests, examples and tools are not. */
export const isProduct = (path: string): boolean => /^(packages\/[^/]+|services|apps\/[^/]+)\/src\//.test(path)

export const isTest = (path: string): boolean => /(^|\/)test\//.test(path)
