/**
 * `daybook audit verify`: computes all seals anew from the rows, and names whatever does not fit. Changes nothing.
 */
import type { SignedAnchor } from "@daybook/postgres/SealAnchors"
import { Findings } from "@daybook/postgres/SealFindings"
import { keyIdOf } from "@daybook/postgres/SealKeys"
import { type Report, verify } from "@daybook/postgres/SealVerification"
import type * as Settings from "@daybook/shop/Settings"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { SqlClient } from "effect/sql/SqlClient"
import { Ended } from "./Failure.ts"
import * as Flags from "./Flags.ts"
import { toSecond } from "./Moment.ts"
import { printable } from "./Printable.ts"
import * as Progress from "./Progress.ts"
import * as Seals from "./Seals.ts"
import { type Cell, group, table } from "./Table.ts"

/** What was found in the journal of a service. */
interface Shown extends Report {
  readonly service: Settings.ServiceName
}

/** How many events a journal has had. */
const headsOf = (schema: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const [row] = yield* sql.unsafe<{ readonly n: number }>(
      `SELECT coalesce(sum(head), 0)::float8 AS n FROM ${schema}.partition`
    )
    return row!.n
  })

/** A journal without tables for seals. If an anchor knows of seals there, somebody has taken them away. */
const reportOfNone = (service: string, schema: string, events: number, anchor: SignedAnchor | undefined): Report => {
  const findings = new Findings(schema, service)
  for (const { partition, number, last } of anchor?.heads.filter((head) => head.schema === schema) ?? []) {
    findings.add("anchor-unmet", { partition, first: last, last, block: number })
  }
  return {
    schema,
    partitions: 0,
    blocks: 0,
    proven: 0,
    removed: 0,
    unsealed: events,
    unsealedSinceMillis: null,
    sealedAtMillis: null,
    findings: findings.all,
    moreFindings: findings.more
  }
}

const verifyAll = Effect.fnUntraced(function* (
  journals: ReadonlyArray<Seals.Journal>,
  trust: { readonly publicKeys: ReadonlyArray<string>; readonly anchor: SignedAnchor | undefined }
) {
  const progress = yield* Progress.make(Progress.ofProcess())
  const counts = yield* Effect.forEach(journals, ({ schema, context }) =>
    Effect.provideContext(headsOf(schema), context)
  )
  progress.begin("Verifying", { total: counts.reduce((sum, one) => sum + one, 0), unit: "events" })
  const options = {
    publicKeys: trust.publicKeys,
    handOvers: yield* Seals.handOversOf(journals),
    ...(trust.anchor === undefined ? {} : { anchor: trust.anchor }),
    onProgress: (events: number) => {
      progress.done += events
    }
  }
  const reports = yield* Effect.forEach(journals, ({ service, schema, context, sealable }, i) =>
    Effect.map(
      sealable
        ? Effect.provideContext(verify(schema, { ...options, service }), context)
        : Effect.succeed(reportOfNone(service, schema, counts[i]!, trust.anchor)),
      (report): Shown => ({ service, ...report })
    )
  )
  progress.end()
  return reports
}, Effect.scoped)

const rowOf = ({ service, blocks, proven, removed, unsealed, sealedAtMillis, findings, moreFindings }: Shown) =>
  [
    service,
    blocks,
    proven,
    removed,
    unsealed,
    findings.length + moreFindings,
    sealedAtMillis === null ? "" : toSecond(sealedAtMillis)
  ] as ReadonlyArray<Cell>

const right = (text: string): Cell => ({ right: text })

const header = ["SERVICE", ...["BLOCKS", "PROVEN", "REMOVED", "NOT SEALED", "FINDINGS"].map(right), "NEWEST SEAL"]

const ageOf = (millis: number): string => {
  const seconds = Math.max(0, Math.round(millis / 1000))
  return seconds < 120 ? `${seconds} s` : `${group(Math.round(seconds / 60))} min`
}

/** What the figures mean, and what they do not. */
const conclusion = (reports: ReadonlyArray<Shown>, nowMillis: number, anchor: SignedAnchor | undefined): string => {
  const sum = (field: "proven" | "unsealed") => reports.reduce((all, one) => all + one[field], 0)
  const found = reports.some(({ findings }) => findings.length > 0)
  const since = reports.flatMap(({ unsealedSinceMillis }) => unsealedSinceMillis ?? [])
  const oldest = since.length === 0 ? "" : `, the oldest for ${ageOf(nowMillis - Math.min(...since))}`
  return [
    found
      ? "What is named above is not as it was sealed."
      : sum("proven") === 0
        ? "Nothing is sealed, so that nothing is proven."
        : "Everything that was sealed is as it was sealed.",
    ...(sum("unsealed") === 0 ? [] : [`Not sealed yet, and so not proven: ${group(sum("unsealed"))} events${oldest}.`]),
    anchor === undefined
      ? "Without an anchor (--anchor) nobody can tell whether newer blocks were rolled back."
      : `Nothing has been rolled back to before the anchor of ${toSecond(anchor.takenAtMillis)}${found ? ", unless said above" : ""}.`
  ].join("\n")
}

const told = (reports: ReadonlyArray<Shown>, nowMillis: number, anchor: SignedAnchor | undefined): string => {
  const findings = reports.flatMap((report) => [
    ...report.findings.map(({ kind, detail }) => `${kind}: ${printable(detail)}`),
    ...(report.moreFindings === 0 ? [] : [`${report.service}: and ${group(report.moreFindings)} more`])
  ])
  const parts = [table([header, ...reports.map(rowOf)]), findings.join("\n"), conclusion(reports, nowMillis, anchor)]
  return parts.filter((part) => part !== "").join("\n\n")
}

/** `daybook audit verify`. */
export const auditVerifyCommand = Command.make(
  "verify",
  {
    service: Flags.service("Only this service"),
    publicKey: Flag.String("public-key").pipe(
      Flag.withMetavar("FILE"),
      Flag.withDescription("A public key to trust, in PEM form; may be given again. Default: that of SEAL_KEY_FILE"),
      Flag.atLeast(0)
    ),
    anchor: Seals.anchorFlag,
    json: Flags.json
  },
  Effect.fn("Daybook.auditVerify")(function* ({ service, publicKey, anchor: anchorFile, json }) {
    const publicKeys = yield* Seals.trustedKeys(publicKey)
    const anchor = Option.isSome(anchorFile) ? yield* Seals.readAnchor(anchorFile.value) : undefined
    const reports = yield* verifyAll(yield* Seals.open(service), { publicKeys, anchor })
    const ok = reports.every(({ findings }) => findings.length === 0)
    const nowMillis = yield* Clock.currentTimeMillis
    yield* Console.log(
      json
        ? JSON.stringify({ ok, trusted: publicKeys.map(keyIdOf), services: reports })
        : told(reports, nowMillis, anchor)
    )
    if (!ok) return yield* new Ended({ code: 1 })
  }, Effect.scoped)
).pipe(
  Command.withDescription(
    "Computes every seal anew from the rows: the hash of each event, Merkle roots, the chain of blocks, signatures, positions without gaps, " +
      "versions of streams, and what was removed on record. Names each finding by service, partition, position, block and event, and ends with 1 " +
      "when there is one. Says also what is not sealed yet. The key to trust comes from a file, never from the database that is verified"
  ),
  Command.withShortDescription("Find out whether anybody has tampered with the journals"),
  Command.withExamples([
    { command: "daybook audit verify", description: "Everything, trusting the key of SEAL_KEY_FILE" },
    {
      command: "daybook audit verify --public-key auditor/shop.pem --anchor auditor/2026-11.json",
      description: "As an auditor, with a key and an anchor from elsewhere"
    },
    { command: "daybook audit verify --json | jq '.services[].findings[]'", description: "For scripts" }
  ])
)
