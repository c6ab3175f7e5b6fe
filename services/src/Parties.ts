/**
 * Which service says what, and listens to what: for the AsyncAPI document, and for the test that published contracts stay
 * compatible. A service with a `Contract.ts` belongs here.
 */
import type { Party } from "@daybook/core/AsyncApi"
import * as Participant from "@daybook/core/Participant"
import { CartCommands, CartEvents } from "./cart/Contract.ts"
import { InventoryCommands, InventoryEvents } from "./inventory/Contract.ts"
import { OrderCommands, OrderEvents } from "./order/Contract.ts"
import { PaymentCommands, PaymentEvents } from "./payment/Contract.ts"
import { PrivacyEvents } from "./privacy/Contract.ts"

/** Every service that takes part in conversations. */
export const parties: ReadonlyArray<Party> = [
  { service: "cart", sends: [CartEvents], receives: [CartCommands, PrivacyEvents] },
  { service: "order", sends: [OrderEvents], receives: [OrderCommands, PrivacyEvents] },
  { service: "inventory", sends: [InventoryEvents], receives: [InventoryCommands, OrderEvents, PrivacyEvents] },
  { service: "payment", sends: [PaymentEvents], receives: [PaymentCommands, OrderEvents, PrivacyEvents] },
  {
    service: "checkout",
    sends: [CartCommands, OrderCommands, InventoryCommands, PaymentCommands],
    receives: [OrderEvents, InventoryEvents, PaymentEvents, Participant.replies("checkout-replies"), PrivacyEvents]
  },
  { service: "privacy", sends: [PrivacyEvents], receives: [PrivacyEvents] }
]
