-- As before, and without the tables of the write side that have come since, where they share the schema: a service may not change
-- what was sealed, archived or refused by way of its read models.
CREATE OR REPLACE FUNCTION {schema}.grant_read_side(role_ name) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  table_ name;
BEGIN
  EXECUTE format('GRANT USAGE ON SCHEMA {schema} TO %I', role_);
  EXECUTE format('GRANT SELECT ON {schema}.migration TO %I', role_);
  FOR table_ IN
    SELECT tablename FROM pg_tables
    WHERE schemaname = '{schema}' AND tablename NOT IN (
      'migration', 'partition', 'event', 'receipt', 'state', 'snapshot', 'rejected_command', 'seal', 'seal_key', 'seal_removal',
      'archive_file', 'archived_stream', 'removed_events'
    )
  LOOP
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.%I TO %I', table_, role_);
  END LOOP;
END $$;
