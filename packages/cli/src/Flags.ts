/**
 * Flags that many commands take, so that they mean and say the same everywhere.
 */
import * as Settings from "@daybook/shop/Settings"
import * as Flag from "effect/cli/Flag"

/** How to answer. */
export const json = Flag.Boolean("json").pipe(Flag.withDescription("Print the result as JSON"), Flag.withDefault(false))

/** Only one service; the description says what of it. */
export const service = (description: string) =>
  Flag.Literals("service", Settings.serviceNames).pipe(Flag.withDescription(description), Flag.optional)

/** Where to write, instead of standard output. */
export const output = (description: string) =>
  Flag.String("output").pipe(Flag.withMetavar("FILE"), Flag.withDescription(description), Flag.optional)
