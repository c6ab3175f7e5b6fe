-- What a service's consumers have received, and what they have set aside.

CREATE TABLE {schema}.inbox (
  received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  consumer    text        NOT NULL,
  message_id  text        NOT NULL,
  PRIMARY KEY (consumer, message_id)
);

CREATE INDEX inbox_received ON {schema}.inbox (received_at);

CREATE TABLE {schema}.held_message (
  number          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  held_at         timestamptz NOT NULL,
  next_attempt_at timestamptz NOT NULL,
  attempts        integer     NOT NULL,
  consumer        text        NOT NULL,
  topic           text        NOT NULL,
  key             text        NOT NULL,
  message_id      text        NOT NULL,
  state           text        NOT NULL CHECK (state IN ('retrying', 'dead', 'waiting')),
  error           text        NOT NULL,
  body            text        NOT NULL
);

CREATE INDEX held_message_key ON {schema}.held_message (consumer, key, number);
