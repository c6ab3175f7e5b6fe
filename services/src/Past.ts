/**
 * Answers what services are asked about the past (`History.ts`): from their journal, never through entities. For the handlers of
 * services; on the server only.
 */

import type { Tagged } from "@daybook/core/Aggregate"
import * as CoreDifference from "@daybook/core/Difference"
import type { Recorded } from "@daybook/core/Event"
import * as Instant from "@daybook/core/Instant"
import { Journal } from "@daybook/core/Journal"
import { streamOf } from "@daybook/core/Partition"
import { Snapshots } from "@daybook/core/Snapshot"
import {
  atInstant,
  atVersion,
  begun,
  type Fold,
  foldTo,
  newestOf,
  type Point,
  type Version
} from "@daybook/core/StreamFold"
import * as Temporal from "@daybook/core/Temporal"
import type { StreamNotFound } from "@daybook/core/TemporalProblems"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { HttpApiSchema } from "effect/http-api"
import {
  type Difference,
  type DifferenceQuery,
  type History,
  type ShowQuery,
  type VersionPage,
  versionIn
} from "./History.ts"
import { defaultLimit } from "./Http.ts"
import { type InvalidRequest, invalidRequest } from "./InvalidRequest.ts"

/** A kind of thing with a past. Its view is made anew of one thing's events, in memory, as its projection makes it in the read models. */
export interface Subject<A, View, State, Event extends Tagged, NotFound> {
  readonly aggregate: Temporal.Remembering<State, Event>
  /** What the events of one thing are folded into. */
  readonly begin: () => A
  readonly fold: (changes: A, recorded: Recorded<Event>) => void
  /** `undefined` where the events say nothing that would be shown. */
  readonly view: (changes: A) => View | undefined
  readonly notFound: (id: string) => NotFound
}

/** An instant of a query, which must have come. */
const instantIn = (name: string, text: string): Effect.Effect<number, InvalidRequest> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    // The API has decoded it: it is one.
    const millis = Instant.parse(text)!
    if (millis <= now) return Effect.succeed(millis)
    const message = `Expected an instant that has come: it is ${Instant.format(now)} now`
    return Effect.fail(invalidRequest({ path: ["query", name], message }))
  })

/** The point of a query for one thing; `undefined` where it asks for the present. */
const pointOf = ({ asOf, version, by = "recorded" }: ShowQuery): Effect.Effect<Point | undefined, InvalidRequest> => {
  if (version !== undefined) return Effect.succeed(atVersion(version))
  if (asOf === undefined) return Effect.succeed(undefined)
  return Effect.map(instantIn("asOf", asOf), (millis) => atInstant(millis, by))
}

const endOf = (name: string, text: string, { by = "recorded" }: DifferenceQuery) => {
  const version = versionIn(text)
  return version === undefined
    ? Effect.map(instantIn(name, text), (millis) => atInstant(millis, by))
    : Effect.succeed(atVersion(version))
}

const shownVersion = ({ occurredAtMillis, recordedAtMillis, ...version }: Version) => ({
  ...version,
  occurredAt: Instant.format(occurredAtMillis),
  recordedAt: Instant.format(recordedAtMillis)
})

/** A view, and which older versions are not in it. */
export interface Seen<View> {
  readonly view: View
  readonly leftOut: ReadonlyArray<number>
}

/** The answer that shows one thing, as it is or as it was. */
export const tagged = <View extends { readonly version: number }>({ view: body, leftOut }: Seen<View>) =>
  HttpApiSchema.withHeaders({
    body,
    headers: {
      etag: `"${body.version}"`,
      ...(leftOut.length === 0 ? {} : { "x-left-out-versions": leftOut.join(", ") })
    }
  })

/** A fold for one question: it changes what it folds into. */
const viewFold = <A, View, State, Event extends Tagged, NotFound>({
  aggregate,
  begin,
  fold
}: Subject<A, View, State, Event, NotFound>): Fold<A, Event> => ({
  events: aggregate.events,
  initial: begin(),
  step: (changes, recorded) => {
    fold(changes, recorded)
    return changes
  }
})

/** Answers questions about things of a kind. */
export const of = <A, View extends { readonly version: number }, State, Event extends Tagged, NotFound>(
  subject: Subject<A, View, State, Event, NotFound>
) =>
  Effect.gen(function* () {
    const { aggregate, view, notFound } = subject
    const journal = yield* Journal
    const source = { aggregate, stores: { journal, snapshots: yield* Snapshots } }
    const about = (id: string) => streamOf(aggregate.name, id)

    /** It is a thing of the service's that is not known, whatever the platform calls it. */
    const known = <A, E, R>(id: string, effect: Effect.Effect<A, E, R>) =>
      Effect.catchTag(effect as Effect.Effect<A, E | StreamNotFound, R>, "StreamNotFound", () =>
        Effect.fail(notFound(id))
      )

    const asOf = (id: string, point: Point) =>
      Effect.gen(function* () {
        const found = yield* begun(about(id), point, yield* foldTo(journal, viewFold(subject), about(id), point))
        const seen = view(found.value)
        return seen === undefined ? yield* Effect.fail(notFound(id)) : { view: seen, leftOut: found.leftOut }
      })

    /** The thing as it was, where the query asks for that; what `now` answers otherwise. */
    const show = Effect.fnUntraced(function* <E, R>(id: string, query: ShowQuery, now: Effect.Effect<View, E, R>) {
      const point = yield* pointOf(query)
      const seen: Seen<View> =
        point === undefined ? { view: yield* now, leftOut: [] } : yield* known(id, asOf(id, point))
      return seen
    })

    const history = (id: string, { limit = defaultLimit, after }: VersionPage) =>
      Effect.map(
        known(id, Temporal.versions(journal, about(id), { limit, after })),
        ({ newestVersion, firstVersion, versions, next }): History => ({
          newestVersion,
          firstVersion,
          versions: versions.map(shownVersion),
          next
        })
      )

    /** Until now, unless the query says until when. */
    const toOf = (id: string, from: Point, query: DifferenceQuery) =>
      Effect.gen(function* () {
        if (query.to !== undefined) return yield* endOf("to", query.to, query)
        if (from._tag === "Instant") return atInstant(yield* Clock.currentTimeMillis, from.by)
        return atVersion(yield* newestOf(journal, about(id)))
      })

    const diff = (id: string, query: DifferenceQuery) =>
      Effect.gen(function* () {
        const from = yield* endOf("from", query.from, query)
        const to = yield* toOf(id, from, query)
        const { limit = defaultLimit, after } = query
        const found = yield* CoreDifference.difference(source, about(id), { from, to, limit, after })
        const answer: Difference = {
          from: { version: found.from.version, leftOut: found.from.leftOut },
          to: { version: found.to.version, leftOut: found.to.leftOut },
          patch: found.patch,
          changes: found.changes.map(({ patch, ...version }) => ({ ...shownVersion(version), patch })),
          next: found.next
        }
        return answer
      }).pipe((effect) => known(id, effect))

    return { show, history, diff }
  })
