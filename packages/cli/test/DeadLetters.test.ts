/**
 * What operators rely on: they see what was given up and why, a message that they replay or discard is gone back or gone, what they
 * correct is held to the contract before anything is changed, and every refusal says what to do.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as NodeServices from "@effect/platform-node/NodeServices"
import type * as Cause from "effect/Cause"
import * as ConfigProvider from "effect/ConfigProvider"
import { TerminalCapabilities } from "effect/cli/TerminalCapabilities"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Terminal from "effect/Terminal"
import * as TestConsole from "effect/testing/TestConsole"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as Daybook from "../src/Daybook.ts"
import { completeCart, held, heldIn, setAside } from "./Letters.ts"
import { daybook, scratch } from "./Orders.ts"

const root = scratch()
const folder = join(root, "store")
const settings = { DAYBOOK_HOME: folder }
const at = { folder }

const dead = (...args: ReadonlyArray<string>) => daybook(settings, "dead-letter", ...args)

const numbers = async (...args: ReadonlyArray<string>) => {
  const { out } = await dead("list", "--json", ...args)
  return JSON.parse(out).map(({ service, number }: { service: string; number: number }) => `${service} ${number}`)
}

/** Content in a file of its own. */
const file = (name: string, content: unknown): string => {
  const path = join(root, name)
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content))
  return path
}

const first = completeCart("m-1", "cart-1", { checkout: "checkout-1" })
const garbage = "\u0007not a \u001b[31mCloudEvent\n"

beforeAll(async () => {
  await setAside(at, "cart", "cart-commands", [
    held(first, { attempts: 1, error: 'CompleteCart: missing key\n  at ["checkoutId"]' }),
    held(completeCart("m-2", "cart-1"), { state: "waiting", attempts: 0, error: "" }),
    held(completeCart("m-3", "cart-1"), { state: "waiting", attempts: 0, error: "" }),
    held(completeCart("m-4", "cart-2"), { state: "retrying", attempts: 3 })
  ])
  await setAside(at, "orders", "order-events", [
    held(completeCart("m-5", "order-1"), {
      topic: "elsewhere",
      key: "elsewhere/0/17",
      messageId: "elsewhere/0/17",
      text: garbage
    })
  ])
}, 60_000)

afterAll(() => rmSync(root, { recursive: true, force: true }))

describe("list", () => {
  it("shows what was given up in every service, what waits behind, why, and how to go on", async () => {
    const { code, out, err } = await dead("list")
    expect({ code, err }).toEqual({ code: 0, err: "" })
    expect(out.split("\n")).toEqual([
      "SERVICE  NUMBER  STATE  CONSUMER       MESSAGE       KEY             ATTEMPTS  BEHIND  SET ASIDE",
      "cart          1  dead   cart-commands  CompleteCart  cart-1                 1       2  2026-11-22T01:02:04Z",
      "order         1  dead   order-events   unreadable    elsewhere/0/17         8       0  2026-11-22T01:02:04Z",
      "",
      'cart 1: CompleteCart: missing key   at ["checkoutId"]',
      "  To see it whole: daybook dead-letter show 1 --service cart",
      "order 1: the price list does not answer",
      "  To see it whole: daybook dead-letter show 1 --service order"
    ])
  })

  it("filters by service and consumer, and shows on demand what is not dead", async () => {
    expect(await numbers()).toEqual(["cart 1", "order 1"])
    expect(await numbers("--service", "order")).toEqual(["order 1"])
    expect(await numbers("--consumer", "cart-commands")).toEqual(["cart 1"])
    expect(await numbers("--all")).toEqual(["cart 1", "cart 2", "cart 3", "cart 4", "order 1"])
    expect(await numbers("--all", "--limit", "2")).toEqual(["cart 1", "cart 2"])
    expect((await dead("list", "--all", "--limit", "2")).out).toContain("There may be more than these 2")
  })

  it("says so when there is none, also of a service that has never run there", async () => {
    expect(await dead("list", "--service", "payment")).toEqual({ code: 0, out: "There are no dead letters.", err: "" })
    expect((await dead("list", "--service", "payment", "--all")).out).toBe("No message is set aside.")
    expect(await dead("list", "--service", "payment", "--json")).toEqual({ code: 0, out: "[]", err: "" })
  })
})

describe("show", () => {
  it("shows a message whole, and what can be done about it", async () => {
    const { code, out } = await dead("show", "1", "--service", "cart")
    expect(code).toBe(0)
    expect(out).toMatch(/^message +CompleteCart, schema version 1\nfrom +\/checkout\nhappened +2026-11-22T01:02:03Z\n/)
    expect(out).toContain("dead; 1 attempt, 2 messages of the same key wait behind it\n")
    expect(out).toContain('"partitionkey": "cart-1"')
    expect(out).toContain("daybook dead-letter replay 1 --service cart --edit")
  })

  it("shows what cannot be read without passing its control characters to the terminal", async () => {
    const { out } = await dead("show", "1", "--service", "order")
    expect(out).toMatch(/^message +unreadable\nid +elsewhere\/0\/17\n/)
    expect(out).toContain("\ufffdnot a \ufffd[31mCloudEvent")
    expect(out).not.toMatch(/(?!\n)\p{Cc}/u)
  })

  it("gives programs the text as it came", async () => {
    const { out } = await dead("show", "1", "--service", "order", "--json")
    expect(JSON.parse(out)).toMatchObject({ service: "order", number: 1, state: "dead", type: null, text: garbage })
  })

  it("asks which is meant when two services have that number, and says when there is none", async () => {
    expect(await dead("show", "1")).toEqual({
      code: 1,
      out: "",
      err: "There is a message 1 of cart and of order. Say which: --service cart or --service order"
    })
    expect(await dead("show", "99")).toMatchObject({ code: 1, err: expect.stringContaining("dead-letter list --all") })
  })
})

describe("a correction that no consumer could read changes nothing, and says what is wrong", () => {
  const event = JSON.parse(held(first).text)
  const before = heldIn

  it.each<[string, unknown, string]>([
    ["no JSON", "{", "is not JSON"],
    ["data of another shape", { checkout: 1 }, "CompleteCart (schema version 1), message m-1 on cart-commands"],
    ["another message's id", { ...event, id: "m-9" }, 'has the id "m-9"'],
    ["another key", { ...event, partitionkey: "cart-9" }, 'the key (partitionkey) "cart-9"'],
    ["an event without a type", { ...event, type: undefined }, "is not a CloudEvent that a consumer could read"],
    ["a message that there is not", { ...event, type: "EmptyTheTill" }, "this code has no message of that name"]
  ])("%s", async (name, content, complaint) => {
    const path = file(`${name}.json`, content)
    const { code, out, err } = await dead("replay", "1", "--service", "cart", "--data", path)
    expect({ code, out }).toEqual({ code: 1, out: "" })
    expect(err).toContain(complaint)
    expect(err).toMatch(/Nothing was changed\.$/)
    expect((await before(at, "cart"))[0]).toMatchObject({ state: "dead", attempts: 1, text: held(first).text })
  })

  it("data alone for a message without an envelope", async () => {
    const { code, err } = await dead("replay", "1", "--service", "order", "--data", file("data.json", { n: 1 }))
    expect(code).toBe(1)
    expect(err).toContain("has to be a whole CloudEvent")
  })

  it("a file that is not there, or an editor beside a file", async () => {
    expect(await dead("replay", "1", "--data", join(root, "none.json"))).toMatchObject({ code: 2 })
    const both = await dead("replay", "1", "--edit", "--data", file("data.json", {}))
    expect(both).toMatchObject({ code: 1, err: expect.stringContaining("either --edit or --data") })
  })
})

/** An editor that does something to the file. */
const editor = (command: string) => ({ ...settings, EDITOR: `sh -c '${command}' editor` })

describe("an editor", () => {
  const edit = (command: string) =>
    daybook(editor(command), "dead-letter", "replay", "1", "--service", "cart", "--edit")

  it("that is left without a change, or with a failure, changes nothing", async () => {
    expect(await edit("true")).toMatchObject({ code: 1, err: expect.stringContaining("leave --edit out") })
    expect(await edit("exit 3")).toMatchObject({ code: 1, err: expect.stringContaining("ended with 3") })
  })

  it("that leaves something wrong does not lose what was written", async () => {
    const { code, err } = await edit('sed -i s/checkoutId.*/nonsense/ "$1"; echo mine >> "$1"')
    expect(code).toBe(1)
    const [, kept] = /use it with --data (.*)$/.exec(err) ?? []
    expect(readFileSync(kept!, "utf8")).toContain("mine")
    rmSync(kept!)
    expect((await heldIn(at, "cart"))[0]).toMatchObject({ state: "dead", text: held(first).text })
  })

  it("corrects a message, and leaves no copy of it behind", async () => {
    const note = join(root, "note")
    const { code, out } = await edit(`sed -i s/checkout\\\\\\":/checkoutId\\\\\\":/ "$1"; dirname "$1" > ${note}`)
    expect({ code, out }).toEqual({
      code: 0,
      out:
        "Message 1 of cart was corrected and goes back to cart-commands, which tries it as soon as it runs. " +
        "The 2 messages behind it follow in order."
    })
    expect(() => readdirSync(readFileSync(note, "utf8").trim())).toThrow("ENOENT")
    const [letter] = await heldIn(at, "cart")
    expect(letter).toMatchObject({ state: "retrying", attempts: 0, messageId: "m-1" })
    expect(JSON.parse(letter!.text)).toMatchObject({ id: "m-1", data: { checkoutId: "checkout-1" } })
  })
})

describe("replay", () => {
  it("with other data keeps the envelope; the message is due at once", async () => {
    const data = file("good.json", { checkoutId: "checkout-7" })
    const { code, out } = await dead("replay", "1", "--service", "cart", "--data", data, "--json")
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ service: "cart", number: 1, state: "retrying", attempts: 0, behind: 2 })
    const [letter] = await heldIn(at, "cart")
    expect(JSON.parse(letter!.text)).toEqual({ ...JSON.parse(held(first).text), data: { checkoutId: "checkout-7" } })
    expect(letter!.nextAttemptAtMillis).toBeLessThanOrEqual(Date.now())
  })

  it("as it is, of one that is being tried again, lets it begin anew", async () => {
    expect(await dead("replay", "4")).toEqual({
      code: 0,
      out: "Message 4 of cart goes back to cart-commands, which tries it as soon as it runs.",
      err: ""
    })
    expect((await heldIn(at, "cart"))[3]).toMatchObject({ state: "retrying", attempts: 0 })
  })

  it("of one that cannot be read takes a whole CloudEvent; what is no topic of ours cannot be checked further", async () => {
    const event = file("event.json", held(completeCart("m-5", "order-1"), {}).text)
    expect((await dead("replay", "1", "--service", "order", "--data", event)).code).toBe(0)
    const [letter] = await heldIn(at, "orders")
    expect(letter).toMatchObject({ state: "retrying", text: held(completeCart("m-5", "order-1")).text })
  })

  it("is refused to one that waits behind another, which is named", async () => {
    expect(await dead("replay", "3")).toEqual({
      code: 1,
      out: "",
      err:
        "Message 3 waits behind message 1 (retrying) of the same key, and follows it by itself. " +
        "Replay that one: daybook dead-letter replay 1 --service cart"
    })
  })
})

/** Somebody at a terminal, who presses a key when asked. */
const atTerminal = (key: string) => {
  const asked: Array<string> = []
  const pressed = { input: Option.some(key), key: { name: key, ctrl: false, meta: false, shift: false } }
  const terminal = Terminal.make({
    columns: Effect.succeed(120),
    rows: Effect.succeed(40),
    size: Effect.flatMap(Queue.unbounded<Terminal.Size, Cause.Done>(), (sizes) =>
      Effect.as(Queue.offer(sizes, { columns: 120, rows: 40 }), sizes)
    ),
    readInput: Effect.flatMap(Queue.unbounded<Terminal.UserInput, Cause.Done>(), (keys) =>
      Effect.as(Queue.offer(keys, pressed), keys)
    ),
    readLine: Effect.succeed(key),
    display: (text) => Effect.sync(() => asked.push(text))
  })
  const run = (...args: ReadonlyArray<string>) =>
    Effect.andThen(Daybook.run(["dead-letter", ...args], "1.2.3"), TestConsole.logLines).pipe(
      Effect.provideService(Terminal.Terminal, terminal),
      Effect.provideService(TerminalCapabilities, { canColor: false, canAnimate: false, canPrompt: true }),
      Effect.provide(
        Layer.mergeAll(
          NodeServices.layer,
          TestConsole.layer,
          ConfigProvider.layer(ConfigProvider.fromUnknown(settings))
        )
      ),
      Effect.runPromise
    )
  return { asked, run }
}

describe("discard", () => {
  const because = ["--reason", "Sent twice by mistake"]

  it("wants to know why", async () => {
    const { code, err } = await dead("discard", "2", "--yes")
    expect(code).toBe(2)
    expect(err).toContain("--reason")
    expect((await dead("discard", "2", "--yes", "--reason", " ")).err).toContain("Expected why it is given up")
    expect(await heldIn(at, "cart")).toHaveLength(4)
  })

  it("asks whoever is there, names the message and what waits behind it, and takes no for an answer", async () => {
    const { asked, run } = atTerminal("n")
    expect(await run("discard", "2", ...because)).toEqual(["Nothing was discarded."])
    expect(asked.join("")).toContain(
      "Discard message 2 of cart (CompleteCart, key cart-1) for good? 1 message of the same key waits behind it"
    )
    expect(await heldIn(at, "cart")).toHaveLength(4)
  })

  it("does nothing when nobody is there to be asked", async () => {
    const { code, out, err } = await dead("discard", "2", ...because)
    expect({ code, out }).toEqual({ code: 1, out: "" })
    expect(err).toMatch(/gone for good.*Say --yes/)
    expect(await heldIn(at, "cart")).toHaveLength(4)
  })

  it("removes a message, and says what becomes of those behind it", async () => {
    expect((await dead("discard", "2", ...because, "--yes")).out).toBe(
      "Message 2 of cart is discarded. The 1 message behind it still waits for one before it."
    )
    expect((await dead("discard", "1", ...because, "--service", "cart", "--yes")).out).toBe(
      "Message 1 of cart is discarded. The 1 message behind it is handled next, in order."
    )
    expect(await atTerminal("y").run("discard", "4", ...because)).toEqual([
      "Message 4 of cart is discarded. Nothing waited behind it."
    ])
    const left = await heldIn(at, "cart")
    expect(left.map(({ number }) => number)).toEqual([3])
    const trail = await daybook(settings, "audit", "search", "--type", "Discarded", "--oldest-first", "--json")
    const entries = JSON.parse(trail.out).entries
    expect(entries).toMatchObject([
      { actor: expect.stringMatching(/^operator:./), reason: "Sent twice by mistake", data: expect.anything() },
      { message: expect.stringContaining("missing key"), type: "CompleteCart" },
      {}
    ])
  })

  it("gives programs the message, so that they can keep it", async () => {
    const { code, out } = await dead("discard", "3", ...because, "--yes", "--json")
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ number: 3, id: "m-3", text: held(completeCart("m-3", "cart-1")).text })
    expect(await dead("discard", "3", ...because, "--yes")).toMatchObject({ code: 1 })
  })
})

describe("help", () => {
  it.each([[["list"]], [["show"]], [["replay"]], [["discard"]], [[]]])(
    "of daybook dead-letter %j has examples",
    async (command) => {
      const { code, out } = await daybook({}, "dead-letter", ...command, "--help")
      expect(code).toBe(0)
      expect(out).toMatch(/^DESCRIPTION\n {2}\S(.|\n)*\nEXAMPLES\n {2}# .+\n {2}daybook dead-letter /)
    }
  )
})
