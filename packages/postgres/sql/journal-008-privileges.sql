-- What a service's own role may do on the write side: add to the journal, and to what is kept beside it, and never change it. The sets
-- beside the journal say themselves what their tables allow; all are there once the write side has been migrated.
CREATE OR REPLACE FUNCTION {schema}.grant_write_side(role_ name) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('GRANT USAGE ON SCHEMA {schema} TO %I', role_);
  EXECUTE format('GRANT SELECT ON {schema}.migration TO %I', role_);
  EXECUTE format('GRANT SELECT, UPDATE (head) ON {schema}.partition TO %I', role_);
  EXECUTE format('GRANT SELECT, INSERT ON {schema}.event, {schema}.receipt TO %I', role_);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE ON {schema}.state TO %I', role_);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.snapshot TO %I', role_);
  PERFORM {schema}.grant_seals(role_), {schema}.grant_rejections(role_);
END $$;
