import { describe, expect, it } from "vitest"
import { readFigures } from "../src/limits/PgBench.ts"

const answer = `transaction type: insert.sql
number of clients: 32
number of transactions actually processed: 8716
number of failed transactions: 0 (0.000%)
latency average = 3.603 ms
initial connection time = 59.914 ms
tps = 8880.531 (without initial connection time)
`

describe("pgbench's answer", () => {
  it("is read as figures", () => {
    expect(readFigures(answer)).toEqual({ commands: 8716, commandsPerSecond: 8880.531, meanMillis: 3.603 })
  })

  it("is shown when it is none", () => {
    expect(() => readFigures("pgbench (15.18)")).toThrow("pgbench (15.18)")
  })
})
