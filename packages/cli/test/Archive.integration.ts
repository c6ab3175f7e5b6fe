/** `daybook archive` and `daybook prune` on an embedded store: what an operator does, in the order in which it is done. */

import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type Append, Journal } from "@daybook/core/Journal"
import * as Partition from "@daybook/core/Partition"
import { ProjectionStore } from "@daybook/core/ProjectionStore"
import * as Database from "@daybook/postgres/Database"
import * as Stores from "@daybook/postgres/Stores"
import * as CartViews from "@daybook/services/cart/Projections"
import { nothingKnown } from "@daybook/testkit/Metadata"
import { uuidV7Unsafe } from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { daybook, scratch } from "./Orders.ts"

const root = scratch()
const settings = { DAYBOOK_HOME: join(root, "store"), DAYBOOK_PARTITIONS: "2" }

afterAll(() => rmSync(root, { recursive: true, force: true }))

/** An event as the cart has stored it ever since. */
const stored = (type: string): Append["events"][number] => {
  const golden = new URL(`../../../services/test/cart/golden/${type}.v1.json`, import.meta.url)
  const { schemaVersion, data } = JSON.parse(readFileSync(golden, "utf8"))
  return { ...nothingKnown, eventId: uuidV7Unsafe(), type, schemaVersion, data, occurredAtMillis: 0 }
}

const cart = (id: string, ...types: ReadonlyArray<string>): Append => ({
  stream: Partition.streamOf("cart", id),
  partition: Partition.ofId(id, 2),
  expectedVersion: 0,
  events: types.map(stored),
  receipts: [],
  state: null,
  keepEvents: true
})

/** The ids of carts that were abandoned, and of some that were not. */
const closed = ["a", "b", "c", "cart-9"]
const open = ["e", "f", "g"]

const onStore = <A>(work: Effect.Effect<A, unknown, Journal | ProjectionStore | SqlClient>): Promise<A> =>
  work.pipe(
    Effect.provide(
      Layer.merge(
        Stores.writeSide({ schema: "cart", partitions: 2 }),
        Stores.readSide({ schema: "cart", tables: CartViews.tables })
      ).pipe(Layer.provideMerge(Database.layer({ folder: settings.DAYBOOK_HOME })))
    ),
    Effect.runPromise
  )

/** The carts, ten days old, and seen by every projection. */
const fill = Effect.gen(function* () {
  const journal = yield* Journal
  yield* journal.append([
    ...closed.map((id) => cart(id, "CartOpened", "ItemAdded", "CartAbandoned")),
    ...open.map((id) => cart(id, "CartOpened", "ItemAdded"))
  ])
  const sql = yield* SqlClient
  const older = Effect.andThen(
    sql.unsafe("SET LOCAL session_replication_role = replica"),
    sql.unsafe("UPDATE cart.event SET recorded_at = recorded_at - interval '10 days'")
  )
  yield* sql.withTransaction(older)
  const store = yield* ProjectionStore
  const heads = yield* journal.heads
  for (const name of ["cart-views", "cart-publication"]) {
    const offsets = yield* store.claim(name, { owner: "test", partitions: 2, leaseMillis: 60_000 })
    const advances = offsets.map(({ partition, epoch, position: from }) => ({
      partition,
      epoch,
      from,
      to: heads[partition]!
    }))
    yield* store.transact(name, advances, Effect.void)
  }
})

/** What is read of every cart, without the archive's setting. */
const events = () =>
  onStore(
    Effect.flatMap(SqlClient, (sql) =>
      sql.unsafe<{ readonly n: number }>("SELECT count(*)::integer AS n FROM cart.event")
    )
  ).then(([row]) => row!.n)

const run = (...args: ReadonlyArray<string>) => daybook(settings, ...args)

const parsed = async (...args: ReadonlyArray<string>) => {
  const { code, out, err } = await run(...args, "--json")
  expect({ code, err }).toEqual({ code: 0, err: "" })
  return JSON.parse(out)
}

describe("where nothing has run", () => {
  it("there is nothing to archive, to list or to prune, and nothing is made", async () => {
    expect(await run("archive", "run")).toMatchObject({ code: 0, out: "No service has run here yet." })
    expect(await run("archive", "list")).toMatchObject({ code: 0, out: "Nothing is archived." })
    expect((await run("prune", "--dry-run")).out).toContain("has run here yet")
  })
})

describe("on a store", () => {
  beforeAll(() => onStore(fill))

  it("what is not sealed stays, and how to seal it is told", async () => {
    const { out } = await run("archive", "run", "--older-than", "7")
    expect(out).toMatch(/^cart +0 +0 +0 +0 B {2}3 open, 4 not sealed$/m)
    expect(out).toContain("daybook audit seal")
    expect((await run("audit", "seal")).code).toBe(0)
  })

  it("what is recent stays, and a dry run writes nothing", async () => {
    expect((await run("archive", "run")).out).toMatch(/^cart +0 +0 +0 +0 B {2}7 recent$/m)
    const { out } = await run("archive", "run", "--older-than", "7", "--dry-run")
    expect(out).toMatch(/^cart +4 +8 +0 .*\n\nNothing was changed\.$/m)
    expect(existsSync(join(settings.DAYBOOK_HOME, "archive"))).toBe(false)
    expect(await events()).toBe(18)
  })

  it("closed carts are archived, as many as are asked for", async () => {
    expect(await parsed("archive", "run", "--older-than", "7", "--limit", "1")).toMatchObject([
      { service: "cart", streams: 1, events: 2 }
    ])
    expect(await parsed("archive", "run", "--older-than", "7")).toMatchObject([{ streams: 3, events: 6, bare: 1 }])
    expect(await events()).toBe(10)
    const files = await parsed("archive", "list")
    expect(files.reduce((sum: number, file: { events: number }) => sum + file.events, 0)).toBe(8)
    expect((await run("archive", "list")).out).toMatch(
      /^SERVICE +FILE +STREAMS +EVENTS +SIZE +UNPACKED +ARCHIVED\ncart +cart\/p/
    )
  })

  it("what looks through rows finds archived events too: checks, and what concerns a person", async () => {
    const { out } = await run("events", "check")
    expect(out).toMatch(/\n18 events, /)
    const { services } = JSON.parse((await run("subject", "export", "17850")).out)
    const found = services.cart.events.filter(({ stream }: { stream: string }) => stream === "cart-a")
    expect(found.map(({ version, type }: { version: number; type: string }) => `${version} ${type}`)).toEqual([
      "1 CartOpened",
      "2 ItemAdded",
      "3 CartAbandoned"
    ])
    expect(found[0].data.country).toBe("EIRE")
  })

  it("seals verify, and so does the archive", async () => {
    expect((await run("audit", "verify")).code).toBe(0)
    expect((await run("archive", "verify")).out).toMatch(/files, 8 events: each is whole, and holds what was sealed\.$/)
  })

  it("storage knows what is left", async () => {
    const { services } = await parsed("storage")
    expect(services[0].journal).toMatchObject({ appended: 18, events: 10 })
  })

  it("a damaged file and one that nobody needs are named, and verify ends with 1", async () => {
    const [file] = await parsed("archive", "list")
    const path = join(settings.DAYBOOK_HOME, "archive", file.name)
    const content = readFileSync(path)
    writeFileSync(path, content.subarray(0, -1))
    writeFileSync(join(settings.DAYBOOK_HOME, "archive", "cart", "spare"), "")
    const { code, out } = await run("archive", "verify")
    expect(code).toBe(1)
    expect(out).toContain(`${file.name}: Archive file ${file.name} in `)
    expect(out).toContain("is damaged")
    expect(out).toContain("cart/spare: this database does not name it")
    writeFileSync(path, content)
  })

  it("events check tells of what is in a damaged file, and reads the rest", async () => {
    const [file] = await parsed("archive", "list")
    const path = join(settings.DAYBOOK_HOME, "archive", file.name)
    const content = readFileSync(path)
    writeFileSync(path, content.subarray(0, -1))
    const { code, out } = await run("events", "check")
    writeFileSync(path, content)
    expect(code).toBe(1)
    expect(out).toMatch(/^SERVICE +STORED +VERSION +COUNT +TODAY\ncart +CartAbandoned +1 +\d /)
    expect(out).toContain(`\ncart: ${file.events} events could not be read. Archive file ${file.name} in `)
    expect(out).toContain(`\n${18 - file.events} events, `)
    expect(out).toContain(
      `This release understands all of these events and states. Of ${file.events} archived events nothing is known`
    )
  })

  it("streams are restored by name, and others are not there to restore", async () => {
    expect((await run("archive", "restore", "cart-a")).out).toContain("Restored 2 events of 1 streams.")
    expect((await run("archive", "restore", "cart-a")).err).toMatch(/^No events of cart-a are archived/)
    expect((await run("archive", "restore")).err).toMatch(/^Name the streams to restore, or give --all/)
    expect((await run("archive", "restore", "--all", "--service", "carts")).err).toMatch(/^There is no service carts/)
  })

  it("an id that was given for a stream is recognised, also where it looks like one", async () => {
    const { code, err } = await run("archive", "restore", "cart-9")
    expect(code).toBe(1)
    expect(err).toContain(
      "No events of cart-9 are archived; nothing was restored. The stream of that id is cart-cart-9: give that."
    )
    expect((await run("archive", "restore", "b")).err).toContain("The stream of that id is cart-b: give that.")
  })

  it("a damaged file does not keep the others from being restored, and is told of", async () => {
    const files = await parsed("archive", "list")
    expect(files.length).toBeGreaterThan(1)
    const [file] = files
    const path = join(settings.DAYBOOK_HOME, "archive", file.name)
    const content = readFileSync(path)
    rmSync(path)
    const { code, out } = await run("archive", "restore", "--all", "--json")
    const [, ...others] = files
    const count = (what: "streams" | "events") =>
      others.reduce((sum: number, one: Record<string, number>) => sum + one[what]!, 0)
    expect(code).toBe(1)
    expect(JSON.parse(out)).toMatchObject({
      streams: count("streams"),
      events: count("events"),
      restored: others.map(({ name, events }: { name: string; events: number }) => ({ file: name, events })),
      failed: [{ service: "cart", file: file.name, stream: null, why: expect.stringContaining(file.name) }]
    })
    expect(await events()).toBe(12 + count("events"))
    expect((await parsed("archive", "list")).map(({ name }: { name: string }) => name)).toEqual([file.name])

    const again = await run("archive", "restore", "--all")
    expect(again).toMatchObject({ code: 1, err: "" })
    expect(again.out).toContain(`Could not be restored, and is still archived:\n${file.name}: `)
    expect(again.out).toContain("Restored 0 events of 0 streams.")

    const left = closed.slice(1).filter((id) => Partition.ofId(id, 2) === file.partition)
    const named = await run("archive", "restore", ...left.map((id) => `cart-${id}`), "--json")
    expect({ code: named.code, left: left.length }).toEqual({ code: 1, left: file.streams })
    expect(JSON.parse(named.out).failed).toMatchObject(
      left.map((id) => ({ file: file.name, stream: `cart-${id}`, why: expect.stringContaining(file.name) }))
    )
    writeFileSync(path, content)
  })

  it("everything is restored, and verifies", async () => {
    expect((await parsed("archive", "restore", "--all")).failed).toEqual([])
    expect(await events()).toBe(18)
    expect((await run("audit", "verify")).code).toBe(0)
  })

  it("prune says what would go, deletes it when told to, and wants to be told which", async () => {
    expect((await run("prune")).err).toMatch(/^Say --dry-run/)
    expect(await parsed("prune", "--dry-run")).toEqual([{ service: "cart", retainedDays: 7, events: 11, stored: 7 }])
    expect(await events()).toBe(18)
    expect((await run("prune", "--now")).out).toMatch(/^SERVICE +DELETED.*\ncart +11 +7 +7$/)
    expect(await events()).toBe(7)
    expect(await parsed("prune", "--now")).toMatchObject([{ events: 0, stored: 0 }])
    expect((await run("audit", "verify")).code).toBe(0)
  })
})
