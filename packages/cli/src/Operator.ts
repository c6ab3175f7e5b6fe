/**
 * Whoever typed the command, as the audit trail names them.
 */
import { userInfo } from "node:os"
import * as Actor from "@daybook/core/Actor"
import * as Effect from "effect/Effect"

/** `operator:ann`; by the number of the account where the machine knows no name for it, as in many containers. */
export const operator: Effect.Effect<string> = Effect.sync(() => {
  try {
    return Actor.operator(userInfo().username)
  } catch {
    return Actor.operator(`uid-${process.getuid?.() ?? "unknown"}`)
  }
})
