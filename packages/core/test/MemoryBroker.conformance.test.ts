import { Broker } from "@daybook/core/Broker"
import { brokerSuite } from "@daybook/testkit/BrokerSuite"

brokerSuite("memory", { layer: () => Broker.layerMemory() })
