/** The schema of a database as SQL that one can read: tables, keys, indexes, functions and rights, by name. */
export const SCHEMA = `
WITH tables AS (
  SELECT oid, relname, relkind, relispartition FROM pg_class
  WHERE relnamespace = 'roster'::regnamespace AND relkind IN ('r', 'p') AND NOT (relispartition AND relname ~ '_\\d{4}_\\d\\d$')
), lines AS (
  SELECT relname, attnum AS place, format('  %s %s', quote_ident(attname), format_type(atttypid, atttypmod)) ||
    CASE WHEN attcollation NOT IN (0, 100) THEN ' COLLATE ' || (SELECT quote_ident(collname) FROM pg_collation c WHERE c.oid = attcollation) ELSE '' END ||
    CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END ||
    coalesce(' DEFAULT ' || pg_get_expr(adbin, adrelid), '') AS line
  FROM tables t JOIN pg_attribute a ON attrelid = t.oid AND attnum > 0 AND NOT attisdropped AND NOT relispartition
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
  UNION ALL
  SELECT relname, 10000 + row_number() OVER (ORDER BY contype DESC, conname), format('  CONSTRAINT %s %s', conname, pg_get_constraintdef(c.oid))
  FROM tables t JOIN pg_constraint c ON conrelid = t.oid AND contype <> 'n' AND conparentid = 0 AND NOT relispartition
), bodies AS (
  SELECT relname, string_agg(line, E',\\n' ORDER BY place) AS body FROM lines GROUP BY relname
), texts AS (
  SELECT 1 AS kind, relname AS name, CASE WHEN relispartition
    THEN format('CREATE TABLE roster.%s PARTITION OF %s %s;', relname, (SELECT inhparent::regclass FROM pg_inherits WHERE inhrelid = t.oid),
      pg_get_expr((SELECT relpartbound FROM pg_class p WHERE p.oid = t.oid), t.oid))
    ELSE format(E'CREATE TABLE roster.%s (\\n%s\\n)%s;', relname, body,
      CASE relkind WHEN 'p' THEN ' PARTITION BY ' || pg_get_partkeydef(t.oid) ELSE '' END) END ||
    coalesce((SELECT string_agg(E'\\n' || pg_get_indexdef(indexrelid) || ';', '' ORDER BY indexrelid::regclass::text)
      FROM pg_index WHERE indrelid = t.oid AND NOT relispartition
        AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)), '') ||
    coalesce((SELECT string_agg(format(E'\\nGRANT %s ON roster.%s TO roster_app;', rights, relname), '') FROM (
      SELECT string_agg(privilege_type, ', ' ORDER BY privilege_type) AS rights
      FROM aclexplode((SELECT relacl FROM pg_class p WHERE p.oid = t.oid)) WHERE grantee = 'roster_app'::regrole HAVING count(*) > 0) r), '') AS text
  FROM tables t LEFT JOIN bodies USING (relname)
  UNION ALL
  SELECT 0, relname, format('CREATE SEQUENCE roster.%s;', relname) FROM pg_class WHERE relnamespace = 'roster'::regnamespace AND relkind = 'S'
  UNION ALL
  SELECT 2, proname, rtrim(pg_get_functiondef(oid), E'\\n') || ';' ||
    CASE WHEN has_function_privilege('roster_app', oid, 'EXECUTE') THEN format(E'\\nGRANT EXECUTE ON FUNCTION %s TO roster_app;', oid::regprocedure) ELSE '' END
  FROM pg_proc WHERE pronamespace = 'roster'::regnamespace
)
SELECT text FROM texts ORDER BY kind, name`;
