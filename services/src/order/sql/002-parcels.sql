-- A shipment is several parcels, and may have been promised for a day. What was told of one parcel goes into the list.

ALTER TABLE {schema}.order_timeline
  ADD COLUMN parcels     jsonb NOT NULL DEFAULT '[]', -- of a shipment: [{"carrier", "trackingNumber"}]
  ADD COLUMN promised_by date;

UPDATE {schema}.order_timeline
SET parcels = jsonb_build_array(jsonb_build_object('carrier', carrier, 'trackingNumber', tracking_number))
WHERE carrier IS NOT NULL OR tracking_number IS NOT NULL;

ALTER TABLE {schema}.order_timeline
  DROP COLUMN carrier,
  DROP COLUMN tracking_number;
