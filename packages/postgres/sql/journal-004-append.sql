-- Appends a batch: the shares of many streams, in one statement and one transaction.
--
--   parts   partitions that the batch touches, ascending, so that two writers cannot wait for each other
--   counts  how many events go to each of them
--   groups  one object a stream: i ordinal, s stream, v expected version, k command ids or null,
--           n new version, z version of the state's schema, d state or null,
--           r receipts without an event or null: [{k command id, v version}]
--   events  one object an event: p partition, o its place (1 …) among the batch's events of that partition, s stream,
--           v version, t type, z schema version, e event id, a occurred at (milliseconds), q is it a receipt,
--           k command id, c correlation id, u causation id, w actor, y reason, x trace parent, m tenant, d data
--
-- Answers either the head of each partition before the batch ("bases"), and everything is stored; or "refused", one object
-- for each stream that is not at its expected version or repeats a command, and nothing is stored.
CREATE FUNCTION {schema}.append(
  parts smallint[], counts integer[], groups json, events json,
  OUT bases bigint[], OUT refused json
) LANGUAGE plpgsql AS $$
DECLARE
  base bigint;
BEGIN
  bases := array_fill(0::bigint, ARRAY[parts[cardinality(parts)] + 1]);
  FOR i IN 1 .. cardinality(parts) LOOP
    UPDATE {schema}.partition SET head = head + counts[i] WHERE id = parts[i] RETURNING head - counts[i] INTO base;
    bases[parts[i] + 1] := base;
  END LOOP;

  SELECT json_agg(json_build_object('i', g.i, 'v', greatest(last.version, stored.version, 0), 'r', repeated.receipts))
  INTO refused
  FROM json_to_recordset(groups) AS g (i integer, s text, v integer, k text[])
  LEFT JOIN LATERAL (
    SELECT e.version FROM {schema}.event e WHERE e.stream = g.s ORDER BY e.version DESC LIMIT 1
  ) last ON true
  LEFT JOIN {schema}.state stored ON stored.stream = g.s
  LEFT JOIN LATERAL (
    SELECT json_agg(json_build_object('k', f.command_id, 'v', f.version, 'p', f.position)) AS receipts
    FROM {schema}.find_receipts(g.s, g.k) f
  ) repeated ON g.k IS NOT NULL
  WHERE greatest(last.version, stored.version, 0) <> g.v OR repeated.receipts IS NOT NULL;

  IF refused IS NOT NULL THEN
    FOR i IN 1 .. cardinality(parts) LOOP
      UPDATE {schema}.partition SET head = head - counts[i] WHERE id = parts[i];
    END LOOP;
    RETURN;
  END IF;

  INSERT INTO {schema}.event (
    position, occurred_at, recorded_at, event_id, version, partition, schema_version, is_receipt, stream, type,
    command_id, correlation_id, causation_id, actor, reason, trace_parent, tenant, data
  )
  SELECT
    bases[e.p + 1] + e.o, timestamptz 'epoch' + e.a * interval '1 millisecond', clock_timestamp(), e.e, e.v, e.p, e.z,
    coalesce(e.q, false), e.s, e.t, e.k, e.c, e.u, e.w, e.y, e.x, e.m, e.d
  FROM json_to_recordset(events) AS e (
    p smallint, o integer, s text, v integer, t text, z smallint, e uuid, a double precision, q boolean,
    k text, c text, u text, w text, y text, x text, m text, d json
  );

  INSERT INTO {schema}.state (stream, version, schema_version, data, updated_at)
  SELECT g.s, g.n, g.z, g.d, clock_timestamp()
  FROM json_to_recordset(groups) AS g (s text, n integer, z smallint, d json)
  WHERE g.d IS NOT NULL
  ON CONFLICT (stream) DO UPDATE
  SET version = excluded.version, schema_version = excluded.schema_version, data = excluded.data,
      updated_at = excluded.updated_at;

  INSERT INTO {schema}.receipt (stream, command_id, version)
  SELECT g.s, r.k, r.v
  FROM json_to_recordset(groups) AS g (s text, r json)
  CROSS JOIN LATERAL json_to_recordset(g.r) AS r (k text, v integer)
  WHERE g.r IS NOT NULL;
END $$;
