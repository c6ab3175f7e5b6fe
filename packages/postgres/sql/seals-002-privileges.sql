-- A role that could add to the journal before there were seals may seal it, too.
PERFORM {schema}.grant_seals(r.rolname)
FROM pg_class c, aclexplode(c.relacl) a JOIN pg_roles r ON r.oid = a.grantee
WHERE c.oid = '{schema}.event'::regclass AND a.privilege_type = 'INSERT' AND a.grantee <> c.relowner;
