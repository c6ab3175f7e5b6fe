-- When the request that is waited for was made in the business: sent again, it is made then still. Null for requests of before.
ALTER TABLE {schema}.saga ADD COLUMN occurred_at timestamptz;
