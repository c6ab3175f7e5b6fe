-- The cart's read models from its events, as one statement of grouping: the same rows that the projection makes one event after the
-- other. Holds for histories as `CartHistory.ts` writes them, in which no cart is restored or merged and no line's id used again.
WITH line AS MATERIALIZED (
  SELECT stream, d."lineId" AS line_id, max(d.sku) AS sku, max(d.description) AS description,
         (max(ARRAY[version, d.quantity]))[2] AS quantity,
         max((d."unitPrice"->>'amountMinor')::bigint) AS unit_price_minor, min(version) AS added_version
  FROM cart.event, json_to_record(data) AS d ("lineId" text, sku text, description text, quantity integer, "unitPrice" json)
  WHERE type IN ('ItemAdded', 'QuantityChanged', 'ItemRemoved')
  GROUP BY stream, d."lineId" HAVING NOT bool_or(type = 'ItemRemoved')
), content AS (
  SELECT stream, count(*) AS line_count, sum(quantity * unit_price_minor) AS total_minor FROM line GROUP BY stream
), cart AS MATERIALIZED (
  SELECT stream, max(version) AS version,
         CASE WHEN bool_or(type = 'CartAbandoned') THEN 'abandoned' WHEN bool_or(type = 'CartCompleted') THEN 'completed'
              WHEN bool_or(type = 'CheckoutBegun') THEN 'checking-out' ELSE 'open' END AS status,
         min(occurred_at) AS opened_at, max(occurred_at) AS updated_at,
         date_trunc('milliseconds', max(recorded_at) + interval '0.5 milliseconds') AS recorded_at,
         max(data->>'customerId') FILTER (WHERE type = 'CartOpened') AS customer_id,
         max(data->>'country') FILTER (WHERE type = 'CartOpened') AS country,
         max(data->>'currency') FILTER (WHERE type = 'CartOpened') AS currency,
         max(data->>'checkoutId') FILTER (WHERE type = 'CheckoutBegun') AS checkout_id,
         max(occurred_at) FILTER (WHERE type = 'CheckoutBegun') AS checkout_begun_at
  FROM cart.event GROUP BY stream
), blocks AS (
  INSERT INTO raw.cart_lines (cart_id, block, lines)
  SELECT substr(stream, 6), added_version / 16,
         json_agg(json_build_array(line_id, sku, description, quantity, unit_price_minor) ORDER BY added_version)
  FROM line GROUP BY stream, added_version / 16
), carts AS (
  INSERT INTO raw.cart_view (cart_id, version, status, customer_id, country, currency, checkout_id, line_count, total_minor,
                             opened_at, updated_at, recorded_at, checkout_begun_at)
  SELECT substr(stream, 6), version, status, customer_id, country, currency, checkout_id, coalesce(line_count, 0),
         coalesce(total_minor, 0), opened_at, updated_at, recorded_at, checkout_begun_at
  FROM cart LEFT JOIN content USING (stream)
)
INSERT INTO raw.revenue (country, day, currency, carts, total_minor)
SELECT coalesce(country, 'Unspecified'), (checkout_begun_at AT TIME ZONE 'UTC')::date, currency, count(*), sum(total_minor)
FROM cart JOIN content USING (stream) WHERE checkout_begun_at IS NOT NULL GROUP BY 1, 2, 3
