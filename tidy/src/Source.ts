/**
 * A file as the rules see it: facts gathered in one walk over its syntax tree (by oxc, as fast as it is exact), so that a rule
 * is a few lines about facts and never about syntax. Files that are not JavaScript or TypeScript have lines and references only.
 */
import {
  type ArrowFunctionExpression,
  type Function as DeclaredFunction,
  type Node,
  parseSync,
  visitorKeys
} from "oxc-parser"

export interface Source {
  /** From the repository's root, with forward slashes. */
  readonly path: string
  readonly lines: number
  /** The text of the block comment that the file begins with. */
  readonly header: string | undefined
  readonly functions: ReadonlyArray<FunctionFact>
  readonly imports: ReadonlyArray<Located>
  readonly starExports: ReadonlyArray<Located>
  /** Reads of the clock and of chance, as written: `Date.now`, `new Date()`, `Math.random` … */
  readonly impurities: ReadonlyArray<Located>
  /** Every string that may name a file. */
  readonly references: ReadonlyArray<string>
  /** Comments; for a file that is not code, each of its lines. */
  readonly comments: ReadonlyArray<Located>
}

export interface Located {
  readonly line: number
  readonly text: string
}

export interface FunctionFact {
  readonly line: number
  readonly lastLine: number
  /** Its own name, or that of what it is assigned or passed to. */
  readonly name: string
  /** From its first to its last line. A function that registers tests is counted without those tests. */
  readonly length: number
}

export const isCode = (path: string): boolean => /\.[cm]?[jt]sx?$/.test(path)

/** Throws where the file does not parse. */
export const parseSource = (path: string, text: string): Source =>
  isCode(path) ? parseCode(path, text) : readText(path, text)

const readText = (path: string, text: string): Source => {
  const lines = text.split("\n")
  return {
    path,
    lines: lines.length,
    header: undefined,
    functions: [],
    imports: [],
    starExports: [],
    impurities: [],
    references: text.match(/[\w@./-]+\.[cm]?[jt]sx?\b/g) ?? [],
    comments: lines.map((text, index) => ({ line: index + 1, text }))
  }
}

const parseCode = (path: string, text: string): Source => {
  const parsed = parseSync(path, text)
  const lineOf = lineLookup(text)
  const failure = parsed.errors[0]
  if (failure !== undefined) throw new Error(`${path}:${lineOf(failure.labels[0]?.start ?? 0)} ${failure.message}`)

  const functions: Array<FunctionFact> = []
  const imports: Array<Located> = []
  const starExports: Array<Located> = []
  const impurities: Array<Located> = []
  const references: Array<string> = []
  walk(parsed.program, [], (node, ancestors) => {
    const line = lineOf(node.start)
    const specifier = importedBy(node)
    if (specifier !== undefined) imports.push({ line, text: specifier })
    if (node.type === "ExportAllDeclaration") starExports.push({ line, text: node.source.value })
    if (node.type === "Literal" && typeof node.value === "string") references.push(node.value)
    const impurity = impurityOf(node, text)
    if (impurity !== undefined) impurities.push({ line, text: impurity })
    if (isFunction(node)) {
      functions.push({
        line,
        lastLine: lineOf(node.end),
        name: nameOf(node, ancestors),
        length: lengthOf(node, lineOf)
      })
    }
  })

  const comments = parsed.comments.map((comment) => ({ line: lineOf(comment.start), text: comment.value }))
  const first = parsed.comments.find((comment) => comment.type === "Block" && comment.value.startsWith("*"))
  const begins =
    first !== undefined &&
    text
      .slice(0, first.start)
      .replace(/^#!.*\n/, "")
      .trim() === ""
  const lines = text.replace(/\n$/, "").split("\n").length
  return {
    path,
    lines,
    header: begins ? first.value : undefined,
    functions,
    imports,
    starExports,
    impurities,
    references,
    comments
  }
}

type Ancestors = ReadonlyArray<Node>

const walk = (node: Node, ancestors: Ancestors, visit: (node: Node, ancestors: Ancestors) => void): void => {
  visit(node, ancestors)
  for (const child of childrenOf(node)) walk(child, [...ancestors, node], visit)
}

const childrenOf = (node: Node): ReadonlyArray<Node> =>
  (visitorKeys[node.type] ?? [])
    .flatMap((key) => (node as unknown as Record<string, Node | null | ReadonlyArray<Node | null>>)[key] ?? [])
    .filter((child) => child !== null)

const importedBy = (node: Node): string | undefined => {
  switch (node.type) {
    case "ImportDeclaration":
    case "ExportAllDeclaration":
      return node.source.value
    case "ExportNamedDeclaration":
      return node.source?.value
    case "ImportExpression":
      return node.source.type === "Literal" && typeof node.source.value === "string" ? node.source.value : undefined
    case "TSImportType":
      return node.source.value
    default:
      return undefined
  }
}

const impureMembers = new Set(["Date.now", "Math.random", "performance.now", "crypto.randomUUID"])

const impurityOf = (node: Node, text: string): string | undefined => {
  const written = text.slice(node.start, node.end)
  if (node.type === "MemberExpression" && impureMembers.has(written)) return written
  const isCall = node.type === "NewExpression" || node.type === "CallExpression"
  if (isCall && node.arguments.length === 0 && node.callee.type === "Identifier" && node.callee.name === "Date")
    return written
  return undefined
}

type FunctionNode = DeclaredFunction | ArrowFunctionExpression

const isFunction = (node: Node): node is FunctionNode =>
  node.type === "FunctionDeclaration" || node.type === "FunctionExpression" || node.type === "ArrowFunctionExpression"

const nameOf = (node: FunctionNode, ancestors: Ancestors): string => {
  if (node.id !== null) return node.id.name
  for (const ancestor of ancestors.toReversed()) {
    if (ancestor.type === "VariableDeclarator" && ancestor.id.type === "Identifier") return ancestor.id.name
    const isMember =
      ancestor.type === "Property" || ancestor.type === "MethodDefinition" || ancestor.type === "PropertyDefinition"
    if (isMember && ancestor.key.type === "Identifier") return ancestor.key.name
  }
  return "(anonymous)"
}

const lengthOf = (node: FunctionNode, lineOf: (offset: number) => number): number => {
  const linesOf = (of: Node) => lineOf(of.end) - lineOf(of.start)
  const { calls, functions } = directContents(node)
  const nested = calls.some(registersTests) ? functions.reduce((sum, inner) => sum + linesOf(inner), 0) : 0
  return linesOf(node) + 1 - nested
}

/** The calls and functions within a function, but not those within its nested functions. */
const directContents = (node: FunctionNode) => {
  const calls: Array<Node> = []
  const functions: Array<Node> = []
  const visit = (child: Node): void => {
    if (isFunction(child)) {
      functions.push(child)
      return
    }
    if (child.type === "CallExpression") calls.push(child)
    childrenOf(child).forEach(visit)
  }
  childrenOf(node).forEach(visit)
  return { calls, functions }
}

const testRegistrars = new Set(["describe", "it", "test", "layer"])

/** `describe(…)`, `it.effect(…)`, `test.each(…)(…)` and their like. */
const registersTests = (call: Node): boolean => {
  let callee: Node = call
  while (callee.type === "CallExpression" || callee.type === "MemberExpression") {
    callee = callee.type === "CallExpression" ? callee.callee : callee.object
  }
  return callee.type === "Identifier" && testRegistrars.has(callee.name)
}

const lineLookup = (text: string): ((offset: number) => number) => {
  const starts = [0]
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1)
  return (offset) => {
    let low = 0
    let high = starts.length
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if ((starts[middle] ?? 0) <= offset) low = middle
      else high = middle
    }
    return low + 1
  }
}
