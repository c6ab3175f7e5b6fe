-- What a service's own role may do, where that is not the role that owns the tables: add to the journal, and never change it.
-- Run as the owner, after migrating: SELECT {schema}.grant_write_side('role').
CREATE FUNCTION {schema}.grant_write_side(role_ name) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('GRANT USAGE ON SCHEMA {schema} TO %I', role_);
  EXECUTE format('GRANT SELECT ON {schema}.migration TO %I', role_);
  EXECUTE format('GRANT SELECT, UPDATE (head) ON {schema}.partition TO %I', role_);
  EXECUTE format('GRANT SELECT, INSERT ON {schema}.event, {schema}.receipt TO %I', role_);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE ON {schema}.state TO %I', role_);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.snapshot TO %I', role_);
END $$;
