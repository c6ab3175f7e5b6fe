/**
 * What can be wrong with a stream that a projection has set aside, in words. Used by its worker.
 */
import type { Stored } from "./Event.ts"
import { type Parked, ProjectionFenced, StillFailing } from "./ProjectionStore.ts"

/** A worker has passed over what is not set aside any more: it has to go there again. */
export const takenBack = (projection: string, { stream, partition }: Stored): ProjectionFenced =>
  new ProjectionFenced({
    projection,
    partition,
    detail: `Stream ${stream} was taken back into projection ${projection} while a worker passed over it; the worker goes back to it`
  })

/** What is set aside cannot be applied yet. */
export const stillFailing = (projection: string, { stream, version }: Parked, reason: string): StillFailing =>
  new StillFailing({
    projection,
    stream,
    detail:
      `Projection ${projection} still cannot apply stream ${stream} from version ${version} on: ${reason}. Nothing was ` +
      "changed; correct the projection and try again, or rebuild it."
  })
