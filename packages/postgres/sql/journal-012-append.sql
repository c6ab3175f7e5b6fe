-- The function of journal-010, which also answers "recorded_at", when the batch's events were recorded; all at the same time. With that the
-- process that appends knows all there is to know of them, and does not read them back (JournalTail.ts). An answer of one more column
-- is a function of another type: the one before goes first. Processes of earlier versions ask this one for the columns that they know.
DROP FUNCTION {schema}.append_after(
  smallint[], integer[], xid[], text[], integer[], boolean[], smallint[], integer[], text[], integer[], text[], smallint[],
  uuid[], float8[], boolean[], text[], text[], text[], text[], text[], text[], text[], text, text[], integer[], smallint[],
  text, text[], text[], text[], text[], integer[]
);
CREATE FUNCTION {schema}.append_after(
  parts smallint[], counts integer[], marks xid[],
  g_stream text[], g_version integer[], g_eventless boolean[],
  e_partition smallint[], e_place integer[], e_stream text[], e_version integer[], e_type text[], e_schema_version smallint[],
  e_id uuid[], e_occurred_at float8[], e_is_receipt boolean[], e_command_id text[], e_correlation_id text[],
  e_causation_id text[], e_actor text[], e_reason text[], e_trace_parent text[], e_tenant text[], e_data text,
  s_stream text[], s_version integer[], s_schema_version smallint[], s_data text,
  r_stream text[], r_command_id text[], b_stream text[], b_command_id text[], b_version integer[],
  OUT bases bigint[], OUT mark xid, OUT moved boolean, OUT refused json, OUT recorded_at timestamptz
) LANGUAGE plpgsql
-- Plans are kept for the life of a connection, and the first may be made while the tables are still empty: look-ups must
-- never become scans of everything.
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
  base bigint;
BEGIN
  bases := array_fill(0::bigint, ARRAY[parts[cardinality(parts)] + 1]);
  moved := false;
  -- The condition on the mark is asked of the row as it is once its lock is held, not as it was when the statement began.
  FOR i IN 1 .. cardinality(parts) LOOP
    UPDATE {schema}.partition p SET head = p.head + counts[i]
    WHERE p.id = parts[i] AND (marks[i] IS NULL OR p.xmin = marks[i])
    RETURNING p.head - counts[i], p.xmin INTO base, mark;
    IF base IS NULL THEN RAISE unique_violation; END IF;
    bases[parts[i] + 1] := base;
  END LOOP;

  -- A stream that goes on has an event or a state of the version before, and no state of a later one; a stream that begins
  -- has nothing. Under the partition's lock nothing can change between this look and the end of the transaction.
  IF g_stream IS NOT NULL THEN
    PERFORM FROM unnest(g_stream, g_version, g_eventless) AS g (s, v, x)
    LEFT JOIN {schema}.event e ON e.stream = g.s AND e.version = g.v
    LEFT JOIN {schema}.state stored ON stored.stream = g.s
    WHERE stored.version > g.v
      OR (g.v > 0 AND e.stream IS NULL AND stored.version IS DISTINCT FROM g.v)
      -- Subqueries of one row, not EXISTS: the planner may turn that into a hash of the whole event table, at every append.
      OR (g.v = 0 AND (SELECT true FROM {schema}.event any_ WHERE any_.stream = g.s LIMIT 1))
      OR (g.x AND (SELECT true FROM {schema}.event later WHERE later.stream = g.s AND later.version = g.v + 1 LIMIT 1));
    IF FOUND THEN RAISE unique_violation; END IF;
  END IF;

  -- One "unnest" beside the other takes the arrays apart row by row; all in one would write each to a table of its own first.
  IF e_stream IS NOT NULL THEN
    recorded_at := clock_timestamp();
    INSERT INTO {schema}.event (
      position, occurred_at, recorded_at, event_id, version, partition, schema_version, is_receipt, stream, type,
      command_id, correlation_id, causation_id, actor, reason, trace_parent, tenant, data
    )
    SELECT
      bases[e.p + 1] + e.o, timestamptz 'epoch' + e.a * interval '1 millisecond', append_after.recorded_at, e.e, e.v, e.p, e.z,
      coalesce(e.q, false), e.s, e.t, e.k, e.c, e.u, e.w, e.y, e.x, e.m, e.d::json
    FROM (
      SELECT unnest(e_partition) AS p, unnest(e_place) AS o, unnest(e_stream) AS s, unnest(e_version) AS v, unnest(e_type) AS t,
        unnest(e_schema_version) AS z, unnest(e_id) AS e, unnest(e_occurred_at) AS a, unnest(e_is_receipt) AS q,
        unnest(e_command_id) AS k, unnest(e_correlation_id) AS c, unnest(e_causation_id) AS u, unnest(e_actor) AS w,
        unnest(e_reason) AS y, unnest(e_trace_parent) AS x, unnest(e_tenant) AS m,
        unnest(string_to_array(e_data, E'\x1f')) AS d
    ) AS e;
  END IF;

  IF s_stream IS NOT NULL THEN
    INSERT INTO {schema}.state (stream, version, schema_version, data, updated_at)
    SELECT g.s, g.n, g.z, g.d::json, clock_timestamp()
    FROM unnest(s_stream, s_version, s_schema_version, string_to_array(s_data, E'\x1f')) AS g (s, n, z, d)
    ON CONFLICT (stream) DO UPDATE
    SET version = excluded.version, schema_version = excluded.schema_version, data = excluded.data,
        updated_at = excluded.updated_at;
  END IF;

  -- A command whose id an event carries is caught by the event's index, unless it has been carried out without an event.
  IF r_stream IS NOT NULL THEN
    PERFORM FROM unnest(r_stream, r_command_id) AS g (s, k)
    JOIN {schema}.receipt r ON r.stream = g.s AND r.command_id = g.k;
    IF FOUND THEN RAISE unique_violation; END IF;
  END IF;

  IF b_stream IS NOT NULL THEN
    PERFORM FROM unnest(b_stream, b_command_id) AS g (s, k) CROSS JOIN LATERAL {schema}.find_receipts(g.s, ARRAY[g.k]);
    IF FOUND THEN RAISE unique_violation; END IF;
    INSERT INTO {schema}.receipt (stream, command_id, version)
    SELECT g.s, g.k, g.v FROM unnest(b_stream, b_command_id, b_version) AS g (s, k, v);
  END IF;
EXCEPTION WHEN unique_violation THEN
  moved := marks IS NOT NULL;
  IF moved THEN RETURN; END IF;
  SELECT {schema}.find_refused(json_agg(json_build_object('i', g.i - 1, 's', g.s, 'v', g.v, 'k', (
    SELECT json_agg(r.k) FROM unnest(r_stream, r_command_id) AS r (s, k) WHERE r.s = g.s
  )))) INTO refused
  FROM unnest(g_stream, g_version) WITH ORDINALITY AS g (s, v, i);
  IF refused IS NULL THEN RAISE; END IF;
END $$;
