/**
 * Whom a `daybook subject` command is about.
 */
import { SubjectId } from "@daybook/services/privacy/Api"
import * as Argument from "effect/cli/Argument"

/** Whom it is about. */
export const subject = Argument.String("subject").pipe(
  Argument.withSchema(SubjectId),
  Argument.withMetavar("ID"),
  Argument.withDescription("A customer's id; for a guest, guest: and the id of the checkout")
)
