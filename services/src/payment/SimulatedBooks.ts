/**
 * Where the simulated provider keeps its books: a SQLite file, so that they outlive the process that asks, as a real provider's
 * would; or memory. Used by the simulated bank and by the simulator around it.
 *
 * A change survives the death of the process once its method has returned, not a power failure: nothing of value is in here.
 */
import { DatabaseSync } from "node:sqlite"
import type { Kind, Statement } from "./Events.ts"
import type { Notification } from "./Provider.ts"
import type { Behaviour } from "./SimulatedBehaviour.ts"

/** A request as the provider sees it. */
export interface Asked {
  readonly kind: Kind
  readonly paymentId: string
  readonly operationId: string
  readonly authorisationId: string
  readonly amountMinor: number
  readonly currency: string
  readonly token: string
}

/** What became of a request that was carried out. */
export interface Entry extends Asked {
  readonly behaviour: Behaviour
  readonly providerReference: string
  readonly status: "approved" | "declined" | "action-required" | "pending" | "expired"
  readonly code: string
  /** When it goes on by itself. */
  readonly dueAtMillis: number | null
}

export interface Dispute {
  readonly chargebackId: string
  readonly paymentId: string
  readonly amountMinor: number
  readonly currency: string
  readonly opensAtMillis: number
  readonly stage: "due" | Extract<Statement, { readonly _tag: "Chargeback" }>["stage"]
}

/** How often an operation was asked about, and how that is to go. Kept also of calls that were not carried out. */
export interface Memory {
  readonly token: string
  readonly behaviour: Behaviour
  readonly calls: number
  readonly queries: number
}

/** A notification that waits to be delivered. */
export interface Waiting {
  readonly number: number
  readonly notification: Notification
  readonly attempts: number
}

const tables = `
  CREATE TABLE IF NOT EXISTS entry (
    number INTEGER PRIMARY KEY, operation_id TEXT NOT NULL UNIQUE, payment_id TEXT NOT NULL, status TEXT NOT NULL,
    wakes_at INTEGER, body TEXT NOT NULL
  );
  CREATE INDEX IF NOT EXISTS entry_payment ON entry (payment_id);
  CREATE INDEX IF NOT EXISTS entry_wakes ON entry (wakes_at) WHERE wakes_at IS NOT NULL;
  CREATE TABLE IF NOT EXISTS dispute (
    chargeback_id TEXT PRIMARY KEY, payment_id TEXT NOT NULL, opens_at INTEGER, body TEXT NOT NULL
  );
  CREATE INDEX IF NOT EXISTS dispute_payment ON dispute (payment_id);
  CREATE INDEX IF NOT EXISTS dispute_opens ON dispute (opens_at) WHERE opens_at IS NOT NULL;
  CREATE TABLE IF NOT EXISTS memory (operation_id TEXT PRIMARY KEY, body TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS outbox (
    number INTEGER PRIMARY KEY, attempts INTEGER NOT NULL DEFAULT 0, next_at INTEGER NOT NULL DEFAULT 0, body TEXT NOT NULL
  );
`

type Values = ReadonlyArray<string | number | null>

/** When an entry goes on by itself; null when it does not. */
const wakesAt = ({ kind, status, dueAtMillis }: Entry): number | null => {
  const isOpen = status === "pending" || status === "action-required"
  return isOpen || (kind === "authorise" && status === "approved") ? dueAtMillis : null
}

/** The books, in a file or in memory. Not for two processes at once, though others may read the file. */
export class SimulatedBooks {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, ReturnType<DatabaseSync["prepare"]>>()

  constructor(file: string | undefined) {
    this.#database = new DatabaseSync(file ?? ":memory:", { timeout: 5_000 })
    this.#database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL")
    this.#database.exec(tables)
  }

  close(): void {
    this.#database.close()
  }

  /** Does all of it or nothing. Not to be nested. */
  transact<A>(run: () => A): A {
    this.#database.exec("BEGIN IMMEDIATE")
    try {
      const result = run()
      this.#database.exec("COMMIT")
      return result
    } catch (error) {
      this.#database.exec("ROLLBACK")
      throw error
    }
  }

  entry(operationId: string): Entry | undefined {
    return this.#bodies<Entry>("SELECT body FROM entry WHERE operation_id = ?", operationId)[0]
  }

  put(entry: Entry): void {
    this.#run(
      `INSERT INTO entry (operation_id, payment_id, status, wakes_at, body) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (operation_id) DO UPDATE SET
         status = excluded.status, wakes_at = excluded.wakes_at, body = excluded.body`,
      ...[entry.operationId, entry.paymentId, entry.status, wakesAt(entry), JSON.stringify(entry)]
    )
  }

  of(paymentId: string): ReadonlyArray<Entry> {
    return this.#bodies("SELECT body FROM entry WHERE payment_id = ? ORDER BY number", paymentId)
  }

  /**
   * Entries that are to go on by now. Looked for before everything else: by the plain number SQLite would save the sort, and go
   * through all that was ever asked for.
   */
  awake(nowMillis: number): ReadonlyArray<Entry> {
    return this.#bodies("SELECT body FROM entry WHERE wakes_at <= ? ORDER BY +number", nowMillis)
  }

  /** Says that an entry will not go on by itself any more. */
  rest(operationId: string): void {
    this.#run("UPDATE entry SET wakes_at = NULL WHERE operation_id = ?", operationId)
  }

  dispute(chargebackId: string): Dispute | undefined {
    return this.#bodies<Dispute>("SELECT body FROM dispute WHERE chargeback_id = ?", chargebackId)[0]
  }

  putDispute(dispute: Dispute): void {
    const { chargebackId, paymentId, stage, opensAtMillis } = dispute
    this.#run(
      `INSERT INTO dispute (chargeback_id, payment_id, opens_at, body) VALUES (?, ?, ?, ?)
       ON CONFLICT (chargeback_id) DO UPDATE SET opens_at = excluded.opens_at, body = excluded.body`,
      ...[chargebackId, paymentId, stage === "due" ? opensAtMillis : null, JSON.stringify(dispute)]
    )
  }

  disputesOf(paymentId: string): ReadonlyArray<Dispute> {
    return this.#bodies("SELECT body FROM dispute WHERE payment_id = ? ORDER BY rowid", paymentId)
  }

  /** Disputes that are to open by now. */
  disputesDue(nowMillis: number): ReadonlyArray<Dispute> {
    return this.#bodies("SELECT body FROM dispute WHERE opens_at <= ? ORDER BY +rowid", nowMillis)
  }

  memory(operationId: string): Memory | undefined {
    return this.#bodies<Memory>("SELECT body FROM memory WHERE operation_id = ?", operationId)[0]
  }

  remember(operationId: string, memory: Memory): void {
    this.#run(
      "INSERT INTO memory (operation_id, body) VALUES (?, ?) ON CONFLICT (operation_id) DO UPDATE SET body = excluded.body",
      ...[operationId, JSON.stringify(memory)]
    )
  }

  /** Puts a notification behind those that wait, or before them. */
  post(notification: Notification, place: "first" | "last"): void {
    const number = place === "first" ? "min(number), 0) - 1" : "max(number), 0) + 1"
    this.#run(
      `INSERT INTO outbox (number, body) SELECT coalesce(${number}, ? FROM outbox`,
      JSON.stringify(notification)
    )
  }

  /** Notifications that are to be delivered by now, in order. */
  waiting(nowMillis: number, limit: number): ReadonlyArray<Waiting> {
    const rows = this.#statement(
      "SELECT number, attempts, body FROM outbox WHERE next_at <= ? ORDER BY number LIMIT ?"
    ).all(nowMillis, limit)
    return rows.map(({ number, attempts, body }) => ({
      number: Number(number),
      attempts: Number(attempts),
      notification: JSON.parse(String(body))
    }))
  }

  /** A notification was not taken, and is to be delivered again at a time. */
  postpone(number: number, nextAtMillis: number): void {
    this.#run("UPDATE outbox SET attempts = attempts + 1, next_at = ? WHERE number = ?", nextAtMillis, number)
  }

  /** A notification need not be delivered any more. */
  drop(number: number): void {
    this.#run("DELETE FROM outbox WHERE number = ?", number)
  }

  #statement(text: string) {
    const statement = this.#statements.get(text) ?? this.#database.prepare(text)
    this.#statements.set(text, statement)
    return statement
  }

  #run(text: string, ...values: Values): void {
    this.#statement(text).run(...values)
  }

  #bodies<A>(text: string, ...values: Values): ReadonlyArray<A> {
    return this.#statement(text)
      .all(...values)
      .map(({ body }) => JSON.parse(String(body)))
  }
}
