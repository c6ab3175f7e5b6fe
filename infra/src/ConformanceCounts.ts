/**
 * A vitest reporter that lists each conformance suite by name with the number of its cases. The same suite runs on several
 * stores; a list shows at a glance that none of them ran fewer cases than the others.
 */
import type { Reporter, TestModule, TestSuite } from "vitest/node"

export default class ConformanceCounts implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>): void {
    const lines = modules.flatMap(conformanceSuites).map(describeSuite).sort()
    if (lines.length > 0) console.log(`\nConformance suites\n${lines.join("\n")}\n`)
  }
}

/** By convention a suite says what it is: `describe("Journal conformance: PGlite", …)`. */
const isConformance = (suite: TestSuite): boolean => /conformance/i.test(suite.name)

const conformanceSuites = (module: TestModule): ReadonlyArray<TestSuite> =>
  [...module.children.allSuites()].filter(
    (suite) => isConformance(suite) && (suite.parent.type !== "suite" || !isConformance(suite.parent))
  )

const describeSuite = (suite: TestSuite): string => {
  const states = [...suite.children.allTests()].map((test) => test.result().state)
  const counted = (state: string) => states.filter((other) => other === state).length
  const others = ["failed", "skipped"]
    .filter((state) => counted(state) > 0)
    .map((state) => `, ${counted(state)} ${state}`)
  return `  ${suite.name}: ${states.length} cases, ${counted("passed")} passed${others.join("")}`
}
