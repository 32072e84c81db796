import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The way in which old events go. */
export class EventsRetention1796000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const deed of [horizon, retirement, emptied, grants]) await runner.query(deed);
  }

  /** The function that grants stays as it is: it only speaks of what is there. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP FUNCTION roster.retire_events(timestamptz, integer), roster.drop_empty_sessions(timestamptz);
      DROP TABLE roster.events_retired;
    `);
  }
}

/** How far events went, in the order of commits: whoever goes on from before that would skip some. */
const horizon = `
  CREATE TABLE roster.events_retired (
    one boolean PRIMARY KEY,
    xid xid8 NOT NULL,
    seq bigint NOT NULL
  )`;

/**
 * Runs with the owner's rights, for the application's role removes no fact: so it takes none that is younger than a day,
 * and none that a reader with a kept cursor (event_cursors) has still to read. Whole months go as a table, one in each
 * call; what lies in the default partition goes row by row, once no month is left to go. It waits for its lock hardly at
 * all, since everybody queues behind it: whoever calls it tries again.
 */
const retirement = `
  CREATE FUNCTION roster.retire_events(before timestamptz, most integer, OUT months integer, OUT facts integer, OUT waits_for text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '100ms' AS $$
  DECLARE
    month regclass;
    last record;
    behind text;
  BEGIN
    IF before > now() - interval '1 day' THEN
      RAISE EXCEPTION 'events are kept for a day at least' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    months := 0;
    facts := 0;
    FOR month IN
      SELECT oid FROM pg_inherits JOIN pg_class ON oid = inhrelid
      WHERE inhparent = 'roster.events'::regclass AND relname ~ '^events_\\d{4}_\\d{2}$'
        AND to_date(right(relname, 7), 'YYYY_MM') + interval '1 month' <= before
      ORDER BY relname
    LOOP
      EXECUTE format('SELECT xid, seq FROM %s ORDER BY xid DESC, seq DESC LIMIT 1', month) INTO last;
      SELECT reader INTO behind FROM roster.event_cursors WHERE (xid, seq) < (last.xid, last.seq) ORDER BY xid, seq LIMIT 1;
      IF FOUND THEN
        waits_for := behind;
      ELSE
        INSERT INTO roster.events_retired AS r (one, xid, seq) SELECT true, last.xid, last.seq WHERE last.xid IS NOT NULL
          ON CONFLICT (one) DO UPDATE SET xid = excluded.xid, seq = excluded.seq WHERE (excluded.xid, excluded.seq) > (r.xid, r.seq);
        EXECUTE format('DROP TABLE %s', month);
        months := 1;
        RETURN;
      END IF;
    END LOOP;
    WITH gone AS (
      DELETE FROM roster.events_default WHERE id IN (
        SELECT e.id FROM roster.events_default e
        WHERE e.id < roster.uuid_at(before)
          AND NOT EXISTS (SELECT FROM roster.event_cursors c WHERE (c.xid, c.seq) < (e.xid, e.seq))
        ORDER BY e.id LIMIT most)
      RETURNING xid, seq
    ), kept AS (
      INSERT INTO roster.events_retired AS r (one, xid, seq) SELECT true, xid, seq FROM gone ORDER BY xid DESC, seq DESC LIMIT 1
        ON CONFLICT (one) DO UPDATE SET xid = excluded.xid, seq = excluded.seq WHERE (excluded.xid, excluded.seq) > (r.xid, r.seq)
    )
    SELECT count(*) INTO facts FROM gone;
  END $$;
`;

/**
 * Sessions go one by one, for each has an end of its own; months in which none is left go here, one in each call. Refresh
 * tokens refer to them by a foreign key, which a partition has to be taken out of before it can be dropped.
 */
const emptied = `
  CREATE FUNCTION roster.drop_empty_sessions(before timestamptz) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '100ms' AS $$
  DECLARE
    month regclass;
    filled boolean;
  BEGIN
    FOR month IN
      SELECT oid FROM pg_inherits JOIN pg_class ON oid = inhrelid
      WHERE inhparent = 'roster.sessions'::regclass AND relname ~ '^sessions_\\d{4}_\\d{2}$'
        AND to_date(right(relname, 7), 'YYYY_MM') + interval '1 month' <= least(before, now())
      ORDER BY relname
    LOOP
      EXECUTE format('SELECT EXISTS (SELECT FROM %s)', month) INTO filled;
      CONTINUE WHEN filled;
      EXECUTE format('ALTER TABLE roster.sessions DETACH PARTITION %s', month);
      EXECUTE format('DROP TABLE %s', month);
      RETURN 1;
    END LOOP;
    RETURN 0;
  END $$;
`;

/** As in the audit's migration, and for these functions. */
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
    IF to_regclass('roster.audit_entries') IS NOT NULL THEN
      EXECUTE format('REVOKE UPDATE, DELETE ON roster.audit_entries, roster.audit_checkpoints FROM %I', application);
      EXECUTE format('REVOKE UPDATE ON roster.audit_details FROM %I', application);
    END IF;
    EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON roster.migrations FROM %I', application);
    EXECUTE format('GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA roster TO %I', application);
    FOR deed IN
      SELECT oid FROM pg_proc WHERE pronamespace = 'roster'::regnamespace
        AND proname IN ('ensure_partitions', 'retire_events', 'drop_empty_sessions')
    LOOP
      EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', deed, application);
    END LOOP;
  END $$;
  REVOKE ALL ON FUNCTION roster.retire_events(timestamptz, integer), roster.drop_empty_sessions(timestamptz) FROM PUBLIC;
  DO $$
  DECLARE
    application name;
  BEGIN
    FOR application IN
      SELECT DISTINCT pg_get_userbyid(grantee) FROM pg_class, aclexplode(relacl)
      WHERE oid = 'roster.events'::regclass AND privilege_type = 'INSERT' AND grantee NOT IN (0, relowner)
    LOOP
      PERFORM roster.grant_application_role(application);
    END LOOP;
  END $$;
`;
