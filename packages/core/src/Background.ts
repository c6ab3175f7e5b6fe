/**
 * Work that is for many, such as a read that several share or a write that follows others: it belongs to no request, and so has no request's
 * context. What it does makes no spans, since they would be nobody's.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { TracerEnabled } from "effect/References"

/** Runs an effect in a fiber of its own, at once. */
export const runInBackground = Effect.runForkWith(Context.make(TracerEnabled, false))
