/**
 * Read models as of some time: made beside the live one, asked, kept under a label or dropped. What `daybook projection as-of` does,
 * on the stores that it finds through the shop's settings.
 */
import * as AsOf from "@daybook/core/AsOf"
import { Journal } from "@daybook/core/Journal"
import type { Projection } from "@daybook/core/Projection"
import * as Replay from "@daybook/core/Replay"
import * as SqlAsOf from "@daybook/postgres/SqlAsOf"
import * as SqlProjectionStore from "@daybook/postgres/SqlProjectionStore"
import { database } from "@daybook/shop/Place"
import * as Settings from "@daybook/shop/Settings"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SqlClient } from "effect/sql/SqlClient"
import { type Askable, askable } from "./AsOfQueries.ts"
import { Failure } from "./Failure.ts"
import * as Progress from "./Progress.ts"
import { kept, known, writeSideOf } from "./ServiceProjections.ts"

/** A read model that can be had as of some time. */
export interface Model extends Askable {
  readonly service: Settings.ServiceName
  readonly name: string
  readonly projection: (schema: string) => Projection<any, any, SqlClient>
}

const models: ReadonlyArray<Model> = Settings.serviceNames.flatMap((service) =>
  kept[service].readModels(kept[service].schema).flatMap(({ name }, i) => {
    const asked = askable[name]
    if (asked === undefined) return []
    return [{ ...asked, service, name, projection: (schema: string) => kept[service].readModels(schema)[i]! }]
  })
)

/** The names of all that can be had. */
export const names: ReadonlyArray<string> = models.map(({ name }) => name)

/** The read model of a name. */
export const modelOf = (name: string): Effect.Effect<Model, Failure> => {
  const model = models.find((one) => one.name === name)
  if (model !== undefined) return Effect.succeed(model)
  return Effect.fail(
    new Failure({ message: `${name} cannot be had as of some time. These read models can: ${names.join(", ")}.` })
  )
}

/** Of a service that has never run here there is no past. */
const checkRan = (service: Settings.ServiceName) =>
  Effect.gen(function* () {
    if ((yield* known).includes(service)) return
    return yield* new Failure({
      message: `The ${service} service has not run on this store. Name another one with DAYBOOK_HOME or DATABASE_URL.`
    })
  })

/** Does something on the read database of a service, and has its journal at hand. */
export const on = <A, E>(service: Settings.ServiceName, work: Effect.Effect<A, E, SqlClient | Journal>) =>
  Effect.gen(function* () {
    yield* checkRan(service)
    const { read } = yield* Settings.sides(service)
    return yield* Effect.provide(work, Layer.merge(yield* writeSideOf(service), database(read)))
  })

/** Every read model as of some time that is there, of the services that have run here. */
export const list = Effect.gen(function* () {
  const memo = yield* Layer.makeMemoMap
  const scope = yield* Effect.scope
  const found = new Map<string, SqlAsOf.Found & { readonly service: Settings.ServiceName }>()
  for (const service of yield* known) {
    const { read } = yield* Settings.sides(service)
    const context = yield* Layer.buildWithMemoMap(database(read), memo, scope)
    const there = yield* Effect.provideContext(SqlAsOf.list([kept[service].schema]), context)
    for (const one of there) found.set(one.schema, { ...one, service })
  }
  return [...found.values()]
}).pipe(Effect.scoped)

/** Removes one. */
export const drop = ({ schema, service }: { readonly schema: string; readonly service: Settings.ServiceName }) =>
  Effect.gen(function* () {
    const { read } = yield* Settings.sides(service)
    yield* Effect.provide(SqlAsOf.drop(schema), database(read))
  })

/** What is kept of a model under a label, its tables up to date. */
export const keptAs = Effect.fnUntraced(function* ({ service, name }: Model, label: string) {
  const { schema, tables } = kept[service]
  const found = (yield* SqlAsOf.list([schema])).find((one) => one.label === label)
  if (found?.projection === name && found.events !== null) yield* SqlAsOf.prepare(found.schema, [tables].flat())
  return found
})

/** Positions that the journal has not come to are a mistake, and partitions that it does not have. */
const checkPositions = (positions: ReadonlyMap<number, number>) =>
  Effect.gen(function* () {
    const heads = yield* (yield* Journal).heads
    for (const [partition, position] of positions) {
      const head = heads[partition]
      if (head === undefined) {
        return yield* new Failure({
          message: `There is no partition ${partition}: the journal's are 0 to ${heads.length - 1}. Correct --position ${partition}:${position}.`
        })
      }
      if (position > head) {
        return yield* new Failure({
          message: `Partition ${partition} has come to position ${head}, not ${position}. Correct --position ${partition}:${position}.`
        })
      }
    }
  })

/**
 * Makes a read model of some moment in a schema of its own, and uses it. It goes afterwards, unless it has a label; and what was not
 * completed goes in any case, however it ended.
 */
export const withMade = <A, E, R>(
  model: Model,
  { moment, label }: { readonly moment: AsOf.Moment; readonly label: string | null },
  use: (made: SqlAsOf.Found) => Effect.Effect<A, E, R>
) =>
  Effect.gen(function* () {
    const { at, positions = new Map<number, number>() } = moment
    yield* checkPositions(positions)
    const { schema: ofService, tables } = kept[model.service]
    const about: SqlAsOf.About = {
      projection: model.name,
      label,
      atMillis: at?.millis ?? null,
      by: at?.by ?? null,
      positions: Object.fromEntries(positions),
      madeAtMillis: yield* Clock.currentTimeMillis,
      events: null
    }
    return yield* Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const schema = yield* SqlAsOf.create(ofService, about, [tables].flat())
        const gone = Effect.ignore(SqlAsOf.drop(schema))
        const events = yield* Effect.onError(restore(fill(model, moment, schema)), () => gone)
        yield* Effect.onError(SqlAsOf.complete({ schema, ...about }, events), () => gone)
        return yield* Effect.ensuring(restore(use({ schema, ...about, events })), label === null ? gone : Effect.void)
      })
    )
  })

const fill = ({ name, streams, projection }: Model, moment: AsOf.Moment, schema: string) =>
  Effect.gen(function* () {
    const into = projection(schema)
    const progress = yield* Progress.make(Progress.ofProcess())
    const { events, ...plan } = yield* AsOf.plan(into, moment, streams)
    progress.begin(`Making ${name}`, { total: plan.until.reduce((sum, position) => sum + position, 0), unit: "events" })
    const onProgress = ({ done }: Replay.Progress) => {
      progress.done = done
    }
    yield* Effect.provide(Replay.run(into, { ...plan, onProgress }), SqlProjectionStore.layer(schema))
    progress.end()
    return events()
  }).pipe(Effect.scoped)
