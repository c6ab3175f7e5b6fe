import { messagesSuite } from "./MessagesSuite.ts"
import { service } from "./Service.ts"

messagesSuite("an embedded store", service)
