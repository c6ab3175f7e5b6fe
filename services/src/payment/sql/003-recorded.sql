-- When a payment's last event was recorded. How long ago its provider was last asked is a matter of the clock; its business times may be
-- those of years ago, where it was imported. Payments from before this column count as recorded when their last event occurred.
ALTER TABLE {schema}.payment_view ADD COLUMN recorded_at timestamptz NOT NULL DEFAULT now();
UPDATE {schema}.payment_view SET recorded_at = updated_at;

DROP INDEX {schema}.payment_view_uncompared;
CREATE INDEX payment_view_uncompared ON {schema}.payment_view (recorded_at, payment_id) WHERE version > compared_version;
