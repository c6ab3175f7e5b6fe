/**
 * A role that owns nothing seals, opens and erases, once it has been granted what the guide says.
 */
import { MasterKeys } from "@daybook/core/MasterKeys"
import { SubjectKeys } from "@daybook/core/SubjectKeys"
import * as Database from "@daybook/postgres/Database"
import { migrate } from "@daybook/postgres/Migrations"
import * as SqlSubjectKeys from "@daybook/postgres/SqlSubjectKeys"
import * as Stores from "@daybook/postgres/Stores"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { SqlClient } from "effect/sql/SqlClient"
import { expect, it } from "vitest"
import { freshSchema, serverUrl } from "./Stores.ts"

const schema = freshSchema()
const role = `shop_${schema}`

const granted = Effect.gen(function* () {
  const sql = yield* SqlClient
  yield* Stores.migrateReadSide(schema)
  yield* migrate(schema, SqlSubjectKeys.migrations)
  yield* sql.unsafe(`CREATE ROLE ${role} LOGIN`)
  yield* sql.unsafe(`SELECT ${schema}.grant_read_side('${role}')`)
})

const asRole = (): Redacted.Redacted => {
  const url = new URL(Redacted.value(serverUrl()))
  url.username = role
  return Redacted.make(url.href)
}

it("a role with the grants of the read side may use the keys", async () => {
  await Effect.runPromise(Effect.provide(granted, Database.layer({ url: serverUrl() })))
  const store = SqlSubjectKeys.layer(schema).pipe(Layer.provide(Database.layer({ url: asRole() })))
  const keys = SubjectKeys.layer().pipe(Layer.provide(Layer.merge(store, MasterKeys.layerMemory)))
  const work = Effect.gen(function* () {
    const keys = yield* SubjectKeys
    const token = yield* keys.seal("1", '"x"')
    expect((yield* keys.open([token])).get(token)).toBe('"x"')
    expect(yield* keys.destroy("1")).toBe(true)
    expect(yield* keys.status("1")).toBe("erased")
  })
  await Effect.runPromise(Effect.provide(work, keys))
})
