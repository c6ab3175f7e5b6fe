-- The index of untouched carts had the time of a cart's last event, so that each event was a new entry in all of the table's indexes, and
-- who read a cart that was being filled went through those before it. The hour changes once in an hour.
DROP INDEX {schema}.cart_view_untouched;

ALTER TABLE {schema}.cart_view ADD COLUMN recorded_hour integer NOT NULL -- hours since 1970, UTC
  GENERATED ALWAYS AS (floor(extract(epoch FROM recorded_at - timestamptz '1970-01-01 00:00:00+00') / 3600)::integer) STORED;

-- Carts that nobody has touched for long: abandoned in fact, if not in name.
CREATE INDEX cart_view_untouched ON {schema}.cart_view (recorded_hour) WHERE status IN ('open', 'abandoned');
