/**
 * What every `daybook subject` command is given: whom it is about, and how to answer.
 */
import { SubjectId } from "@daybook/services/privacy/Api"
import * as Argument from "effect/cli/Argument"
import * as Flag from "effect/cli/Flag"

/** Whom it is about. */
export const subject = Argument.String("subject").pipe(
  Argument.withSchema(SubjectId),
  Argument.withMetavar("ID"),
  Argument.withDescription("A customer's id; for a guest, guest: and the id of the checkout")
)

/** How to answer. */
export const json = Flag.Boolean("json").pipe(Flag.withDescription("Print the result as JSON"), Flag.withDefault(false))
