-- Which version of each payment has been compared with the provider's books, and when to try next. Written by the sweep alone;
-- a rebuild of the read models begins anew.
ALTER TABLE {schema}.payment_view
  ADD COLUMN compared_version integer     NOT NULL DEFAULT 0,
  ADD COLUMN compare_at       timestamptz NOT NULL DEFAULT '-infinity';

CREATE INDEX payment_view_uncompared ON {schema}.payment_view (updated_at, payment_id) WHERE version > compared_version;
