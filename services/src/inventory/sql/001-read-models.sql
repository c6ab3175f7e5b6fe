-- The inventory's read models. Written by the projections "stock-views" and "reservation-views" alone; they may be emptied and
-- rebuilt.

-- What lies where, and how much of it can be had. A stock item is here once anything is known of its stock.
CREATE TABLE {schema}.stock_level (
  updated_at       timestamptz NOT NULL,
  low_since        timestamptz, -- null while more is available than the reorder point
  on_hand          bigint  NOT NULL,
  reserved         bigint  NOT NULL,
  committed        bigint  NOT NULL,
  safety_stock     bigint  NOT NULL,
  available        bigint  NOT NULL, -- below 0 only where back-orders are allowed
  back_order_limit bigint  NOT NULL,
  reorder_point    bigint  NOT NULL,
  version          integer NOT NULL,
  stock_item_id    text    NOT NULL PRIMARY KEY,
  sku              text    NOT NULL,
  location         text    NOT NULL,
  UNIQUE (sku, location)
) WITH (fillfactor = 70);

-- The scarcest first.
CREATE INDEX stock_level_available ON {schema}.stock_level (available, stock_item_id);
CREATE INDEX stock_level_low ON {schema}.stock_level (available, stock_item_id) WHERE low_since IS NOT NULL;

-- The ledger: what has come and gone. The quantities of a stock item add up to what is on hand.
CREATE TABLE {schema}.stock_movement (
  occurred_at    timestamptz NOT NULL,
  recorded_at    timestamptz NOT NULL,
  quantity       bigint  NOT NULL, -- below 0 when units have left
  on_hand        bigint  NOT NULL, -- what lay there afterwards
  version        integer NOT NULL,
  movement_id    text    NOT NULL PRIMARY KEY, -- the event's id
  sku            text    NOT NULL,
  location       text    NOT NULL,
  kind           text    NOT NULL,
  reference      text    NOT NULL,
  reason         text,
  other_location text,
  reservation_id text,
  actor          text
);

-- The newest first; within a stock item in the order of its versions.
CREATE INDEX stock_movement_sku ON {schema}.stock_movement (sku, recorded_at, location, version);

-- Reservations, with their lines as the reservation's newest event says them.
CREATE TABLE {schema}.reservation_view (
  requested_at   timestamptz NOT NULL,
  updated_at     timestamptz NOT NULL,
  expires_at     timestamptz, -- null where there never was anything that could run out
  version        integer NOT NULL,
  awaited        integer NOT NULL, -- stock items that have not answered yet
  order_id       text    NOT NULL PRIMARY KEY,
  status         text    NOT NULL,
  give_up_reason text,
  lines          json    NOT NULL, -- sku, location, quantity, backOrdered
  shortages      json    NOT NULL  -- sku, location, requested, available
) WITH (fillfactor = 80);

-- What is to run out next.
CREATE INDEX reservation_view_live ON {schema}.reservation_view (expires_at, order_id) WHERE status IN ('pending', 'reserved');
CREATE INDEX reservation_view_status ON {schema}.reservation_view (status, requested_at, order_id);
