-- The journal of one service. "{schema}" is the service's schema; everything below lives in it.

-- One row a partition. Its lock is what makes positions dense and visible in order: an appending transaction takes the next
-- positions under it and keeps it until it commits. Half-full pages, so that the head moves without touching an index.
CREATE TABLE {schema}.partition (
  id   smallint PRIMARY KEY,
  head bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

INSERT INTO {schema}.partition (id) SELECT generate_series(0, {partitions} - 1);

-- The events. Columns of fixed width come first, the widest first, which saves padding in every row.
CREATE TABLE {schema}.event (
  position       bigint      NOT NULL,
  occurred_at    timestamptz NOT NULL,
  recorded_at    timestamptz NOT NULL,
  event_id       uuid        NOT NULL,
  version        integer     NOT NULL,
  partition      smallint    NOT NULL, -- no foreign key: "append" has moved the partition's head, so that it is there
  schema_version smallint    NOT NULL,
  is_receipt     boolean     NOT NULL, -- the last event of a command that has an id: repeating the command finds it here
  stream         text COLLATE "C" NOT NULL, -- compared byte by byte, as ids are; a language's rules would cost every index
  type           text        NOT NULL,
  command_id     text COLLATE "C",
  correlation_id text,
  causation_id   text,
  actor          text,
  reason         text,
  trace_parent   text,
  tenant         text,
  data           json        NOT NULL, -- json, not jsonb: the text is kept as written, so that it can be hashed and proved
  PRIMARY KEY (partition, position)
);

-- The fence of optimistic concurrency: two writers cannot both write a version.
CREATE UNIQUE INDEX event_stream ON {schema}.event (stream, version);

-- The memory of idempotency: two writers cannot both carry out a command.
CREATE UNIQUE INDEX event_receipt ON {schema}.event (stream, command_id) WHERE is_receipt;

-- Commands with an id that left no event: nothing to do, or an aggregate whose events are not kept.
CREATE TABLE {schema}.receipt (
  version     integer     NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  stream      text COLLATE "C" NOT NULL,
  command_id  text COLLATE "C" NOT NULL,
  PRIMARY KEY (stream, command_id)
);

-- The state of aggregates whose events are not kept for ever (levels 1 and 2). Room is left for updates in place.
CREATE TABLE {schema}.state (
  updated_at     timestamptz NOT NULL,
  version        integer     NOT NULL,
  schema_version smallint    NOT NULL,
  stream         text COLLATE "C" NOT NULL PRIMARY KEY,
  data           json        NOT NULL
) WITH (fillfactor = 70);

-- Remembered states that only save time (level 3). Any of them may be deleted.
CREATE TABLE {schema}.snapshot (
  taken_at       timestamptz NOT NULL,
  version        integer     NOT NULL,
  schema_version smallint    NOT NULL,
  stream         text COLLATE "C" NOT NULL,
  data           json        NOT NULL,
  PRIMARY KEY (stream, version)
);
