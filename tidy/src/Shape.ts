/**
 * Rules about the shape of a file: its size, the size of its functions, its header, its name, and what was left in it.
 */
import { basename } from "node:path/posix"
import { isTest, type Rule } from "./Rule.ts"
import { isCode } from "./Source.ts"

const maxFunctionLines = 70
const maxFileLines = 400

export const functionLength: Rule = {
  name: "function-length",
  *check({ sources }) {
    for (const { path, functions } of sources) {
      const long = functions.filter(({ length }) => length > maxFunctionLines)
      for (const { line, lastLine, name, length } of long) {
        // A generator within a call within a function is one thing to divide, and so one finding: the innermost.
        if (long.some((other) => other.length < length && other.line >= line && other.lastLine <= lastLine)) continue
        const message = `${name} is ${length} lines long, the limit is ${maxFunctionLines}`
        yield { path, line, message, remedy: "move its steps into functions of their own" }
      }
    }
  }
}

const isSource = (path: string): boolean => isCode(path) && /(^|\/)src\//.test(path)

export const header: Rule = {
  name: "header",
  *check({ sources }) {
    for (const source of sources) {
      if (!isSource(source.path) || source.header !== undefined) continue
      const message = "the file has no header"
      yield {
        path: source.path,
        line: 1,
        message,
        remedy: "begin it with a /** … */ that says what it is and who uses it"
      }
    }
  }
}

export const fileLength: Rule = {
  name: "file-length",
  *check({ sources }) {
    for (const { path, lines, header = "" } of sources) {
      if (
        !isSource(path) ||
        isTest(path) ||
        lines <= maxFileLines ||
        /\bis long because\b/.test(header.replaceAll(/\s*\n[\s*]*/g, " "))
      ) {
        continue
      }
      const message = `${lines} lines, and past ${maxFileLines} a file says why`
      yield { path, line: 1, message, remedy: 'divide it, or say in its header "This file is long because …"' }
    }
  }
}

const bannedNames = /^(utils?|helpers?|commons?|shared|types?|managers?|misc)$/i
const bannedLastWord = /(Utils?|Helpers?|Managers?)$/

export const bannedName: Rule = {
  name: "banned-name",
  *check({ sources }) {
    for (const { path } of sources) {
      if (!isCode(path)) continue
      const names = path.split("/").map((name) => name.replace(/\..*$/, ""))
      const banned = names.find((name) => bannedNames.test(name) || bannedLastWord.test(name))
      if (banned === undefined) continue
      const message = `"${banned}" says nothing about what is inside`
      yield { path, line: 1, message, remedy: "name the noun that it is about" }
    }
  }
}

export const leftover: Rule = {
  name: "leftover",
  *check({ sources }) {
    for (const { path, comments } of sources) {
      if (basename(path) === "package.json") continue
      for (const { line, text } of comments) {
        const word = /\b(TODO|FIXME)\b/.exec(text)?.[1]
        if (word === undefined) continue
        yield {
          path,
          line,
          message: `${word} was left behind`,
          remedy: "do it, or file an issue and say why it is like this"
        }
      }
    }
  }
}
