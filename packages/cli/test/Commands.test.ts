/**
 * How the command speaks: help with examples, two lines about what was not understood, exit codes, and the small commands of
 * operators.
 */
import { rmSync } from "node:fs"
import { join } from "node:path"
import * as Partition from "@daybook/core/Partition"
import { ProjectionStore } from "@daybook/core/ProjectionStore"
import * as Database from "@daybook/postgres/Database"
import * as SqlProjectionStore from "@daybook/postgres/SqlProjectionStore"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { csv, daybook, folder, line, scratch } from "./Orders.ts"

const root = scratch()
const settings = { DAYBOOK_HOME: join(root, "store") }

afterAll(() => rmSync(root, { recursive: true, force: true }))

describe("help", () => {
  it.each([
    [[], "daybook <subcommand>"],
    [["archive"], "daybook archive <subcommand>"],
    [["archive", "run"], "daybook archive run"],
    [["archive", "list"], "daybook archive list"],
    [["archive", "verify"], "daybook archive verify"],
    [["archive", "restore"], "daybook archive restore"],
    [["prune"], "daybook prune"],
    [["storage"], "daybook storage"],
    [["import"], "daybook import <subcommand>"],
    [["import", "online-retail"], "daybook import online-retail [flags] <folder>"],
    [["migrate"], "daybook migrate"],
    [["audit"], "daybook audit <subcommand>"],
    [["audit", "seal"], "daybook audit seal"],
    [["audit", "verify"], "daybook audit verify"],
    [["audit", "prove"], "daybook audit prove [flags] [<stream>] [<version>]"],
    [["audit", "anchor"], "daybook audit anchor"],
    [["audit", "rotate"], "daybook audit rotate"],
    [["projection"], "daybook projection <subcommand>"],
    [["projection", "as-of"], "daybook projection as-of [flags] [<projection>] [<query...>]"],
    [["projection", "list"], "daybook projection list"],
    [["projection", "pause"], "daybook projection pause"],
    [["projection", "rebuild"], "daybook projection rebuild [flags] <projection>"],
    [["projection", "resume"], "daybook projection resume"],
    [["projection", "unpark"], "daybook projection unpark"]
  ])("of daybook %j says what it does, with examples", async (command, usage) => {
    const { code, out, err } = await daybook({}, ...command, "--help")
    expect({ code, err }).toEqual({ code: 0, err: "" })
    expect(out).toMatch(/^DESCRIPTION\n {2}\S/)
    expect(out).toContain(usage)
    expect(out).toMatch(/\n\nEXAMPLES\n {2}# .+\n {2}(\S+=\S+ )?daybook /)
  })

  it("tells the version", async () => {
    expect(await daybook({}, "--version")).toMatchObject({ code: 0, out: "daybook v1.2.3" })
  })
})

describe("what is not understood is said in two lines, with where to look, and ends with 2", () => {
  it.each([
    [["impotr"], 'Unknown subcommand "impotr" for "daybook". Did you mean import?\nSee daybook --help'],
    [["import", "online-retail"], "Missing required argument: folder\nSee daybook import online-retail --help"],
    [["projection", "pause"], "Missing required argument: projection\nSee daybook projection pause --help"],
    [
      ["migrate", "--jsno"],
      "Unrecognized flag: --jsno in command daybook migrate. Did you mean --json?\nSee daybook migrate --help"
    ]
  ])("daybook %j", async (args, said) => {
    expect(await daybook({}, ...args)).toEqual({ code: 2, out: "", err: said })
  })

  it("a number out of range", async () => {
    const { code, err } = await daybook({}, "import", "online-retail", "x", "--concurrency", "0")
    expect(code).toBe(2)
    expect(err).toMatch(
      /--concurrency: "0"\. Expected a value between 1 and 10000\nSee daybook import online-retail --help$/
    )
  })

  it.each([
    [["history", "show", "order-1", "--version", "abc"], 'flag --version: "abc"'],
    [["history", "show", "order-1", "--version", "1.5"], 'flag --version: "1.5"'],
    [["audit", "prove", "order-1", "abc"], 'argument <version>: "abc"']
  ])("a number that is none, or no whole one: daybook %j", async (args, what) => {
    const { code, err } = await daybook({}, ...args)
    expect(code).toBe(2)
    expect(err).toMatch(/^Invalid value for .*\. Expected a whole number\nSee daybook \w+ \w+ --help$/)
    expect(err).toContain(what)
  })

  it("a command that lacks its subcommand shows the help", async () => {
    const { code, out } = await daybook({}, "projection")
    expect(code).toBe(2)
    expect(out).toContain("unpark")
  })
})

describe("settings that are wrong are named", () => {
  it.each([
    [{ DAYBOOK_PARTITIONS: "0" }, "DAYBOOK_PARTITIONS is", "between 1 and 1024"],
    [{ DATABASE_URL: "localhost" }, "DATABASE_URL is not a URL", "postgres://"],
    [
      { DATABASE_URL: "postgres://user:s3cret@127.0.0.1:1/shop" },
      "No answer from PostgreSQL at 127.0.0.1:1/shop",
      "Check that"
    ]
  ])("%j", async (wrong, what, advice) => {
    const { code, out, err } = await daybook(wrong, "projection", "list")
    expect({ code, out }).toEqual({ code: 1, out: "" })
    expect(err).toContain(what)
    expect(err).toContain(advice)
    expect(err).not.toMatch(/s3cret|\n\s+at /)
  })
})

/** Does what a worker of the read models would, on the store that the commands work on. */
const onReadSide = (
  { DAYBOOK_HOME }: { readonly DAYBOOK_HOME: string },
  work: (store: ProjectionStore["Service"]) => Effect.Effect<unknown, Error>
) =>
  Effect.flatMap(ProjectionStore, work).pipe(
    Effect.provide(SqlProjectionStore.layer("cart").pipe(Layer.provide(Database.layer({ folder: DAYBOOK_HOME })))),
    Effect.runPromise
  )

describe("on a store", () => {
  it("migrate says what it did, and the second time that there was nothing to do", async () => {
    const first = await daybook(settings, "migrate", "--json")
    expect(first).toMatchObject({ code: 0, err: "" })
    const applied: ReadonlyArray<{ schema: string; set: string; from: number; to: number }> = JSON.parse(first.out)
    expect(applied.map(({ schema, set }) => `${schema}.${set}`)).toEqual(
      expect.arrayContaining([
        ...["checkout.saga", "cart.cart", "orders.order", "inventory.inventory", "payment.payment"],
        ...["checkout", "cart", "orders", "inventory", "payment"].flatMap((service) => [
          `${service}.journal`,
          `${service}.inbox`
        ]),
        ...["import.import", "broker.broker"]
      ])
    )
    for (const { from, to } of applied) expect(from === 0 && to > 0).toBe(true)
    const { code, out } = await daybook(settings, "migrate")
    expect(code).toBe(0)
    expect(out.split("\n")).toHaveLength(1 + applied.length)
    expect(out).toMatch(/^SCHEMA +SET +MIGRATIONS\n(.*\n)*cart +journal +at \d+, up to date\n/)
    expect(out).not.toContain("migrated")
  })

  it("projections are listed, paused and resumed", async () => {
    const { code, out, err } = await daybook(settings, "projection", "list")
    expect({ code, err }).toEqual({ code: 0, err: "" })
    expect(out).toMatch(/^PROJECTION +SERVICE +BEHIND {2}STATE\n(.*\n)*cart-views +cart +0 {2}in order$/m)
    const paused = await daybook(settings, "projection", "pause", "cart-views")
    expect(paused.out).toContain("cart-views is paused. To go on: daybook projection resume cart-views")
    const listed = await daybook(settings, "projection", "list", "--json")
    expect(JSON.parse(listed.out)).toContainEqual(
      expect.objectContaining({ name: "cart-views", paused: true, lag: 0, parked: [] })
    )
    const resumed = await daybook(settings, "projection", "resume", "cart-views", "--json")
    expect(JSON.parse(resumed.out)).toMatchObject([{ name: "cart-views", paused: false }])
  })

  it("a partition that has stopped is shown with why, and goes on when it is resumed", async () => {
    await onReadSide(settings, (store) =>
      Effect.andThen(
        store.claim("cart-views", { owner: "gone", partitions: 8, leaseMillis: 1 }),
        store.stop("cart-views", 3, "an event that this code cannot read")
      )
    )
    const { out } = await daybook(settings, "projection", "list")
    expect(out).toMatch(/^cart-views +cart +0 {2}1 of 8 partitions stopped$/m)
    expect(out).toContain(
      "cart-views, partition 3: an event that this code cannot read\n" +
        "  Once that is mended: daybook projection resume cart-views"
    )
    const { out: resumed } = await daybook(settings, "projection", "resume", "cart-views")
    expect(resumed).toMatch(/^cart-views +cart +0 {2}in order$/m)
  })

  it("a projection or a stream that is not there is told of, with what is", async () => {
    const unknown = await daybook(settings, "projection", "pause", "carts")
    expect(unknown).toMatchObject({ code: 1, out: "" })
    expect(unknown.err).toMatch(/^There is no projection carts\. There are: .*cart-views.*\.$/)
    expect(await daybook(settings, "projection", "unpark", "cart-views", "cart-1")).toEqual({
      code: 1,
      out: "",
      err: "cart-views has not set cart-1 aside. daybook projection list shows the streams that are."
    })
  })
})

describe("a stream that was set aside", () => {
  const apart = { DAYBOOK_HOME: join(root, "apart") }
  const orders = folder({ "1.csv": csv(line({ invoice: "7", quantity: "2", price: "1.50" })) })
  const importing = () =>
    daybook(apart, "import", "online-retail", orders, "--json", "--rejects", join(root, "out/rejects.csv"))

  beforeAll(async () => {
    await daybook(apart, "projection", "pause", "cart-views")
    expect((await importing()).err).toContain("they are paused")
    // As a worker does that cannot apply the cart's first event.
    const partition = Partition.ofId("7", 8)
    const first = { stream: "cart-7", partition, version: 1, position: 1, reason: "no such column", parkedAtMillis: 0 }
    await onReadSide(apart, (store) => store.park("cart-views", first))
    await daybook(apart, "projection", "resume", "cart-views")
  })

  afterAll(() => rmSync(orders, { recursive: true, force: true }))

  it("keeps the report waiting, is shown with what to do, and is taken back in", async () => {
    expect((await importing()).err).toContain("1 cart is set aside, the first because: no such column")
    const { out } = await daybook(apart, "projection", "list")
    expect(out).toMatch(/^cart-views +cart +0 {2}1 stream set aside$/m)
    expect(out).toContain(
      "cart-views, stream cart-7 from version 1: no such column\n" +
        "  Once that is mended: daybook projection unpark cart-views cart-7"
    )
    const unparked = await daybook(apart, "projection", "unpark", "cart-views", "cart-7")
    expect(unparked).toMatchObject({ code: 0, err: "" })
    expect(unparked.out).toMatch(/^cart-views +cart +0 {2}in order$/m)
    expect(JSON.parse((await importing()).out)).toMatchObject({ accepted: 1, revenueMinor: 300 })
  })

  it("whose events are gone stays aside, and says so", async () => {
    const gone = { stream: "cart-8", partition: 0, version: 1, position: 1, reason: "bad", parkedAtMillis: 0 }
    await onReadSide(apart, (store) => store.park("cart-views", gone))
    const { code, err } = await daybook(apart, "projection", "unpark", "cart-views", "cart-8")
    expect(code).toBe(1)
    expect(err).toMatch(/still cannot apply stream cart-8 from version 1 on: its events are gone\. Nothing was changed/)
  })
})

describe("on a store that a later release has brought further", () => {
  const later = { DAYBOOK_HOME: join(root, "later") }

  const beLater = Effect.flatMap(SqlClient, (sql) =>
    sql.unsafe("INSERT INTO cart.migration (set_name, number, name) VALUES ('journal', 999, 'of-a-later-release')")
  ).pipe(Effect.provide(Database.layer({ folder: later.DAYBOOK_HOME })))

  beforeAll(async () => {
    expect((await daybook(later, "migrate")).code).toBe(0)
    await Effect.runPromise(beLater)
  })

  it.each([[["migrate"]], [["projection", "list"]]])("daybook %j refuses, and says what to do", async (command) => {
    const { code, out, err } = await daybook(later, ...command)
    expect({ code, out }).toEqual({ code: 1, out: "" })
    expect(err).toMatch(
      /^Schema cart is at migration 999 of "journal"; this release knows \d+\. Run the release that migrated it, or a later one\./
    )
  })
})
