import { KeyStore } from "@daybook/core/SubjectKeys"
import { subjectKeysSuite } from "@daybook/testkit/SubjectKeysSuite"

subjectKeysSuite("memory", { layer: () => KeyStore.layerMemory })
