-- Lines of a cart in blocks, in place of a row for each: these came to lie on a page of their own each, and who looked at a cart read as many
-- pages as it has lines. A block is small enough to be within a page, so that a line more costs the same in every cart. As rows again:
--   SELECT cart_id, line ->> 1 AS sku, (line ->> 3)::integer AS quantity FROM cart_lines, json_array_elements(lines) AS line
CREATE TABLE {schema}.cart_lines (
  block   integer NOT NULL, -- of the lines that were added by versions 16 * block to 16 * block + 15
  cart_id text    NOT NULL,
  lines   json    NOT NULL, -- [[lineId, sku, description, quantity, unitPriceMinor], …] as they were added; never empty
  PRIMARY KEY (cart_id, block)
) WITH (fillfactor = 80);

INSERT INTO {schema}.cart_lines (cart_id, block, lines)
SELECT cart_id, added_version / 16,
  json_agg(json_build_array(line_id, sku, description, quantity, unit_price_minor) ORDER BY added_version)
FROM {schema}.cart_line GROUP BY cart_id, added_version / 16;

DROP TABLE {schema}.cart_line;
