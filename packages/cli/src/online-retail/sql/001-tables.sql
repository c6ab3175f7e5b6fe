-- What an import remembers besides the carts themselves: how far it has come, and what it could not take.

-- One row for each content. "done_through_line": whatever follows from the lines up to here is durable, so that the same import
-- goes on after it.
CREATE TABLE {schema}.file (
  started_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
  completed_at      timestamptz,
  lines             integer NOT NULL, -- order lines, without the header
  done_through_line integer NOT NULL DEFAULT 0,
  hash              text    NOT NULL PRIMARY KEY, -- SHA-256 of the decompressed content
  name              text    NOT NULL
) WITH (fillfactor = 70);

CREATE TABLE {schema}.rejected_line (
  line      integer NOT NULL,
  file_hash text    NOT NULL REFERENCES {schema}.file (hash) ON DELETE CASCADE,
  reason    text    NOT NULL,
  detail    text    NOT NULL,
  invoice   text    NOT NULL,
  cells     json    NOT NULL, -- the record as it was read, to be corrected and imported again
  PRIMARY KEY (file_hash, line)
);
