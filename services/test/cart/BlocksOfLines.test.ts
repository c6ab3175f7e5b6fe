/**
 * Read models of a version that kept a row for each line: after the migration carts have their lines, and go on from there.
 */
import * as Database from "@daybook/postgres/Database"
import { migrate } from "@daybook/postgres/Migrations"
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import { tables } from "../../src/cart/Projections.ts"
import { itemAdded, itemRemoved } from "./Given.ts"
import { project, recorded, schema } from "./ReadModels.ts"

const before = { ...tables, migrations: tables.migrations.slice(0, 3) }

const cartsOfBefore = `INSERT INTO cart.cart_view (opened_at, updated_at, recorded_at, total_minor, version, line_count, cart_id, status, currency)
  SELECT now(), now(), now(), 300, 3, 2, id, 'open', 'GBP' FROM unnest(ARRAY['none', 'one', 'two']) AS id`

/** The second line was added first. */
const linesOfBefore = `INSERT INTO cart.cart_line (cart_id, line_id, sku, description, quantity, unit_price_minor, added_version)
  VALUES ('two', 'a', '22960', 'JAM "MAKING" SET', 2, 9007199254740991, 3), ('two', 'b', '85123A', 'HEART', 1, 100, 2),
    ('two', 'e', '85123A', 'HEART', 1, 100, 16), ('one', 'c', '22960', 'JAM', 3, 100, 2)`

layer(Database.layer({ folder: undefined }), { timeout: "60 seconds" })("carts with a row for each line", (it) => {
  it.effect("have their lines in the order in which they were added, and can be changed", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      yield* migrate(schema, before)
      yield* sql.unsafe(cartsOfBefore)
      yield* sql.unsafe(linesOfBefore)
      yield* migrate(schema, tables)
      const lines = sql.unsafe("SELECT cart_id, block, lines FROM cart.cart_lines ORDER BY cart_id, block")
      const heart = ["85123A", "HEART", 1, 100]
      const two = [
        {
          cart_id: "two",
          block: 0,
          lines: [
            ["b", ...heart],
            ["a", "22960", 'JAM "MAKING" SET', 2, 9007199254740991]
          ]
        },
        { cart_id: "two", block: 1, lines: [["e", ...heart]] }
      ]
      expect(yield* lines).toEqual([{ cart_id: "one", block: 0, lines: [["c", "22960", "JAM", 3, 100]] }, ...two])
      const happened = [itemAdded({ lineId: "d" }), itemRemoved({ lineId: "c" })].map((event) => ({
        ...{ cart: "one", atMillis: 0, event }
      }))
      yield* project([recorded(happened)])
      const { sku, description, quantity, unitPrice } = itemAdded()
      const d = ["d", sku, description, quantity, unitPrice.amountMinor]
      expect(yield* lines).toEqual([{ cart_id: "one", block: 0, lines: [d] }, ...two])
    })
  )
})
