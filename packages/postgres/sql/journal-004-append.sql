-- Which of a batch's streams cannot be appended to, and why: one object each, with its ordinal i, the version v that the
-- stream really has, and r, what its commands led to when they were carried out before. Null when there are none.
CREATE FUNCTION {schema}.find_refused(groups json) RETURNS json LANGUAGE sql STABLE AS $$
  SELECT json_agg(json_build_object('i', g.i, 'v', greatest(last.version, stored.version, 0), 'r', repeated.receipts))
  FROM json_to_recordset(groups) AS g (i integer, s text, v integer, k text[])
  LEFT JOIN LATERAL (
    SELECT e.version FROM {schema}.event e WHERE e.stream = g.s ORDER BY e.version DESC LIMIT 1
  ) last ON true
  LEFT JOIN {schema}.state stored ON stored.stream = g.s
  LEFT JOIN LATERAL (
    SELECT json_agg(json_build_object('k', f.command_id, 'v', f.version, 'p', f.position)) AS receipts
    FROM {schema}.find_receipts(g.s, g.k) f
  ) repeated ON true
  WHERE greatest(last.version, stored.version, 0) <> g.v OR repeated.receipts IS NOT NULL
$$;

-- Appends a batch: the shares of many streams, in one statement and one transaction.
--
--   parts     partitions that the batch touches, ascending, so that two writers cannot wait for each other
--   counts    how many events go to each of them
--   groups    one object a stream: i ordinal, s stream, v expected version, k command ids or null, x true when it puts no
--             event into the journal, so that no index would notice a later version
--   events    one object an event: p partition, o its place (1 …) among the batch's events of that partition, s stream,
--             v version, t type, z schema version, e event id, a occurred at (milliseconds), q is it a receipt,
--             k command id, c correlation id, u causation id, w actor, y reason, x trace parent, m tenant, d data,
--             or f the data as text, where this JSON cannot hold it (null, NUL characters, halves of surrogate pairs)
--   states    null, or one object a stored state: s stream, n new version, z schema version, d state or f its text
--   receipts  null, or one object a command with an id: s stream, k command id, b no event of it carries the id
--   bare      null, or those of them that no event carries: s stream, k command id, v version
--
-- Answers either "bases", the head of each partition before the batch, and everything is stored; or "refused", see above,
-- and nothing is stored. The way through is short when nothing is wrong: the unique indexes catch a version or a command
-- that exists, and only what they cannot see is looked up (that the version before is there at all).
CREATE FUNCTION {schema}.append(
  parts smallint[], counts integer[], groups json, events json, states json, receipts json, bare json,
  OUT bases bigint[], OUT refused json
) LANGUAGE plpgsql
-- Plans are kept for the life of a connection, and the first may be made while the tables are still empty: look-ups must
-- never become scans of everything.
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
  base bigint;
BEGIN
  bases := array_fill(0::bigint, ARRAY[parts[cardinality(parts)] + 1]);
  FOR i IN 1 .. cardinality(parts) LOOP
    UPDATE {schema}.partition SET head = head + counts[i] WHERE id = parts[i] RETURNING head - counts[i] INTO base;
    bases[parts[i] + 1] := base;
  END LOOP;

  -- A stream that goes on has an event or a state of the version before, and no state of a later one; a stream that begins
  -- has nothing. Under the partition's lock nothing can change between this look and the end of the transaction.
  PERFORM FROM json_to_recordset(groups) AS g (s text, v integer, x boolean)
  LEFT JOIN {schema}.event e ON e.stream = g.s AND e.version = g.v
  LEFT JOIN {schema}.state stored ON stored.stream = g.s
  WHERE stored.version > g.v
    OR (g.v > 0 AND e.stream IS NULL AND stored.version IS DISTINCT FROM g.v)
    -- Subqueries of one row, not EXISTS: the planner may turn that into a hash of the whole event table, at every append.
    OR (g.v = 0 AND (SELECT true FROM {schema}.event any_ WHERE any_.stream = g.s LIMIT 1))
    OR (g.x AND (SELECT true FROM {schema}.event later WHERE later.stream = g.s AND later.version = g.v + 1 LIMIT 1));
  IF FOUND THEN RAISE unique_violation; END IF;

  INSERT INTO {schema}.event (
    position, occurred_at, recorded_at, event_id, version, partition, schema_version, is_receipt, stream, type,
    command_id, correlation_id, causation_id, actor, reason, trace_parent, tenant, data
  )
  SELECT
    bases[e.p + 1] + e.o, timestamptz 'epoch' + e.a * interval '1 millisecond', clock_timestamp(), e.e, e.v, e.p, e.z,
    coalesce(e.q, false), e.s, e.t, e.k, e.c, e.u, e.w, e.y, e.x, e.m, coalesce(e.d, e.f::json)
  FROM json_to_recordset(events) AS e (
    p smallint, o integer, s text, v integer, t text, z smallint, e uuid, a double precision, q boolean,
    k text, c text, u text, w text, y text, x text, m text, d json, f text
  );

  IF states IS NOT NULL THEN
    INSERT INTO {schema}.state (stream, version, schema_version, data, updated_at)
    SELECT g.s, g.n, g.z, coalesce(g.d, g.f::json), clock_timestamp()
    FROM json_to_recordset(states) AS g (s text, n integer, z smallint, d json, f text)
    ON CONFLICT (stream) DO UPDATE
    SET version = excluded.version, schema_version = excluded.schema_version, data = excluded.data,
        updated_at = excluded.updated_at;
  END IF;

  IF receipts IS NOT NULL THEN
    PERFORM FROM json_to_recordset(receipts) AS g (s text, k text, b boolean)
    LEFT JOIN {schema}.receipt r ON r.stream = g.s AND r.command_id = g.k
    WHERE r.stream IS NOT NULL
      OR (g.b AND (SELECT true FROM {schema}.event e WHERE e.stream = g.s AND e.command_id = g.k AND e.is_receipt LIMIT 1));
    IF FOUND THEN RAISE unique_violation; END IF;
  END IF;

  IF bare IS NOT NULL THEN
    INSERT INTO {schema}.receipt (stream, command_id, version)
    SELECT g.s, g.k, g.v FROM json_to_recordset(bare) AS g (s text, k text, v integer);
  END IF;
EXCEPTION WHEN unique_violation THEN
  refused := {schema}.find_refused(groups);
  IF refused IS NULL THEN RAISE; END IF;
END $$;
