/**
 * Why a saga refuses a command.
 */
import { Problem } from "./Problem.ts"

/** The saga has been started before with other data. */
export class SagaAlreadyStarted extends Problem<SagaAlreadyStarted>()("SagaAlreadyStarted", {
  status: 409,
  title: "The saga has been started before, with other data"
}) {}

/** There is no such saga. */
export class SagaNotStarted extends Problem<SagaNotStarted>()("SagaNotStarted", {
  status: 404,
  title: "No such saga"
}) {}

/** An operator's command that does not fit where the saga is. */
export class SagaNotWaiting extends Problem<SagaNotWaiting>()("SagaNotWaiting", {
  status: 409,
  title: "The saga is at another point"
}) {}
