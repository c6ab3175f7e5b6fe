import { Journal } from "@daybook/core/Journal"
import { journalSuite } from "@daybook/testkit/JournalSuite"

journalSuite("memory", { layer: () => Journal.layerMemory(), modelRuns: 200 })
