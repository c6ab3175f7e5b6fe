/**
 * `recovery`: how long an aggregate that is in nobody's memory takes to answer, by how many events it has, with snapshots and without,
 * beside one SELECT of the same rows.
 */
import type { Benchmark } from "../Benchmark.ts"
import type { Run } from "../Harness.ts"
import { type Bar, type Grid, lessIsBetter, over, type Ratio, type Report } from "../Report.ts"
import { connect, type Query } from "../Server.ts"
import { median, ratios, type Spread, significant } from "../Statistics.ts"
import { type Long, open } from "./LongCarts.ts"

/** A cart to measure, and how. */
interface Subject extends Long {
  /** Its name in the figures. */
  readonly name: string
  readonly label: string
  /** Answers in a round, whose median is the round's figure: more of those that take little time. */
  readonly answers: number
}

const grouped = (count: number): string => count.toLocaleString("en")

const subjectOf = (name: string, events: number, snapshots: boolean): Subject => ({
  name,
  events,
  snapshots,
  label: `${grouped(events)} events${snapshots ? ", snapshots" : ""}`,
  answers: snapshots || events < 100 ? 200 : Math.max(4, Math.round(20_000 / events))
})

/** The smallest has no snapshot yet at level 3; the others are measured with the snapshots that it takes, and without any. */
const subjectsOf = (many: number): ReadonlyArray<Subject> => [
  subjectOf("few", 10, false),
  subjectOf("thousand", 1_000, true),
  subjectOf("many", many, true),
  subjectOf("thousandWithoutSnapshots", 1_000, false),
  subjectOf("manyWithoutSnapshots", many, false)
]

/** The same rows as recovery reads without snapshots, in one statement, over the same driver. */
const selectText = `SELECT version, type, schema_version, data FROM cart.event WHERE stream = $1::text ORDER BY version`

const selectMillis = async (query: Query, id: string, events: number): Promise<number> => {
  const asked = performance.now()
  const rows = await query(selectText, [`cart-${id}`])
  const millis = performance.now() - asked
  if (rows.length !== events) throw new Error(`Cart ${id} has ${rows.length} events of ${events}.`)
  return millis
}

/** Medians of a round in milliseconds: of Daybook's answers, and of the SELECT where it is of what these have to read. */
interface Medians {
  readonly answer: number
  readonly select: number | undefined
}

/** Each round's, by subject. */
type Measured = Readonly<Record<string, ReadonlyArray<Medians>>>

const answersOf = (measured: Measured, name: string) => measured[name]!.map(({ answer }) => answer)
const selectsOf = (measured: Measured, name: string) => measured[name]!.map(({ select }) => select!)

const gridOf = (subjects: ReadonlyArray<Subject>, measured: Measured): Grid => ({
  columns: ["", "first answer ms", "over the rounds", "SELECT of its events ms"],
  rows: subjects.map(({ name, label, snapshots }) => {
    const { median, min, max } = over(answersOf(measured, name))
    return [
      label,
      String(significant(median, 3)),
      `${min}–${max}`,
      snapshots ? "" : String(over(selectsOf(measured, name)).median)
    ]
  })
})

const chartOf = (file: string, title: string, bars: ReadonlyArray<Bar>) => ({
  file,
  title,
  unit: "milliseconds, less is better",
  bars
})

const chartsOf = (subjects: ReadonlyArray<Subject>, measured: Measured): Report["charts"] => {
  const bar = ({ name, label }: Subject): Bar => ({ label, value: over(answersOf(measured, name)), kind: "daybook" })
  const limit = ({ name, events }: Subject): Bar => ({
    label: `SELECT of ${grouped(events)} events`,
    value: over(selectsOf(measured, name)),
    kind: "limit"
  })
  const [few, thousand, many, thousandWithout, manyWithout] = subjects as readonly [
    Subject,
    Subject,
    Subject,
    Subject,
    Subject
  ]
  return [
    chartOf("recovery", "First answer of an aggregate that is not in memory", [few, thousand, many].map(bar)),
    chartOf("recovery-without-snapshots", "First answer without snapshots, beside one SELECT of the events", [
      bar(thousandWithout),
      limit(thousandWithout),
      bar(manyWithout),
      limit(manyWithout)
    ])
  ]
}

const reportOf = (subjects: ReadonlyArray<Subject>, measured: Measured): Report => {
  const millis = (name: string): Spread => over(answersOf(measured, name))
  const toFew = (name: string): Ratio => lessIsBetter(ratios(answersOf(measured, name), answersOf(measured, "few")))
  const toSelect = (name: string): Ratio => lessIsBetter(ratios(answersOf(measured, name), selectsOf(measured, name)))
  return {
    figures: {
      fewMillis: millis("few"),
      thousandMillis: millis("thousand"),
      manyMillis: millis("many"),
      thousandWithoutSnapshotsMillis: millis("thousandWithoutSnapshots"),
      manyWithoutSnapshotsMillis: millis("manyWithoutSnapshots"),
      manySelectMillis: over(selectsOf(measured, "manyWithoutSnapshots"))
    },
    ratios: {
      manyRatioToFew: toFew("many"),
      thousandRatioToFew: toFew("thousand"),
      manyWithoutSnapshotsRatioToSelect: toSelect("manyWithoutSnapshots")
    },
    targets: { manyRatioToFew: { atMost: 2 } },
    grids: [gridOf(subjects, measured)],
    charts: chartsOf(subjects, measured),
    details: { subjects, rounds: measured }
  }
}

/** What is asked of each subject: for its first answer, and for its events. */
type Ask = (subject: Subject) => { readonly answer: () => Promise<number>; readonly select: () => Promise<number> }

/**
 * One round: the subjects in turn, answer by answer, so that whatever slows the machine down for a while hits all of them. Those that
 * take long come up less often.
 */
const round = async (subjects: ReadonlyArray<Subject>, ask: Ask): Promise<Readonly<Record<string, Medians>>> => {
  const most = Math.max(...subjects.map(({ answers }) => answers))
  const answers = subjects.map((): Array<number> => [])
  const selects = subjects.map((): Array<number> => [])
  for (let turn = 0; turn < most; turn++) {
    for (const [i, subject] of subjects.entries()) {
      if (turn % Math.floor(most / subject.answers) !== 0) continue
      const { answer, select } = ask(subject)
      answers[i]!.push(await answer())
      if (!subject.snapshots) selects[i]!.push(await select())
    }
  }
  const mediansOf = (i: number): Medians => ({
    answer: median(answers[i]!),
    select: selects[i]!.length === 0 ? undefined : median(selects[i]!)
  })
  return Object.fromEntries(subjects.map(({ name }, i) => [name, mediansOf(i)]))
}

const run = async ({ options, server, say }: Run): Promise<Report> => {
  const subjects = subjectsOf(options.short ? 10_000 : 100_000)
  const url = await server.database("recovery")
  await using carts = open(url)
  await using database = connect(url)
  const ids = new Map<string, string>()
  for (const subject of subjects) ids.set(subject.name, await carts.write(subject))
  await database.query("VACUUM ANALYZE cart.event")
  const ask: Ask = ({ name, events }) => ({
    answer: () => carts.firstAnswer(ids.get(name)!, events),
    select: () => selectMillis(database.query, ids.get(name)!, events)
  })
  await round(subjects, ask)
  const rounds: Array<Readonly<Record<string, Medians>>> = []
  while (rounds.length < options.rounds) {
    const found = await round(subjects, ask)
    rounds.push(found)
    const told = Object.entries(found).map(([name, { answer }]) => `${name} ${answer.toFixed(2)}`)
    say(`round ${rounds.length} of ${options.rounds}, ms: ${told.join(", ")}`)
  }
  return reportOf(subjects, Object.fromEntries(subjects.map(({ name }) => [name, rounds.map((found) => found[name]!)])))
}

/** The benchmark. */
export const recovery: Benchmark = {
  name: "recovery",
  compares: "the first answer of aggregates with 10, 1,000 and 100,000 events, beside one SELECT of the same rows",
  inShort: true,
  contestants: {},
  run
}
