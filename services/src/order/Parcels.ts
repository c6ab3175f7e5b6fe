/**
 * The parcels of a shipment, and how they are told to whoever knows of one parcel only: callers, readers and stored events from
 * before a shipment could be several.
 */
import * as Schema from "effect/Schema"

/** One parcel of a shipment. `null` where nobody said. */
export const Parcel = Schema.Struct({
  carrier: Schema.NullOr(Schema.String),
  trackingNumber: Schema.NullOr(Schema.String)
})

/** One parcel of a shipment. */
export type Parcel = typeof Parcel.Type

/** What was told of a shipment as one parcel. Nothing about it is no parcel that anything is known of. Stored events rely on it. */
export const ofOne = ({ carrier, trackingNumber }: Parcel): ReadonlyArray<Parcel> =>
  carrier === null && trackingNumber === null ? [] : [{ carrier, trackingNumber }]

/** A shipment told as one parcel: its first. */
export const asOne = ([first]: ReadonlyArray<Parcel>): Parcel => first ?? { carrier: null, trackingNumber: null }
