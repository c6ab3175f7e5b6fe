-- The order's read models. Written by the projection "order-views" alone; they may be emptied and rebuilt.

CREATE TABLE {schema}.order_view (
  placed_at              timestamptz NOT NULL,
  updated_at             timestamptz NOT NULL,
  goods_minor            bigint  NOT NULL,
  tax_minor              bigint  NOT NULL,
  shipping_minor         bigint  NOT NULL,
  total_minor            bigint  NOT NULL,
  charged_minor          bigint  NOT NULL, -- what the shipments come to
  cancelled_minor        bigint  NOT NULL, -- what was taken off after the confirmation
  refunded_minor         bigint  NOT NULL, -- what the returns come to
  version                integer NOT NULL,
  line_count             integer NOT NULL,
  open_returns           integer NOT NULL, -- announced and not yet received
  cancellation_requested boolean NOT NULL, -- while the order was pending
  order_id               text    NOT NULL PRIMARY KEY,
  status                 text    NOT NULL,
  cart_id                text    NOT NULL,
  checkout_id            text    NOT NULL,
  customer_id            text,
  country                text,
  currency               text    NOT NULL,
  authorisation_id       text,
  reservation_id         text,
  reject_reason          text,
  cancel_reason          text,
  shortages              jsonb   NOT NULL
) WITH (fillfactor = 80);

-- The orders of a customer, the newest first.
CREATE INDEX order_view_customer ON {schema}.order_view (customer_id, placed_at DESC, order_id DESC)
  WHERE customer_id IS NOT NULL;

-- The operations queue: orders that somebody has to do something about, the oldest first.
CREATE INDEX order_view_queue ON {schema}.order_view (status, placed_at, order_id)
  WHERE status IN ('pending', 'confirmed', 'shipping', 'shipped', 'delivered');

CREATE INDEX order_view_returning ON {schema}.order_view (placed_at, order_id) WHERE open_returns > 0;

CREATE TABLE {schema}.order_line (
  unit_price_minor bigint  NOT NULL,
  tax_minor        bigint  NOT NULL,
  charged_minor    bigint  NOT NULL,
  refunded_minor   bigint  NOT NULL,
  place            integer NOT NULL, -- in the order, from 0
  quantity         integer NOT NULL,
  cancelled        integer NOT NULL,
  shipped          integer NOT NULL,
  delivered        integer NOT NULL,
  announced        integer NOT NULL, -- to come back, and not yet received
  returned         integer NOT NULL,
  order_id         text    NOT NULL,
  line_id          text    NOT NULL,
  sku              text    NOT NULL,
  description      text    NOT NULL,
  PRIMARY KEY (order_id, place)
) WITH (fillfactor = 90);

-- What happened to an order, one row for each event. Shipments and returns are read from it too.
CREATE TABLE {schema}.order_timeline (
  occurred_at     timestamptz NOT NULL,
  total_minor     bigint,           -- what it comes to, where it comes to something
  version         integer NOT NULL,
  order_id        text    NOT NULL,
  event           text    NOT NULL,
  actor           text,
  note            text,             -- what the actor said
  record_id       text,             -- of the cancellation, shipment or return
  reason          text,
  carrier         text,
  tracking_number text,
  lines           jsonb   NOT NULL, -- parts of lines; none for the placing of the order, which is about all of them
  PRIMARY KEY (order_id, version)
);
