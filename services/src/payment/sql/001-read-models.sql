-- The payment's read models. Written by the projection "payment-views" alone, which may empty and rebuild them.

CREATE TABLE {schema}.payment_view (
  begun_at           timestamptz NOT NULL,
  updated_at         timestamptz NOT NULL,
  expires_at         timestamptz, -- of the authorisation, if the provider said so
  held_minor         bigint  NOT NULL,
  captured_minor     bigint  NOT NULL,
  refunded_minor     bigint  NOT NULL,
  charged_back_minor bigint  NOT NULL,
  capturable_minor   bigint  NOT NULL,
  refundable_minor   bigint  NOT NULL,
  version            integer NOT NULL,
  payment_id         text    NOT NULL PRIMARY KEY,
  status             text    NOT NULL,
  order_id           text,
  customer_id        text,
  currency           text    NOT NULL, -- 'XXX' until there is an authorisation
  brand              text,
  last4              text,
  action_url         text
) WITH (fillfactor = 70);

CREATE INDEX payment_view_order ON {schema}.payment_view (order_id, begun_at DESC, payment_id) WHERE order_id IS NOT NULL;
CREATE INDEX payment_view_customer ON {schema}.payment_view (customer_id, begun_at DESC, payment_id)
  WHERE customer_id IS NOT NULL;

CREATE TABLE {schema}.payment_operation (
  requested_at       timestamptz NOT NULL,
  updated_at         timestamptz NOT NULL,
  amount_minor       bigint  NOT NULL,
  number             integer NOT NULL, -- the order in which they were first requested
  calls              integer NOT NULL,
  payment_id         text    NOT NULL,
  operation_id       text    NOT NULL,
  kind               text    NOT NULL,
  status             text    NOT NULL,
  provider_reference text,
  code               text,
  reason             text,
  PRIMARY KEY (payment_id, operation_id)
) WITH (fillfactor = 70);

CREATE TABLE {schema}.payment_chargeback (
  updated_at    timestamptz NOT NULL,
  amount_minor  bigint  NOT NULL,
  number        integer NOT NULL,
  payment_id    text    NOT NULL,
  chargeback_id text    NOT NULL,
  stage         text    NOT NULL,
  PRIMARY KEY (payment_id, chargeback_id)
);

CREATE TABLE {schema}.payment_attention (
  required_at  timestamptz NOT NULL,
  resolved_at  timestamptz,
  number       bigint GENERATED ALWAYS AS IDENTITY, -- the order of the list
  payment_id   text NOT NULL,
  attention_id text NOT NULL,
  kind         text NOT NULL,
  detail       text NOT NULL,
  note         text,
  PRIMARY KEY (payment_id, attention_id)
);

CREATE INDEX payment_attention_open ON {schema}.payment_attention (number) WHERE resolved_at IS NULL;

-- What was authorised, taken and given back on a day (UTC, when it became known), by currency.
CREATE TABLE {schema}.ledger_day (
  authorised_minor   bigint NOT NULL,
  captured_minor     bigint NOT NULL,
  refunded_minor     bigint NOT NULL,
  charged_back_minor bigint NOT NULL, -- what disputes took, less what they gave back
  day                date   NOT NULL,
  currency           text   NOT NULL,
  PRIMARY KEY (day, currency)
) WITH (fillfactor = 70);

-- Operations that the provider is to be asked about, and when: the timetable of the deadlines, which count and postpone.
CREATE TABLE {schema}.open_operation (
  since        timestamptz NOT NULL,
  next_at      timestamptz NOT NULL,
  tries        integer NOT NULL DEFAULT 0,
  payment_id   text NOT NULL,
  operation_id text NOT NULL,
  reason       text NOT NULL,
  PRIMARY KEY (payment_id, operation_id)
) WITH (fillfactor = 70);

CREATE INDEX open_operation_next ON {schema}.open_operation (next_at);
