import * as Database from "@daybook/postgres/Database"
import * as SqlSubjectKeys from "@daybook/postgres/SqlSubjectKeys"
import { subjectKeysSuite } from "@daybook/testkit/SubjectKeysSuite"
import * as Layer from "effect/Layer"

subjectKeysSuite("PGlite", {
  layer: () => SqlSubjectKeys.layer("privacy").pipe(Layer.provide(Database.layer({ folder: undefined })))
})
