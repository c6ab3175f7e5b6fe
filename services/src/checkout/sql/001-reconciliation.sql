-- What the checkout has heard of orders, reservations and payments: its own copy of what others publish, to be compared.
-- Written by the consumer "checkout-reconciliation" alone.

CREATE TABLE {schema}.reconciliation (
  order_id         text        NOT NULL PRIMARY KEY,
  -- When something was last heard about it, whichever of the three it was about.
  heard_at         timestamptz NOT NULL,
  -- From the orders. What is due is what a confirmed order comes to, less what was cancelled of it.
  order_status     text,
  was_confirmed    boolean     NOT NULL,
  order_currency   text,
  due_minor        bigint      NOT NULL,
  -- From the inventory.
  reservation      text,
  -- From the payments. Released: nothing of what was authorised is held any more.
  payment_currency text,
  authorised_minor bigint      NOT NULL,
  released         boolean,
  captured_minor   bigint      NOT NULL,
  refunded_minor   bigint      NOT NULL,
  disputed_minor   bigint      NOT NULL,
  held_minor       bigint      NOT NULL GENERATED ALWAYS AS
    (CASE WHEN released THEN 0 ELSE greatest(authorised_minor - captured_minor, 0) END) STORED,
  -- What does not fit together. Columns, and not conditions of queries: of a column PostgreSQL knows how rarely it is true.
  funds_unordered  boolean     NOT NULL GENERATED ALWAYS AS
    (coalesce(order_status NOT IN ('confirmed', 'closed'), true)
     AND ((released IS NOT TRUE AND authorised_minor > captured_minor) OR captured_minor > refunded_minor + disputed_minor)) STORED,
  order_unfunded   boolean     NOT NULL GENERATED ALWAYS AS
    (coalesce(order_status = 'confirmed', false)
     AND (CASE WHEN released THEN captured_minor ELSE greatest(authorised_minor, captured_minor) END < due_minor
          OR coalesce(payment_currency <> order_currency, false))) STORED,
  order_unstocked  boolean     NOT NULL GENERATED ALWAYS AS
    (coalesce(order_status = 'confirmed', false) AND reservation IS DISTINCT FROM 'committed') STORED,
  stock_unordered  boolean     NOT NULL GENERATED ALWAYS AS
    (coalesce(reservation = 'reserved' AND order_status IS DISTINCT FROM 'confirmed', false)
     OR coalesce(reservation = 'committed' AND NOT was_confirmed, false)) STORED
);

-- A report reads what does not fit and nothing else, however many orders there are.
CREATE INDEX reconciliation_funds ON {schema}.reconciliation (order_id) WHERE funds_unordered;
CREATE INDEX reconciliation_unfunded ON {schema}.reconciliation (order_id) WHERE order_unfunded;
CREATE INDEX reconciliation_unstocked ON {schema}.reconciliation (order_id) WHERE order_unstocked;
CREATE INDEX reconciliation_stock ON {schema}.reconciliation (order_id) WHERE stock_unordered;

-- What someone should look at in a payment, until it is resolved.
CREATE TABLE {schema}.reconciliation_attention (
  order_id     text        NOT NULL,
  attention_id text        NOT NULL,
  kind         text        NOT NULL,
  detail       text        NOT NULL,
  required_at  timestamptz NOT NULL,
  PRIMARY KEY (order_id, attention_id)
);

-- What each dispute has taken by now: nothing once it is won.
CREATE TABLE {schema}.reconciliation_dispute (
  order_id      text   NOT NULL,
  chargeback_id text   NOT NULL,
  takes_minor   bigint NOT NULL,
  PRIMARY KEY (order_id, chargeback_id)
);
