-- When a cart's last event was recorded. How long nobody has touched a cart is a matter of the clock; its business times may be those
-- of years ago, where it was imported. What wrote carts before this was written down counts as recorded when it occurred.
ALTER TABLE {schema}.cart_view ADD COLUMN recorded_at timestamptz NOT NULL DEFAULT now();
UPDATE {schema}.cart_view SET recorded_at = updated_at;

DROP INDEX {schema}.cart_view_untouched;

-- Carts that nobody has touched for long: abandoned in fact, if not in name.
CREATE INDEX cart_view_untouched ON {schema}.cart_view (recorded_at, cart_id) WHERE status IN ('open', 'abandoned');
