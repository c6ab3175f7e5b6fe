/**
 * The code blocks of a document that claim to be complete. A block opened with ` ```ts file=Account.ts ` is a file; later
 * blocks of the same name in the same document continue it, so that a tutorial can build a file step by step. With `run` after
 * the name, the file is run too: by vitest if it is a `.test.ts`, by node otherwise. Other blocks are fragments, left alone.
 */
export interface CodeFile {
  readonly name: string
  readonly text: string
  readonly run: boolean
}

const block = /^```ts file=(\S+)( run)?[^\S\n]*\n(.*?)^```/gms

export const codeFiles = (document: string): ReadonlyArray<CodeFile> => {
  const files = new Map<string, CodeFile>()
  for (const [, name = "", run, text = ""] of document.matchAll(block)) {
    const before = files.get(name)
    files.set(name, { name, text: (before?.text ?? "") + text, run: run !== undefined || before?.run === true })
  }
  return [...files.values()]
}
