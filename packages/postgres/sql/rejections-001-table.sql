-- Commands that were refused, the newest of them: see SqlRejectedCommands. They are no facts of the business, and may be deleted.
CREATE TABLE {schema}.rejected_command (
  number           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  occurred_at      timestamptz NOT NULL,
  recorded_at      timestamptz NOT NULL,
  rejection_id     uuid        NOT NULL,
  expected_version integer,
  is_data_cut      boolean     NOT NULL,
  stream           text COLLATE "C" NOT NULL,
  command          text        NOT NULL,
  rejection        text        NOT NULL,
  message          text        NOT NULL,
  command_id       text,
  correlation_id   text,
  causation_id     text,
  actor            text,
  reason           text,
  trace_parent     text,
  tenant           text,
  data             text        NOT NULL -- JSON text, or its beginning where it is cut
);

-- For a service's own role, beside "grant_write_side": it adds here, and forgets what is old.
CREATE FUNCTION {schema}.grant_rejections(role_ name) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('GRANT SELECT, INSERT, DELETE ON {schema}.rejected_command TO %I', role_);
END $$;

-- A role that may add to the journal by now need not be told of again.
PERFORM {schema}.grant_rejections(r.rolname)
FROM pg_class c, aclexplode(c.relacl) a JOIN pg_roles r ON r.oid = a.grantee
WHERE c.oid = '{schema}.event'::regclass AND a.privilege_type = 'INSERT' AND a.grantee <> c.relowner;
