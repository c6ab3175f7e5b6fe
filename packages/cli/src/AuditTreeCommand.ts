/**
 * `daybook audit tree`: a conversation across services, as a tree of what led to what. Reads, and changes nothing.
 */
import { type Node, treesOf } from "@daybook/core/AuditTree"
import * as Console from "effect/Console"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { asJson, instant, what, who } from "./AuditEntry.ts"
import * as AuditTrails from "./AuditTrails.ts"
import { Failure } from "./Failure.ts"
import { printable } from "./Printable.ts"
import { group } from "./Table.ts"

/** `+12 ms`, `+3.4 s`, `+15 min`. */
const after = (millis: number): string => {
  const size = Math.abs(millis)
  const sign = millis < 0 ? "-" : "+"
  if (size < 1_000) return `${sign}${size} ms`
  if (size < 120_000) return `${sign}${(size / 1_000).toFixed(1)} s`
  return `${sign}${group(Math.round(size / 60_000))} min`
}

/** The step of a saga, which says more than that there was one. */
const stepOf = (data: unknown): string => {
  const step = (data as { readonly step?: unknown } | null)?.step
  return typeof step === "string" ? ` ${printable(step)}` : ""
}

/** One entry; who did it where that is not who did what caused it. */
const lineOf = ({ entry, afterMillis }: Node, cause: Node | undefined): string => {
  const place = `${entry.service} ${printable(entry.stream)}${entry.version === null ? "" : ` v${entry.version}`}`
  const when = afterMillis === null ? instant(entry.recordedAtMillis) : after(afterMillis)
  const by = cause !== undefined && cause.entry.actor === entry.actor ? [] : [`by ${who(entry)}`]
  const why = entry.reason === null ? [] : [`"${printable(entry.reason)}"`]
  const told = entry.message === null ? [] : [printable(entry.message)]
  return [`${what(entry)}${stepOf(entry.data)}`, place, when, ...by, ...why, ...told].join("  ")
}

/** A tree as lines, without recursion: a long conversation is a deep one. */
const linesOf = (roots: ReadonlyArray<Node>): ReadonlyArray<string> => {
  interface Open {
    readonly node: Node
    readonly cause: Node | undefined
    readonly own: string
    readonly below: string
  }
  const lines: Array<string> = []
  const open: Array<Open> = roots.map((node) => ({ node, cause: undefined, own: "", below: "" })).reverse()
  while (open.length > 0) {
    const { node, cause, own, below } = open.pop()!
    lines.push(own + lineOf(node, cause))
    const effects = node.effects.map((effect, i): Open => {
      const isLast = i === node.effects.length - 1
      return {
        node: effect,
        cause: node,
        own: `${below}${isLast ? "└─ " : "├─ "}`,
        below: `${below}${isLast ? "   " : "│  "}`
      }
    })
    open.push(...effects.reverse())
  }
  return lines
}

/** For programs: entries within those that they follow from. */
const nested = ({ entry, afterMillis, effects }: Node): object => ({
  ...asJson(entry),
  afterMillis,
  effects: effects.map(nested)
})

const nothing = (conversation: string): Failure =>
  new Failure({
    message:
      `Nothing belongs to ${printable(conversation)}. Give the correlation id of a conversation (of a checkout: its id, which is its ` +
      "order's), the Idempotency-Key of a command, or the id of an event. daybook audit search --json shows them."
  })

/** `daybook audit tree`. */
export const auditTreeCommand = Command.make(
  "tree",
  {
    conversation: Argument.String("conversation").pipe(
      Argument.withMetavar("CORRELATION"),
      Argument.withDescription("The id of a conversation, of a command that began one, or of one of its events")
    ),
    json: Flag.Boolean("json").pipe(Flag.withDescription("Print the result as JSON, nested"), Flag.withDefault(false))
  },
  Effect.fn("Daybook.auditTree")(function* ({ conversation, json }) {
    const entries = yield* AuditTrails.conversation(yield* AuditTrails.open(Option.none()), conversation)
    if (entries.length === 0) return yield* nothing(conversation)
    const trees = treesOf(entries)
    if (json) {
      return yield* Console.log(JSON.stringify({ conversation, entries: entries.length, trees: trees.map(nested) }))
    }
    const services = new Set(entries.map(({ service }) => service)).size
    const title =
      `Conversation ${printable(conversation)}: ${group(entries.length)} ${entries.length === 1 ? "entry" : "entries"} of ` +
      `${services} ${services === 1 ? "service" : "services"}`
    yield* Console.log([title, "", ...linesOf(trees)].join("\n"))
  }, Effect.scoped)
).pipe(
  Command.withDescription(
    "Shows a conversation across all services as a tree: each event, and each command that was refused, under what it follows from, with " +
      "how long after that. A new root is what nothing in the conversation caused: a request, a timer, an operator. Reads each journal " +
      "once"
  ),
  Command.withShortDescription("Show what led to what, across services"),
  Command.withExamples([
    {
      command: "daybook audit tree o-1",
      description: "The checkout of order o-1, from the buyer's request to the end"
    },
    { command: "daybook audit tree o-1 --json | jq '.trees[0].effects | length'", description: "For scripts" }
  ])
)
