-- What the role that imports may do, where that is not the role that owns the tables. Run as the owner, after migrating:
-- SELECT {schema}.grant_import('role'). It needs the cart's grants besides.
CREATE FUNCTION {schema}.grant_import(role_ name) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('GRANT USAGE ON SCHEMA {schema} TO %I', role_);
  EXECUTE format('GRANT SELECT ON {schema}.migration TO %I', role_);
  EXECUTE format('GRANT SELECT, INSERT ON {schema}.rejected_line TO %I', role_);
  EXECUTE format('GRANT SELECT, INSERT ON {schema}.file TO %I', role_);
  EXECUTE format('GRANT UPDATE (done_through_line, completed_at) ON {schema}.file TO %I', role_);
END $$;
