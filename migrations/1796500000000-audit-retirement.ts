import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How old months of the audit log may go: each time with a signed record of where the log begins from then on. */
export class AuditRetirement1796500000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const deed of [retirements, retirement, grants]) await runner.query(deed);
  }

  /** The function that grants stays as it is: it only speaks of what is there. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP FUNCTION roster.retire_audit(bigint, integer); DROP TABLE roster.audit_retirements');
  }
}

const retirements = `
  CREATE TABLE roster.audit_retirements (
    seq bigint NOT NULL,
    hash bytea NOT NULL,
    signed_at timestamptz(3) NOT NULL,
    kid text COLLATE "C" NOT NULL,
    signature bytea NOT NULL,
    created_at timestamptz(3) NOT NULL,
    PRIMARY KEY (seq, kid)
  )`;

/**
 * Runs with the owner's rights, for the application's role removes no entry. It cannot verify a signature, so whoever
 * has stolen the application's rights may call it with a record of their own: no entry of the last 30 days goes even
 * then, and a verification finds the others missing. Months that are empty afterwards go as a table; it waits for a lock
 * no longer than a request may, and the job that calls it tries again.
 */
const retirement = `
  CREATE FUNCTION roster.retire_audit(through bigint, most integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '2s' AS $$
  DECLARE
    gone uuid[];
    month regclass;
    filled boolean;
  BEGIN
    IF NOT EXISTS (SELECT FROM roster.audit_retirements WHERE seq = through) THEN
      RAISE EXCEPTION 'nothing says that the audit log begins after %', through USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF EXISTS (SELECT FROM roster.audit_entries WHERE occurred_at > now() - interval '30 days' AND seq <= through) THEN
      RAISE EXCEPTION 'the audit log is kept for 30 days at least' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    gone := ARRAY(SELECT id FROM roster.audit_entries WHERE seq <= through ORDER BY seq LIMIT most);
    DELETE FROM roster.audit_entries WHERE id = ANY (gone);
    DELETE FROM roster.audit_details WHERE entry_id = ANY (gone);
    IF cardinality(gone) < most THEN
      DELETE FROM roster.audit_checkpoints WHERE seq <= through;
      FOR month IN
        SELECT oid FROM pg_inherits JOIN pg_class ON oid = inhrelid
        WHERE inhparent = 'roster.audit_entries'::regclass AND relname ~ '^audit_entries_\\d{4}_\\d{2}$'
          AND to_date(right(relname, 7), 'YYYY_MM') + interval '1 month' <= now() - interval '30 days'
        ORDER BY relname
      LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', month) INTO filled;
        CONTINUE WHEN filled;
        EXECUTE format('DROP TABLE %s', month);
      END LOOP;
    END IF;
    RETURN cardinality(gone);
  END $$`;

/** As in the migration of the events' retention, and for what is new. */
const grants = `
  CREATE OR REPLACE FUNCTION roster.grant_application_role(application name) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
  DECLARE
    relation regclass;
    deed regprocedure;
  BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA roster TO %I', application);
    FOR relation IN
      SELECT oid FROM pg_class WHERE relnamespace = 'roster'::regnamespace AND relkind IN ('r', 'p') ORDER BY oid
    LOOP
      EXECUTE format('REVOKE ALL ON %s FROM %I', relation, application);
      CONTINUE WHEN (SELECT relispartition FROM pg_class WHERE oid = relation);
      EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO %I', relation, application);
    END LOOP;
    EXECUTE format('REVOKE UPDATE, DELETE ON roster.events FROM %I', application);
    IF to_regclass('roster.events_retired') IS NOT NULL THEN
      EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON roster.events_retired FROM %I', application);
    END IF;
    FOR relation IN
      SELECT oid FROM pg_class WHERE relnamespace = 'roster'::regnamespace
        AND relname IN ('audit_entries', 'audit_checkpoints', 'audit_retirements')
    LOOP
      EXECUTE format('REVOKE UPDATE, DELETE ON %s FROM %I', relation, application);
    END LOOP;
    IF to_regclass('roster.audit_details') IS NOT NULL THEN
      EXECUTE format('REVOKE UPDATE ON roster.audit_details FROM %I', application);
    END IF;
    EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON roster.migrations FROM %I', application);
    EXECUTE format('GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA roster TO %I', application);
    FOR deed IN
      SELECT oid FROM pg_proc WHERE pronamespace = 'roster'::regnamespace
        AND proname IN ('ensure_partitions', 'retire_events', 'retire_audit', 'drop_empty_sessions')
    LOOP
      EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', deed, application);
    END LOOP;
  END $$;
  REVOKE ALL ON FUNCTION roster.retire_audit(bigint, integer) FROM PUBLIC;
  DO $$
  DECLARE
    holder text;
    application name;
  BEGIN
    -- Default privileges may have given others a right on the new table.
    FOR holder IN
      SELECT DISTINCT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END FROM pg_class, aclexplode(relacl)
      WHERE oid = 'roster.audit_retirements'::regclass AND grantee <> relowner
    LOOP
      EXECUTE format('REVOKE ALL ON roster.audit_retirements FROM %s', holder);
    END LOOP;
    FOR application IN
      SELECT DISTINCT pg_get_userbyid(grantee) FROM pg_class, aclexplode(relacl)
      WHERE oid = 'roster.events'::regclass AND privilege_type = 'INSERT' AND grantee NOT IN (0, relowner)
    LOOP
      PERFORM roster.grant_application_role(application);
    END LOOP;
  END $$;
`;
