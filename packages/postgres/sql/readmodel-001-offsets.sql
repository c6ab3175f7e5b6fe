-- Where projections stand. These tables live beside the read models, so that both change in one transaction.

CREATE TABLE {schema}.projection (
  name   text PRIMARY KEY,
  paused boolean NOT NULL DEFAULT false
);

-- One row for each projection and partition of the journal. "epoch" rises with every take-over: a worker commits only with
-- the epoch that it was given, so one that was overtaken cannot write any more.
CREATE TABLE {schema}.projection_offset (
  position        bigint   NOT NULL DEFAULT 0,
  lease_until     timestamptz NOT NULL DEFAULT '-infinity',
  epoch           integer  NOT NULL DEFAULT 0,
  partition       smallint NOT NULL,
  projection      text     NOT NULL REFERENCES {schema}.projection (name) ON DELETE CASCADE,
  owner           text,
  stopped_because text,
  PRIMARY KEY (projection, partition)
) WITH (fillfactor = 50);

-- Streams that a projection has set aside, from the event on which it failed.
CREATE TABLE {schema}.projection_parked (
  position   bigint      NOT NULL,
  parked_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  version    integer     NOT NULL,
  partition  smallint    NOT NULL,
  projection text        NOT NULL REFERENCES {schema}.projection (name) ON DELETE CASCADE,
  stream     text        NOT NULL,
  reason     text        NOT NULL,
  PRIMARY KEY (projection, stream)
);
