/** What a reader of the audit trail relies on: one order of time over all sources, nothing twice or left out, page after page. */
import type { Entry } from "@daybook/core/AuditTrail"
import type { Order, Source } from "@daybook/postgres/SqlAuditTrail"
import * as Effect from "effect/Effect"
import * as FastCheck from "fast-check"
import { describe, expect, it } from "vitest"
import { AuditMerge } from "../src/AuditMerge.ts"

const entryAt = (recordedAtMillis: number, id: string) => ({ id, recordedAtMillis }) as Entry

/** A source whose places are 1, 2, 3 … with entries of these times; some places hold nothing that fits. */
const sourceOf = (name: string, times: ReadonlyArray<number | undefined>, order: Order): Source => {
  const all = times.map((time, i) => ({ place: i + 1, time }))
  const inOrder = order === "ascending" ? all : all.toReversed()
  return {
    size: times.length,
    look: (after, limit) =>
      Effect.sync(() => {
        const rest = inOrder.filter(
          ({ place }) => after === undefined || (order === "ascending" ? place > after : place < after)
        )
        // A statement looks at no more than three places.
        const seen = rest.slice(0, 3)
        const found = seen.flatMap(({ place, time }) =>
          time === undefined ? [] : [{ place, entry: entryAt(time, `${name}${place}`) }]
        )
        const given = found.slice(0, limit)
        const at = given.length < found.length || given.length === limit ? given.at(-1)?.place : seen.at(-1)?.place
        const isLast = at === undefined || at === inOrder.at(-1)?.place
        return { found: given, next: isLast ? undefined : at, looked: seen.length }
      })
  }
}

const read = (
  sources: ReadonlyArray<Source>,
  order: Order,
  { after, limit = 1_000, pageSize = 2 }: { after?: string | undefined; limit?: number; pageSize?: number } = {}
) =>
  Effect.runPromise(
    Effect.gen(function* () {
      const merge = yield* AuditMerge.make(sources, order, { after, pageSize, looked: () => {} })
      return { ids: (yield* merge.take(limit)).map(({ id }) => id), cursor: yield* merge.cursor }
    })
  )

const a = [10, undefined, 30, 50]
const b = [20, 30, undefined, undefined, undefined, undefined, undefined, 60]

describe("entries of several sources", () => {
  it("come in order of time, the oldest first", async () => {
    const { ids, cursor } = await read([sourceOf("a", a, "ascending"), sourceOf("b", b, "ascending")], "ascending")
    expect(ids).toEqual(["a1", "b1", "a3", "b2", "a4", "b8"])
    expect(cursor).toBeUndefined()
  })

  it("or the newest first", async () => {
    const { ids } = await read([sourceOf("a", a, "descending"), sourceOf("b", b, "descending")], "descending")
    expect(ids).toEqual(["b8", "a4", "a3", "b2", "b1", "a1"])
  })

  it("are none where there are no sources, or nothing fits", async () => {
    expect(await read([], "ascending")).toEqual({ ids: [], cursor: undefined })
    expect(await read([sourceOf("a", [undefined, undefined], "ascending")], "ascending")).toMatchObject({ ids: [] })
  })

  it("page after page, are what they are at once: nothing twice, nothing left out", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(
        FastCheck.array(FastCheck.array(FastCheck.option(FastCheck.nat(9), { nil: undefined }), { maxLength: 9 }), {
          maxLength: 3
        }),
        FastCheck.integer({ min: 1, max: 4 }),
        FastCheck.constantFrom<Order>("ascending", "descending"),
        async (times, limit, order) => {
          // Within a source, time goes on.
          const risen = times.map((one) => {
            const sorted = one.filter((time) => time !== undefined).sort((x, y) => x - y)
            return one.map((time) => (time === undefined ? undefined : sorted.shift()))
          })
          const sources = risen.map((one, i) => sourceOf(`s${i}-`, one, order))
          const whole = await read(sources, order)
          const paged: Array<string> = []
          let after: string | undefined
          do {
            const page = await read(sources, order, { after, limit, pageSize: limit })
            expect(page.ids.length).toBeLessThanOrEqual(limit)
            paged.push(...page.ids)
            after = page.cursor
          } while (after !== undefined)
          expect(paged).toEqual(whole.ids)
        }
      )
    ))

  it("that are written between two pages do not come up in the middle", async () => {
    const first = await read([sourceOf("a", a, "descending"), sourceOf("b", b, "descending")], "descending", {
      limit: 1
    })
    expect(first.ids).toEqual(["b8"])
    const later = [...a, 70]
    const sources = [sourceOf("a", later, "descending"), sourceOf("b", b, "descending")]
    expect((await read(sources, "descending", { after: first.cursor })).ids).toEqual(["a4", "a3", "b2", "b1", "a1"])
  })
})

it.each(["nonsense!", "1_2_3", "_"])("a cursor of another search, %j, is refused", async (after) => {
  await expect(read([sourceOf("a", a, "ascending")], "ascending", { after })).rejects.toThrow("cannot go on after")
})
