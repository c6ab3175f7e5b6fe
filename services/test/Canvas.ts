/**
 * Reads service canvases, to hold them to the code: the tables under their headings, the transitions that they draw, and what a
 * service's rejections should be listed as.
 */
import { readFileSync } from "node:fs"
import * as Schema from "effect/Schema"

/** A class of problems, as far as a canvas tells it. */
interface Declared {
  readonly fields: {
    readonly type: { readonly schema: { readonly literal: string } }
    readonly status: Schema.Struct.Fields[string]
  }
}

const read = (service: string): string =>
  readFileSync(new URL(`../../docs/canvas/${service}.md`, import.meta.url), "utf8")

/** Everything under a heading, whatever its level, up to the next one. */
const under = (service: string, heading: string): string =>
  read(service)
    .split(/^#+ /mu)
    .find((text) => text.startsWith(`${heading}\n`)) ?? ""

/** The rows of the table under a heading, without its head. */
export const rowsUnder = (service: string, heading: string): ReadonlyArray<ReadonlyArray<string>> => {
  const rows = under(service, heading)
    .split("\n")
    .filter((line) => line.startsWith("|"))
  return rows.slice(2).map((row) =>
    row
      .split("|")
      .map((cell) => cell.trim().replaceAll("`", ""))
      .slice(1, -1)
  )
}

/** The names in the first column of the table under a heading. */
export const namesUnder = (service: string, heading: string): ReadonlyArray<string> =>
  rowsUnder(service, heading).map(([name]) => name ?? "")

/** The rejections that a canvas lists, each with its type and status. */
export const rejectionsIn = (service: string): ReadonlyArray<readonly [type: string, status: number]> =>
  rowsUnder(service, "Rejections").map(([type, status]) => [type ?? "", Number(status)])

/** The types and statuses of classes of problems. */
export const declared = (rejections: ReadonlyArray<Declared>): ReadonlyArray<readonly [string, number]> =>
  rejections.map(({ fields: { type, status } }) => {
    // A status that is missing decodes to the declared one.
    const decoded = Schema.decodeUnknownSync(Schema.Struct({ status }) as never)({}) as { readonly status: number }
    return [type.schema.literal, decoded.status]
  })

/** The transitions `from --> to: CommandA, CommandB` of the state diagram under a heading, as `from CommandA to`. */
export const transitionsUnder = (service: string, heading: string): ReadonlyArray<string> =>
  under(service, heading)
    .split("\n")
    .flatMap((line) => {
      const [, from, to, commands] = /^\s*(\w+) --> (\w+): (.+)$/u.exec(line) ?? []
      return commands?.split(",").map((command) => `${from} ${command.trim()} ${to}`) ?? []
    })
