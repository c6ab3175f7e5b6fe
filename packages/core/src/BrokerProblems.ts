/**
 * What can go wrong between a service and the broker.
 */
import * as Schema from "effect/Schema"
import { Problem } from "./Problem.ts"

/** The broker could not be reached or did not answer. Whether the messages were taken is not known; publish them again. */
export class BrokerUnavailable extends Problem<BrokerUnavailable>()(
  "BrokerUnavailable",
  { status: 503, title: "The broker does not answer" },
  { retryAfterSeconds: Schema.Int }
) {}

/** A message is larger than the broker takes. None of the batch was published. */
export class MessageTooLarge extends Problem<MessageTooLarge>()(
  "MessageTooLarge",
  { status: 413, title: "A message is too large for the broker" },
  { id: Schema.String, topic: Schema.String, bytes: Schema.Int, maxBytes: Schema.Int }
) {}
