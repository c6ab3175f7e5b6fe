/**
 * Rules about time and chance: a domain gets both inside its commands, and everything else asks effect's `Clock` and `Random`,
 * so that tests and replays decide what time it is.
 */
import { isProduct, type Rule } from "./Rule.ts"

const isDomain = (path: string): boolean => /^services\/src\/.+\/Domain\.ts$/.test(path)

export const pureDomain: Rule = {
  name: "pure-domain",
  *check({ sources }) {
    for (const { path, impurities } of sources) {
      if (!isDomain(path)) continue
      for (const { line, text } of impurities) {
        const message = `the domain reads ${text}, so replaying it gives another answer`
        yield { path, line, message, remedy: "let the command carry the value" }
      }
    }
  }
}

export const clock: Rule = {
  name: "clock",
  *check({ sources }) {
    for (const { path, impurities } of sources) {
      if (!isProduct(path) || isDomain(path)) continue
      for (const { line, text } of impurities) {
        if (!text.includes("Date")) continue
        const message = `${text} cannot be set by a test`
        yield {
          path,
          line,
          message,
          remedy: "use effect's Clock or DateTime.now, or add the file to tidy/exceptions.json with a reason"
        }
      }
    }
  }
}
