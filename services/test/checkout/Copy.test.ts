import * as Database from "@daybook/postgres/Database"
import { copySuite } from "./CopySuite.ts"

copySuite("an embedded store", Database.layer({ folder: undefined }))
