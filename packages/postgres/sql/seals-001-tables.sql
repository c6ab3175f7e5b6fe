-- Seals over the journal of one service: what makes it evident when events have been tampered with.

-- The keys that have sealed here, as public keys (SPKI, DER in Base64). Each but the first continues another, as both have signed.
CREATE TABLE {schema}.seal_key (
  introduced_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  key_id         text NOT NULL PRIMARY KEY,
  public_key     text NOT NULL,
  predecessor    text UNIQUE REFERENCES {schema}.seal_key (key_id), -- one successor each
  signature_from text,
  signature_to   text
);

-- Two processes with keys of their own cannot both begin.
CREATE UNIQUE INDEX seal_key_first ON {schema}.seal_key ((predecessor IS NULL)) WHERE predecessor IS NULL;

-- A block of contiguous positions. Two processes cannot both seal a block. The leaves' hashes, 32 bytes an event, say which event of
-- a block is not what it was, and stand for events that are removed.
CREATE TABLE {schema}.seal (
  number         bigint      NOT NULL,
  first_position bigint      NOT NULL,
  last_position  bigint      NOT NULL,
  sealed_at      timestamptz NOT NULL,
  partition      smallint    NOT NULL,
  key_id         text        NOT NULL REFERENCES {schema}.seal_key (key_id),
  root           text        NOT NULL,
  previous       text        NOT NULL,
  signature      text        NOT NULL,
  leaves         bytea       NOT NULL,
  PRIMARY KEY (partition, number)
);

-- Hashes cannot be compressed.
ALTER TABLE {schema}.seal ALTER COLUMN leaves SET STORAGE EXTERNAL;

-- To find the block of a position.
CREATE UNIQUE INDEX seal_last_position ON {schema}.seal (partition, last_position);

-- What was taken out of a block on purpose, and why. A row grows as more of its block goes for the same reason, signed again.
CREATE TABLE {schema}.seal_removal (
  number     bigint      NOT NULL,
  removed_at timestamptz NOT NULL,
  partition  smallint    NOT NULL,
  key_id     text        NOT NULL REFERENCES {schema}.seal_key (key_id),
  reason     text        NOT NULL,
  removed    text        NOT NULL, -- bits in hexadecimal, the highest of the first byte for the block's first position
  signature  text        NOT NULL,
  PRIMARY KEY (partition, number, reason)
);

CREATE FUNCTION {schema}.refuse_unsealing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'Seals are for ever: % on %.% is refused', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
    USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER seal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {schema}.seal
  FOR EACH STATEMENT EXECUTE FUNCTION {schema}.refuse_unsealing();

CREATE TRIGGER seal_key_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {schema}.seal_key
  FOR EACH STATEMENT EXECUTE FUNCTION {schema}.refuse_unsealing();

CREATE TRIGGER seal_removal_kept BEFORE DELETE OR TRUNCATE ON {schema}.seal_removal
  FOR EACH STATEMENT EXECUTE FUNCTION {schema}.refuse_unsealing();

-- What a service's own role needs to seal, where that is not the role that owns the tables.
CREATE FUNCTION {schema}.grant_seals(role_ name) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('GRANT SELECT, INSERT ON {schema}.seal, {schema}.seal_key TO %I', role_);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE ON {schema}.seal_removal TO %I', role_);
END $$;
