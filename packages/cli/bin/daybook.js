#!/usr/bin/env node
/**
 * Starts the `daybook` command, which needs Node 26 or later. Where the running one is older, the one that comes with the
 * package `node`, a dependency, takes over. Plain JavaScript, so that any Node can read it.
 */
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { createRequire } from "node:module"
import { constants } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const needed = 26
const main = new URL("../src/main.ts", import.meta.url)

if (Number(process.versions.node.split(".")[0]) >= needed) await import(main.href)
else takeOver()

function takeOver() {
  const node = findNode()
  if (node === undefined) {
    console.error(
      `daybook needs Node ${needed} or later; this is Node ${process.versions.node}, and the package "node" is not installed.`
    )
    console.error(`Run npm install in the project, or install Node ${needed} from https://nodejs.org.`)
    process.exitCode = 1
    return
  }
  // The channel tells the command when this process is killed, so that it does not go on by itself.
  const child = spawn(node, [fileURLToPath(main), ...process.argv.slice(2)], {
    stdio: ["inherit", "inherit", "inherit", "ipc"]
  })
  // A terminal sends Ctrl-C to both. The command decides what it means; this process only passes on what it alone was sent.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal))
  child.on("error", (error) => {
    console.error(`${node} cannot be started (${error.message}). Run npm install again.`)
    process.exitCode = 1
  })
  child.on("exit", (code, signal) => {
    process.exit(code ?? 128 + (constants.signals[signal] ?? 1))
  })
}

function findNode() {
  try {
    const folder = dirname(createRequire(import.meta.url).resolve("node/package.json"))
    return [join(folder, "bin/node"), join(folder, "bin/node.exe")].find((file) => existsSync(file))
  } catch {
    return undefined
  }
}
