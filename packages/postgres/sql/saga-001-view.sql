-- Where every saga of a service stands: for its timers, for operators, and for whoever asks how a checkout is doing.
CREATE TABLE {schema}.saga (
  name text NOT NULL,
  saga_id text NOT NULL,
  version integer NOT NULL,
  status text NOT NULL,
  step text,
  direction text,
  attempt integer,
  -- When the request that is waited for is sent again; null when none is waited for, or an operator is.
  due_at timestamptz,
  -- Why it is being undone, or why it needs attention.
  reason text,
  cancellation text,
  started_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (name, saga_id)
);

CREATE INDEX saga_due ON {schema}.saga (name, due_at) WHERE due_at IS NOT NULL;

CREATE INDEX saga_status ON {schema}.saga (name, status, started_at, saga_id);
