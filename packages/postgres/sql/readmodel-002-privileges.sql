-- What a service's own role may do with its read models: everything but change their shape. Run as the owner, after migrating:
-- SELECT {schema}.grant_read_side('role'). The journal's tables, where they share the schema, are left out.
CREATE FUNCTION {schema}.grant_read_side(role_ name) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  table_ name;
BEGIN
  EXECUTE format('GRANT USAGE ON SCHEMA {schema} TO %I', role_);
  EXECUTE format('GRANT SELECT ON {schema}.migration TO %I', role_);
  FOR table_ IN
    SELECT tablename FROM pg_tables
    WHERE schemaname = '{schema}' AND tablename NOT IN ('migration', 'partition', 'event', 'receipt', 'state', 'snapshot')
  LOOP
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.%I TO %I', table_, role_);
  END LOOP;
END $$;
