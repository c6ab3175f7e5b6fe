-- The embedded broker: a log of messages in partitions, with dense positions as in the journal.

-- One row for each topic and partition; its lock orders what is published there.
CREATE TABLE {schema}.topic (
  head      bigint   NOT NULL DEFAULT 0,
  partition smallint NOT NULL,
  name      text     NOT NULL,
  PRIMARY KEY (name, partition)
) WITH (fillfactor = 50);

CREATE TABLE {schema}.message (
  position     bigint      NOT NULL,
  published_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  partition    smallint    NOT NULL,
  topic        text        NOT NULL,
  id           text        NOT NULL,
  body         text        NOT NULL, -- a CloudEvent, as text: what cannot be read must still be kept
  PRIMARY KEY (topic, partition, position)
);

-- Publishes messages: objects with p partition, i id, b body, in their order. Partitions are locked in ascending order, so that
-- two publishers cannot wait for each other.
CREATE FUNCTION {schema}.publish(topic_ text, messages json) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  wanted record;
  base bigint;
BEGIN
  FOR wanted IN
    SELECT m.p, count(*) AS n FROM json_to_recordset(messages) AS m (p smallint) GROUP BY m.p ORDER BY m.p
  LOOP
    INSERT INTO {schema}.topic AS t (name, partition, head) VALUES (topic_, wanted.p, wanted.n)
    ON CONFLICT (name, partition) DO UPDATE SET head = t.head + wanted.n
    RETURNING t.head - wanted.n INTO base;

    INSERT INTO {schema}.message (topic, partition, position, id, body)
    SELECT topic_, wanted.p, base + row_number() OVER (ORDER BY m.place), m.i, m.b
    FROM (
      SELECT e.place, (e.message ->> 'p')::smallint AS p, e.message ->> 'i' AS i, e.message ->> 'b' AS b
      FROM json_array_elements(messages) WITH ORDINALITY AS e (message, place)
    ) m
    WHERE m.p = wanted.p;
  END LOOP;
END $$;
