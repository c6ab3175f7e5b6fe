/**
 * Two test projects. `unit` needs nothing but `npm ci` (embedded stores included); `integration` needs `DATABASE_URL`,
 * which `npm run test:integration` provides by starting a real PostgreSQL through `infra/`.
 */
import { defineConfig } from "vitest/config"

const roots = "{packages/*,services,apps/*,infra,tidy,benchmarks,examples,docs}"

/** Where `.ci/run` wants the counts of a run; unset for people. */
const report = process.env.TEST_REPORT

export default defineConfig({
  test: {
    reporters: [
      "default",
      "./infra/src/ConformanceCounts.ts",
      ...(report === undefined ? [] : [["json", { outputFile: report }] as ["json", { outputFile: string }]])
    ],
    globalSetup: "./packages/postgres/test/PgliteTemplate.ts",
    // Forks, since embedded stores hold native and WebAssembly memory that only the end of a process gives back.
    pool: "forks",
    // The smallest machine that we test on has two cores; more workers than cores only make timings lie.
    maxWorkers: 2,
    // A first start of an embedded store takes some seconds on a busy machine.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: [`${roots}/test/**/*.test.ts`],
          exclude: ["**/node_modules/**", "benchmarks/peers/**"]
        }
      },
      {
        extends: true,
        test: {
          name: "integration",
          include: [`${roots}/test/**/*.integration.ts`],
          exclude: ["**/node_modules/**", "benchmarks/peers/**"],
          testTimeout: 120_000,
          hookTimeout: 120_000
        }
      }
    ]
  }
})
