/** Migrations on a server, where others may be at it at the same time. */
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { Journal } from "@daybook/core/Journal"
import * as Database from "@daybook/postgres/Database"
import { migrate } from "@daybook/postgres/Migrations"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { describe, expect, it } from "vitest"
import { contents, migrationsSuite, upTo, values } from "./MigrationsSuite.ts"
import { freshSchema, serverUrl, stores } from "./Stores.ts"

const location = { url: serverUrl() }

migrationsSuite("PostgreSQL", location)

const program = new URL("./MigrateProcess.ts", import.meta.url).pathname

/** An effect on connections of its own. */
const alone = <A, E>(effect: Effect.Effect<A, E, any>): Promise<A> =>
  Effect.runPromise(Effect.provide(effect, Layer.fresh(Database.layer(location))) as Effect.Effect<A, E>)

describe("migrations at the same time", () => {
  it("on several connections are done once", async () => {
    const schema = freshSchema()
    const done = await Promise.all(Array.from({ length: 8 }, () => alone(migrate(schema, upTo(3), values))))
    expect(done.map(({ from, to }) => [from, to]).sort()).toEqual([[0, 3], ...Array.from({ length: 7 }, () => [3, 3])])
    expect((await alone(contents(schema))).applied).toHaveLength(3)
  })

  it("by several processes are done once, with the partitions of the first", async () => {
    const schema = freshSchema()
    const run = async (partitions: number) => {
      const { stdout } = await promisify(execFile)(process.execPath, [
        program,
        Redacted.value(location.url),
        schema,
        String(partitions)
      ])
      return { partitions, from: stdout.split(" ")[0] }
    }
    const done = await Promise.all([3, 5, 7, 11].map(run))
    const [first, ...others] = done.toSorted((a, b) => Number(a.from) - Number(b.from))
    expect(first!.from).toBe("0")
    for (const { from } of others) expect(Number(from)).toBeGreaterThan(0)
    const partitions = await Effect.runPromise(
      Effect.map(Journal, (journal) => journal.partitions).pipe(
        Effect.provide(stores(location, schema))
      ) as Effect.Effect<number>
    )
    expect(partitions).toBe(first!.partitions)
  })
})
