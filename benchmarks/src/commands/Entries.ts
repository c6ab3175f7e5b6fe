/**
 * Who takes part in `commands`, how each may be set up, and with how many callers it runs.
 */
import { persistence } from "@daybook/services/cart/Cart"
import type { Entry, RunOptions } from "../Harness.ts"

/** The number of callers that the headline is taken with, and configurations are chosen at. */
export const usualCallers = 256

/** Other numbers of callers, for those who run with them. */
export const otherCallers = [1, 32, 1024] as const

export type Name =
  | "daybook"
  | "daybookEvents"
  | "daybookKeys"
  | "emmett"
  | "act"
  | "journalAlone"
  | "bareLoop"
  | "bareJournal"
  | "pgbench"

type Named = Entry & { readonly name: Name }

/** The cart service's own policy, which the headline is taken at. */
export const defaultPersistence = persistence._tag.toLowerCase()

// Without idempotency keys, which neither peer keeps; with them besides, since the service does.
const daybook: Named = {
  name: "daybook",
  contestant: "daybook",
  candidates: [{ persistence: defaultPersistence, keys: false }]
}

const ourOthers: ReadonlyArray<Named> = [
  { name: "daybookEvents", contestant: "daybook", candidates: [{ persistence: "events", keys: false }] },
  { name: "daybookKeys", contestant: "daybook", candidates: [{ persistence: defaultPersistence, keys: true }] }
]

const peers: ReadonlyArray<Named> = [
  {
    name: "emmett",
    contestant: "emmett",
    candidates: [
      { connections: 10, sessions: true },
      { connections: 20, sessions: false }
    ]
  },
  {
    name: "act",
    contestant: "act",
    candidates: [
      { connections: 4, snapshotEvery: 0 },
      { connections: 16, snapshotEvery: 0 },
      { connections: 16, snapshotEvery: 10 }
    ]
  }
]

const journalAlone: Named = { name: "journalAlone", contestant: "journalAlone", candidates: [{}] }

const bareLoop: Named = {
  name: "bareLoop",
  contestant: "bareLoop",
  candidates: [{ lanes: 1 }, { lanes: 2 }, { lanes: 4 }, { lanes: 2, pipelined: true }]
}

const bareJournal: Named = {
  name: "bareJournal",
  contestant: "bareJournal",
  candidates: [{ partitions: 1 }, { partitions: 4 }, { partitions: 2, pipelined: true }]
}

const pgbench: Named = {
  name: "pgbench",
  contestant: "pgbench",
  candidates: [{ threads: 1 }, { threads: 2 }],
  callers: [32, 1]
}

const atAll = (entry: Named): Named => ({ ...entry, callers: [usualCallers, ...otherCallers] })

/** Who takes part. With the usual number of callers, some also run with the others; with a number of one's own, all run with that. */
export const entriesFor = ({ callers, short }: RunOptions): ReadonlyArray<Named> => {
  if (short) return [daybook, { ...bareLoop, candidates: [{ lanes: 2 }] }]
  if (callers !== usualCallers) return [daybook, ...ourOthers, ...peers, journalAlone, bareLoop, bareJournal]
  return [atAll(daybook), ...ourOthers, ...peers, journalAlone, atAll(bareLoop), atAll(bareJournal), pgbench]
}
