/**
 * Runs a program of this repository to its end, as somebody at a terminal or a script does. For tests of command lines.
 */
import { execFile } from "node:child_process"

/** How a program ended. */
export interface Ended {
  /** -1 where it did not end by itself. */
  readonly code: number
  readonly output: string
  readonly errors: string
}

/** Runs a file with Node, in the environment of this process or another. */
export const runProgram = (
  file: string,
  args: ReadonlyArray<string>,
  env: NodeJS.ProcessEnv = process.env
): Promise<Ended> =>
  new Promise((resolve) => {
    execFile(process.execPath, [file, ...args], { env, maxBuffer: 1e8 }, (error, output, errors) =>
      resolve({ code: typeof error?.code === "number" ? error.code : error === null ? 0 : -1, output, errors })
    )
  })
