-- What is not in the event table any more: which events are in archive files, and how many were deleted.

-- One row a file. Where the files are is a setting, so that they can be moved.
CREATE TABLE {schema}.archive_file (
  first_position bigint      NOT NULL,
  last_position  bigint      NOT NULL,
  bytes          bigint      NOT NULL,
  text_bytes     bigint      NOT NULL, -- before compression
  archived_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  id             integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  streams        integer     NOT NULL,
  events         integer     NOT NULL,
  partition      smallint    NOT NULL,
  name           text        NOT NULL UNIQUE,
  sha256         text        NOT NULL
);

-- To find the files that reach into a range of positions.
CREATE INDEX archive_file_position ON {schema}.archive_file (partition, last_position);

-- One row for each run of versions of a stream in a file. The stream's last event stays in the event table: it carries the version.
CREATE TABLE {schema}.archived_stream (
  first_position bigint  NOT NULL,
  last_position  bigint  NOT NULL,
  file           integer NOT NULL REFERENCES {schema}.archive_file (id),
  first_version  integer NOT NULL,
  last_version   integer NOT NULL,
  events         integer NOT NULL, -- fewer than the versions between where some had been deleted before
  stream         text COLLATE "C" NOT NULL,
  PRIMARY KEY (stream, first_version)
);

CREATE INDEX archived_stream_file ON {schema}.archived_stream (file);

-- How many events each partition has lost in which way, so that the number of those that are there need not be counted.
CREATE TABLE {schema}.removed_events (
  archived  bigint   NOT NULL DEFAULT 0,
  pruned    bigint   NOT NULL DEFAULT 0,
  partition smallint PRIMARY KEY
);

-- Whoever reads the journal reads these too. They say nothing of what happened, and only who may use the schema comes here at all.
GRANT SELECT ON {schema}.archive_file, {schema}.archived_stream, {schema}.removed_events TO PUBLIC;
