-- The cart's read models. Written by the projection "cart-views" alone; they may be emptied and rebuilt.

CREATE TABLE {schema}.cart_view (
  opened_at           timestamptz NOT NULL,
  updated_at          timestamptz NOT NULL,
  checkout_begun_at   timestamptz,
  total_minor         bigint  NOT NULL,
  version             integer NOT NULL,
  line_count          integer NOT NULL,
  cart_id             text    NOT NULL PRIMARY KEY,
  status              text    NOT NULL,
  customer_id         text,
  country             text,
  currency            text    NOT NULL,
  checkout_id         text
) WITH (fillfactor = 80);

-- The carts of a customer, the newest first.
CREATE INDEX cart_view_customer ON {schema}.cart_view (customer_id, opened_at DESC, cart_id) WHERE customer_id IS NOT NULL;

-- Carts that nobody has touched for long: abandoned in fact, if not in name.
CREATE INDEX cart_view_untouched ON {schema}.cart_view (updated_at, cart_id) WHERE status IN ('open', 'abandoned');

CREATE TABLE {schema}.cart_line (
  unit_price_minor bigint  NOT NULL,
  quantity         integer NOT NULL,
  added_version    integer NOT NULL, -- the order of lines in the cart
  cart_id          text    NOT NULL,
  line_id          text    NOT NULL,
  sku              text    NOT NULL,
  description      text    NOT NULL,
  PRIMARY KEY (cart_id, line_id)
);

-- What checked-out carts come to, by country, day (UTC, of the business time) and currency. A restored cart is taken out again.
CREATE TABLE {schema}.revenue (
  total_minor bigint  NOT NULL,
  carts       integer NOT NULL,
  day         date    NOT NULL,
  country     text    NOT NULL, -- 'Unspecified' where the cart has none
  currency    text    NOT NULL,
  PRIMARY KEY (country, day, currency)
) WITH (fillfactor = 70);
