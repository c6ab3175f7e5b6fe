/**
 * How the simulated provider behaves, and what makes it do so: the counterpart of the card networks' test numbers.
 *
 * Authorisations and voids go by the token; captures and refunds of what `tok_amounts` paid go by the last two digits of the amount
 * in minor units. What no table has is approved, or with `Faults` misbehaves in a share of cases that only a seed and the
 * operation id decide.
 */
import { createHash } from "node:crypto"
import type { Kind } from "./Events.ts"

/** What the provider does with one operation. Without anything: it approves at once, and says so in one notification. */
export interface Behaviour {
  /**
   * The first call: `timed-out` is carried out and not answered; `lost` and `unavailable` are not carried out. Later calls, under
   * the same operation id, are answered.
   */
  readonly firstCall?: "timed-out" | "lost" | "unavailable"
  /** What comes of it. Default `approved`. `pending` is approved after a minute. */
  readonly result?: "approved" | "declined" | "action-required" | "pending"
  /** Why it is declined. */
  readonly code?: string
  /** So many queries fail before one is answered. */
  readonly failedQueries?: number
  /** `reordered`: overtakes all that are waiting. `contradictory`: a second one says the opposite. */
  readonly webhooks?: "duplicated" | "reordered" | "contradictory"
  /** How long an authorisation holds. Default seven days, the usual time of card networks. */
  readonly holdMillis?: number
  /** The buyer disputes each capture a minute after it. */
  readonly chargeback?: boolean
}

/** Authorisations by token. */
const byToken: Readonly<Record<string, Behaviour>> = {
  tok_approve: {},
  tok_decline: { result: "declined", code: "insufficient_funds" },
  tok_stolen: { result: "declined", code: "stolen_card" },
  tok_3ds: { result: "action-required" },
  tok_pending: { result: "pending" },
  tok_timeout: { firstCall: "timed-out" },
  tok_timeout_decline: { firstCall: "timed-out", result: "declined", code: "insufficient_funds" },
  tok_timeout_3ds: { firstCall: "timed-out", result: "action-required" },
  tok_lost: { firstCall: "lost" },
  tok_unavailable: { firstCall: "unavailable" },
  tok_unknown: { firstCall: "timed-out", failedQueries: 2 },
  tok_duplicate: { webhooks: "duplicated" },
  tok_reorder: { webhooks: "reordered" },
  tok_contradict: { webhooks: "contradictory" },
  tok_short_hold: { holdMillis: 60_000 },
  tok_chargeback: { chargeback: true }
}

/** Voids by the token of their authorisation. */
const voidByToken: Readonly<Record<string, Behaviour>> = {
  tok_void_timeout: { firstCall: "timed-out" },
  tok_void_lost: { firstCall: "lost" },
  tok_void_decline: { result: "declined", code: "processing_error" }
}

/** Captures and refunds by the last two digits of the amount, for `tok_amounts` alone: elsewhere any amount may come up. */
const byAmount: Readonly<Record<number, Behaviour>> = {
  91: { result: "declined", code: "processing_error" },
  92: { firstCall: "timed-out" },
  93: { firstCall: "lost" },
  94: { result: "pending" },
  95: { firstCall: "timed-out", failedQueries: 2 },
  96: { webhooks: "duplicated" },
  97: { webhooks: "reordered" },
  98: { firstCall: "unavailable" }
}

/** Misbehaviour at random, the same for the same seed and operation id. */
export interface Faults {
  readonly seed: string
  /** Of 100 operations, so many misbehave. */
  readonly percent: number
}

const faults: Readonly<Record<Kind, ReadonlyArray<Behaviour>>> = {
  authorise: [
    byToken.tok_decline!,
    byToken.tok_timeout!,
    byToken.tok_timeout_decline!,
    byToken.tok_lost!,
    byToken.tok_unavailable!,
    byToken.tok_unknown!,
    byToken.tok_pending!,
    byToken.tok_duplicate!,
    byToken.tok_reorder!
  ],
  capture: [byAmount[92]!, byAmount[93]!, byAmount[94]!, byAmount[95]!, byAmount[96]!, byAmount[97]!, byAmount[98]!],
  void: [byAmount[92]!, byAmount[93]!, byAmount[94]!, byAmount[95]!, byAmount[96]!, byAmount[97]!, byAmount[98]!],
  refund: [byAmount[92]!, byAmount[93]!, byAmount[94]!, byAmount[95]!, byAmount[96]!, byAmount[97]!, byAmount[98]!]
}

/** Hexadecimal digits that follow from a text alone. */
export const digest = (text: string): string => createHash("sha256").update(text).digest("hex")

const faultOf = ({ seed, percent }: Faults, kind: Kind, operationId: string): Behaviour => {
  const number = Number.parseInt(digest(`${seed}:${kind}:${operationId}`).slice(0, 12), 16)
  const choices = faults[kind]
  return number % 100 < percent ? choices[Math.floor(number / 100) % choices.length]! : {}
}

/** What decides how an operation goes. `token` is that of the payment's authorisation, if it is known. */
export interface Occasion {
  readonly kind: Kind
  readonly operationId: string
  readonly amountMinor: number
  readonly token: string | undefined
}

/** How the provider behaves at an occasion. */
export const behaviourAt = ({ kind, operationId, amountMinor, token = "" }: Occasion, random?: Faults): Behaviour => {
  const byDigits = token === "tok_amounts" ? byAmount[amountMinor % 100] : undefined
  const magic = kind === "authorise" ? byToken[token] : kind === "void" ? voidByToken[token] : byDigits
  return magic ?? (random === undefined ? {} : faultOf(random, kind, operationId))
}
