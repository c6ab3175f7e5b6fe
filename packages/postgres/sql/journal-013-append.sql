-- Plans of "append_after" are made once for a connection, whatever the sizes of the batches that it is given. Left to itself the
-- server thinks that a small array is worth a plan of its own: it made one for each look at streams in a batch of less than ten, for
-- more than the look itself takes. What could become of a plan that is made while the tables are empty is ruled out already.
ALTER FUNCTION {schema}.append_after SET plan_cache_mode = force_generic_plan;
