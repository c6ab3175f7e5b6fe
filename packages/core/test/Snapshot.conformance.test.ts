import { Snapshots } from "@daybook/core/Snapshot"
import { snapshotSuite } from "@daybook/testkit/SnapshotSuite"

snapshotSuite("memory", { layer: () => Snapshots.layerMemory })
