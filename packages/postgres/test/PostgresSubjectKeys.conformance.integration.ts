import * as Database from "@daybook/postgres/Database"
import * as SqlSubjectKeys from "@daybook/postgres/SqlSubjectKeys"
import { subjectKeysSuite } from "@daybook/testkit/SubjectKeysSuite"
import * as Layer from "effect/Layer"
import { freshSchema, serverUrl } from "./Stores.ts"

subjectKeysSuite("PostgreSQL", {
  layer: () => SqlSubjectKeys.layer(freshSchema()).pipe(Layer.provide(Database.layer({ url: serverUrl() })))
})
