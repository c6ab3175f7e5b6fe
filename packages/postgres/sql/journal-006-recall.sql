-- What is remembered of streams, for recovery: one row each, with the version that the stream has (0 when it was never
-- written), its stored state, and its newest snapshot. In PL/pgSQL, which keeps the plan: planning took longer than reading.
CREATE FUNCTION {schema}.recall(streams json)
RETURNS TABLE (
  stream text, version integer,
  state_version integer, state_schema_version smallint, state_data json,
  snapshot_version integer, snapshot_schema_version smallint, snapshot_taken_at timestamptz, snapshot_data json
) LANGUAGE plpgsql STABLE
-- As in "append": a plan that was made while the tables were empty must not become a scan of everything.
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT wanted.stream, greatest(last.version, stored.version, 0),
    stored.version, stored.schema_version, stored.data,
    newest.version, newest.schema_version, newest.taken_at, newest.data
  FROM json_array_elements_text(streams) AS wanted (stream)
  LEFT JOIN LATERAL (
    SELECT e.version FROM {schema}.event e WHERE e.stream = wanted.stream ORDER BY e.version DESC LIMIT 1
  ) last ON true
  LEFT JOIN {schema}.state stored ON stored.stream = wanted.stream
  LEFT JOIN LATERAL (
    SELECT s.version, s.schema_version, s.taken_at, s.data
    FROM {schema}.snapshot s WHERE s.stream = wanted.stream ORDER BY s.version DESC LIMIT 1
  ) newest ON true;
END $$;
