/** The service canvas says what the code does: no command, event or rejection is missing from it or left over in it. */
import { readFileSync } from "node:fs"
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import { Command } from "../../src/cart/Domain.ts"
import { CartEvents } from "../../src/cart/Events.ts"
import { UnknownSku } from "../../src/cart/PriceList.ts"
import { rejections } from "../../src/cart/Rejection.ts"

const canvas = readFileSync(new URL("../../../docs/canvas/cart.md", import.meta.url), "utf8")

/** The rows of the table under a heading, without its head. */
const rowsUnder = (heading: string): ReadonlyArray<ReadonlyArray<string>> => {
  const section = canvas.split(/^#+ /mu).find((text) => text.startsWith(`${heading}\n`)) ?? ""
  const rows = section.split("\n").filter((line) => line.startsWith("|"))
  return rows.slice(2).map((row) =>
    row
      .split("|")
      .map((cell) => cell.trim().replaceAll("`", ""))
      .slice(1, -1)
  )
}

describe("the canvas of the cart", () => {
  it("lists the commands, in order", () => {
    expect(rowsUnder("Commands").map(([name]) => name)).toEqual(Object.keys(Command.cases))
  })

  it("lists the events, in order", () => {
    expect(rowsUnder("Events").map(([name]) => name)).toEqual(CartEvents.names)
  })

  it("lists the rejections with their types and statuses, in order", () => {
    const listed = rowsUnder("Rejections").map(([type, status]) => [type, Number(status)])
    const declared = [...rejections, UnknownSku].map(({ fields: { type, status } }) => {
      // A status that is missing decodes to the declared one.
      const decoded = Schema.decodeUnknownSync(Schema.Struct({ status }))({})
      return [type.schema.literal, decoded.status]
    })
    expect(listed).toEqual(declared)
  })
})
