/**
 * The stored formats of aggregates, as files: one for every version of every event that was ever written, and of every state.
 * Held to the code by `Golden.ts`, written by `npm run stored`, which only ever adds.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { isDeepStrictEqual } from "node:util"
import type { Aggregate, Tagged } from "@daybook/core/Aggregate"
import { stateCodec } from "@daybook/core/Recovery"

/** The files of one aggregate, and what they mean. */
export interface StoredFormats<State = any, Event extends Tagged = any> {
  readonly aggregate: Aggregate<State, any, Event, any>
  readonly folder: URL
  /** What each file of an event means, in today's terms: several events, or none, for a former name. */
  readonly meanings: Readonly<Record<string, Event | ReadonlyArray<Event>>>
  /** What each file of a state means; `undefined` where no `upcast` raises it, and recovery passes it over. */
  readonly states: Readonly<Record<string, State | undefined>>
}

/** The files of one aggregate, and what they mean. */
export const formats = <State, Event extends Tagged>(
  declared: StoredFormats<State, Event>
): StoredFormats<State, Event> => declared

/** What to do about a file that today's code does not fit. */
const remedy =
  "What has been written stays readable as it is. Take the change back, or raise the schema version with an upcaster from the one " +
  "before, and run npm run stored. Where the version has never been released, delete its file, and run npm run stored."

const upTo = (version: number): ReadonlyArray<number> => Array.from({ length: version }, (_, i) => i + 1)

/** The files that there have to be. */
export const filesOf = ({ events, state }: Aggregate<any, any, any, any>) => {
  const current = events.names.map((name) => [name, events.schemaVersion(name)!] as const)
  return {
    events: [...current, ...events.former].flatMap(([name, version]) => upTo(version).map((v) => `${name}.v${v}.json`)),
    states: upTo(state.version).map((version) => `State.v${version}.json`)
  }
}

/** What a file holds. */
export const read = ({ folder }: StoredFormats, file: string): any =>
  JSON.parse(readFileSync(new URL(file, folder), "utf8"))

/** A meaning as a list. */
export const listOf = <Event>(meaning: Event | ReadonlyArray<Event>): ReadonlyArray<Event> =>
  Array.isArray(meaning) ? meaning : [meaning as Event]

/** What today's code writes: the content of every file that is of a current version. */
const writtenToday = ({ aggregate, meanings, states }: StoredFormats): ReadonlyMap<string, unknown> => {
  const { events, state } = aggregate
  const written = new Map<string, unknown>()
  for (const [file, meaning] of Object.entries(meanings)) {
    const [event] = listOf(meaning)
    if (event !== undefined && file === `${event._tag}.v${events.schemaVersion(event._tag)}.json`) {
      written.set(file, events.encode(event))
    }
  }
  const file = `State.v${state.version}.json`
  if (states[file] !== undefined) written.set(file, stateCodec(aggregate).encode(states[file]))
  return written
}

/** What is wrong with the files of an aggregate, and what is to be written. */
export interface Comparison {
  /** A line each, with what to do. */
  readonly problems: ReadonlyArray<string>
  /** Files of current versions that are not there yet. */
  readonly missing: ReadonlyMap<string, unknown>
}

/** Compares an aggregate's files with its code. */
export const compare = (declared: StoredFormats): Comparison => {
  const { aggregate, folder, meanings, states } = declared
  const expected = filesOf(aggregate)
  const written = writtenToday(declared)
  const there = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith(".json")) : []
  const problems: Array<string> = []
  const missing = new Map<string, unknown>()
  const say = (file: string, what: string) => problems.push(`${aggregate.name}, ${file}: ${what}`)
  for (const file of [...expected.events, ...expected.states]) {
    if (!(file in meanings) && !(file in states))
      say(file, "say what it means, beside the others, and run npm run stored")
    else if (there.includes(file)) {
      const changed = written.has(file) && !isDeepStrictEqual(written.get(file), read(declared, file))
      if (changed) say(file, `the code of today writes something else. ${remedy}`)
    } else if (written.has(file)) missing.set(file, written.get(file))
    else say(file, "it is gone, and only the release that wrote it could make it anew. Take it back from the history")
  }
  for (const file of [...there, ...Object.keys(meanings), ...Object.keys(states)]) {
    const isKnown = expected.events.includes(file) || expected.states.includes(file)
    if (!isKnown) say(file, `no event or state of today has that version, and its name is no former one. ${remedy}`)
  }
  return { problems: [...new Set(problems)], missing }
}

/** Writes a file of an aggregate. */
export const record = ({ folder }: StoredFormats, file: string, content: unknown): void =>
  writeFileSync(new URL(file, folder), `${JSON.stringify(content, undefined, 2)}\n`, { flag: "wx" })
