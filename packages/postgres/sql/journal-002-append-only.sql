-- Events are facts: the database itself refuses to change them. Only "delete_to", which retention and archiving use, may
-- remove the beginning of a stream; it says so by a setting that ends with its transaction.
CREATE FUNCTION {schema}.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND current_setting('daybook.deleting', true) = 'on' THEN
    RETURN NULL;
  END IF;
  RAISE EXCEPTION 'The journal is append-only: % on %.% is refused', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
    USING ERRCODE = 'insufficient_privilege',
          HINT = 'Record a correcting event instead.';
END $$;

CREATE TRIGGER event_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON {schema}.event
  FOR EACH STATEMENT EXECUTE FUNCTION {schema}.refuse_change();

CREATE TRIGGER receipt_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON {schema}.receipt
  FOR EACH STATEMENT EXECUTE FUNCTION {schema}.refuse_change();

-- Deletes a stream's events up to and including a version, except the last event, which carries the stream's version.
CREATE FUNCTION {schema}.delete_to(stream_ text, version_ integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  deleted bigint;
BEGIN
  PERFORM set_config('daybook.deleting', 'on', true);
  DELETE FROM {schema}.event
  WHERE stream = stream_
    AND version <= version_
    AND version < (SELECT max(e.version) FROM {schema}.event e WHERE e.stream = stream_);
  GET DIAGNOSTICS deleted = ROW_COUNT;
  PERFORM set_config('daybook.deleting', 'off', true);
  RETURN deleted;
END $$;
