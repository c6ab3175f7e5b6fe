/**
 * The bare loops' common part: group commit and nothing else. What has queued while the last batch was committing is the next
 * batch. Used by `BareLoop.ts` and `BareJournal.ts`, which say what a row is and how a batch is written.
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import type * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Redacted from "effect/Redacted"
import * as SqlClient from "effect/sql/SqlClient"
import { type Contestant, closedLoop, measured, perCaller } from "../Contestant.ts"
import { rowsIn } from "../Rows.ts"

interface Queued<Row, Answer> {
  readonly row: Row
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}

/** One loop, with one batch under way. Everybody is told the answer to the batch. */
export class Lane<Row, Answer> {
  readonly #write: (rows: ReadonlyArray<Row>) => Promise<Answer>
  #queue: Array<Queued<Row, Answer>> = []
  #busy = false

  constructor(write: (rows: ReadonlyArray<Row>) => Promise<Answer>) {
    this.#write = write
  }

  append(row: Row): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ row, resolve, reject })
      if (this.#busy) return
      this.#busy = true
      queueMicrotask(() => this.#flush())
    })
  }

  #flush(): void {
    const batch = this.#queue
    this.#queue = []
    this.#busy = batch.length > 0
    if (!this.#busy) return
    this.#write(batch.map(({ row }) => row)).then(
      (answer) => {
        this.#flush()
        for (const { resolve } of batch) resolve(answer)
      },
      (error) => {
        this.#flush()
        for (const { reject } of batch) reject(error)
      }
    )
  }
}

/** What a loop writes. */
export interface Loop<Row> {
  /** Batches under way at once; a caller stays with one of them. */
  readonly lanes: number
  /** Whether all lanes share one connection, on which a batch is sent while the one before is worked on. Otherwise each has its own. */
  readonly pipelined: boolean
  /** Makes the tables. */
  readonly prepare: Effect.Effect<unknown, unknown, SqlClient.SqlClient>
  /** Writes one batch of a lane in one statement. */
  readonly write: (sql: SqlClient.SqlClient, rows: ReadonlyArray<Row>, lane: number) => Effect.Effect<unknown, unknown>
  /** A caller's own, endless rows. */
  readonly rowsOf: (caller: number) => () => Row
  /** The table whose rows are counted at the end. */
  readonly table: string
}

/** So many connections to a database, open from the first statement on; on a `pipelined` one statements go one behind the other. */
export const connectionsTo = (databaseUrl: string, connections: number, pipelined: boolean) =>
  ManagedRuntime.make(
    PgClient.layer({
      url: Redacted.make(databaseUrl),
      minConnections: connections,
      maxConnections: connections,
      multiplex: pipelined
    })
  )

/** Starts a loop on an empty database. */
export const startLoop = async <Row>(databaseUrl: string, loop: Loop<Row>): Promise<Contestant> => {
  const runtime = connectionsTo(databaseUrl, loop.pipelined ? 1 : loop.lanes, loop.pipelined)
  const sql = await runtime.runPromise(SqlClient.SqlClient)
  await runtime.runPromise(loop.prepare)
  const lanes = Array.from(
    { length: loop.lanes },
    (_, lane) => new Lane<Row, unknown>((rows) => runtime.runPromise(loop.write(sql, rows, lane)))
  )
  const rowsOf = perCaller(loop.rowsOf)
  const load = closedLoop((caller) => {
    const next = rowsOf(caller)
    const lane = lanes[caller % loop.lanes]!
    return () => lane.append(next())
  })
  return {
    round: (given) => measured(given, load),
    stored: () => runtime.runPromise(rowsIn(loop.table)),
    close: () => runtime.dispose()
  }
}
