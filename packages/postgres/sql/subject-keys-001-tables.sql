-- The keys of data subjects, each wrapped under a master key that is kept elsewhere. A row without a key is the mark that its
-- subject was erased, and stays.
CREATE TABLE {schema}.subject_key (
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  version    integer NOT NULL,
  subject    text COLLATE "C" NOT NULL PRIMARY KEY,
  master_id  text NOT NULL, -- the fingerprint of the master key
  wrapped    text           -- base64url; null once it is destroyed
);

-- Which keys are still to be wrapped anew while one master key replaces another.
CREATE INDEX subject_key_master ON {schema}.subject_key (master_id) WHERE wrapped IS NOT NULL;

-- The master key that new keys are wrapped under. One row; its lock keeps a key from being made under the former one while that
-- is replaced.
CREATE TABLE {schema}.master_key (
  since  timestamptz NOT NULL DEFAULT clock_timestamp(),
  single boolean PRIMARY KEY DEFAULT true CHECK (single),
  id     text NOT NULL
);

-- Keeps the first key of a subject, if the master key is still the one that it is wrapped under. Answers whether it did.
CREATE FUNCTION {schema}.create_subject_key(subject_ text, version_ integer, master_id_ text, wrapped_ text)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM {schema}.master_key m WHERE m.id = master_id_ FOR SHARE;
  IF NOT FOUND THEN RETURN false; END IF;
  INSERT INTO {schema}.subject_key (subject, version, master_id, wrapped)
  VALUES (subject_, version_, master_id_, wrapped_) ON CONFLICT (subject) DO NOTHING;
  RETURN FOUND;
END $$;
