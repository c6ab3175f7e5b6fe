-- What commands led to, by stream and command id. Position 0 where the command left no event.
CREATE FUNCTION {schema}.find_receipts(stream_ text, command_ids text[])
RETURNS TABLE (command_id text, version integer, "position" bigint) LANGUAGE sql STABLE AS $$
  SELECT e.command_id, e.version, e.position
  FROM {schema}.event e WHERE e.stream = stream_ AND e.command_id = ANY (command_ids) AND e.is_receipt
  UNION ALL
  SELECT r.command_id, r.version, 0
  FROM {schema}.receipt r WHERE r.stream = stream_ AND r.command_id = ANY (command_ids)
$$;
