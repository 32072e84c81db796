import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The audit log: entries chained by hash, their personal values apart so that they can be erased, and signed
 * checkpoints. The application's role may add to it, and change nothing.
 */
export class Audit1795350000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const deed of [cursors, entries, details, checkpoints, partitions, grants]) await runner.query(deed);
  }

  /** The two functions stay as they are: they only speak of the tables that are there. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      'DROP TABLE roster.audit_checkpoints, roster.audit_details, roster.audit_entries, roster.event_cursors',
    );
  }
}

const cursors = `
  CREATE TABLE roster.event_cursors (
    reader text COLLATE "C" PRIMARY KEY,
    xid xid8 NOT NULL,
    seq bigint NOT NULL
  );
`;

/**
 * Moments have milliseconds and no more: what a hash does not cover must not be there. The indexes of expressions are
 * not partial, for of those PostgreSQL takes no statistics: it then walked all entries for the few of one user (70 ms of
 * 100,000, not 0.2).
 */
const entries = `
  CREATE TABLE roster.audit_entries (
    id uuid PRIMARY KEY,
    seq bigint NOT NULL,
    occurred_at timestamptz(3) NOT NULL,
    type text COLLATE "C" NOT NULL,
    subject text COLLATE "C",
    subject_version integer,
    data jsonb NOT NULL,
    actor_id text COLLATE "C",
    on_behalf_of text COLLATE "C",
    request_id text COLLATE "C",
    outcome text COLLATE "C" NOT NULL,
    details_digest bytea NOT NULL,
    previous_hash bytea NOT NULL,
    hash bytea NOT NULL
  ) PARTITION BY RANGE (id);
  CREATE TABLE roster.audit_entries_default PARTITION OF roster.audit_entries DEFAULT;
  CREATE INDEX audit_entries_seq_idx ON roster.audit_entries (seq, id);
  CREATE INDEX audit_entries_type_idx ON roster.audit_entries (type, seq, id);
  CREATE INDEX audit_entries_subject_idx ON roster.audit_entries (subject, seq, id);
  CREATE INDEX audit_entries_actor_id_idx ON roster.audit_entries (actor_id, seq, id);
  CREATE INDEX audit_entries_on_behalf_of_idx ON roster.audit_entries (on_behalf_of, seq, id) WHERE on_behalf_of IS NOT NULL;
  CREATE INDEX audit_entries_request_id_idx ON roster.audit_entries (request_id, seq, id);
  CREATE INDEX audit_entries_occurred_at_idx ON roster.audit_entries (occurred_at, seq);
  CREATE INDEX audit_entries_refused_idx ON roster.audit_entries (seq, id) WHERE outcome = 'refused';
  CREATE INDEX audit_entries_user_id_idx ON roster.audit_entries ((data ->> 'userId'), seq, id);
`;

const details = `
  CREATE TABLE roster.audit_details (
    entry_id uuid PRIMARY KEY,
    salt bytea NOT NULL,
    details jsonb NOT NULL
  );
  CREATE INDEX audit_details_ip_idx ON roster.audit_details ((details ->> 'ip'));
`;

const checkpoints = `
  CREATE TABLE roster.audit_checkpoints (
    seq bigint PRIMARY KEY,
    hash bytea NOT NULL,
    kid text COLLATE "C" NOT NULL,
    signature bytea NOT NULL,
    created_at timestamptz(3) NOT NULL
  );
`;

/** As in the foundation, and for one more table. */
const partitions = `
  CREATE OR REPLACE FUNCTION roster.ensure_partitions(at timestamptz, months integer) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '2s' AS $$
  DECLARE
    parent text;
    relation regclass;
    holder text;
    since timestamptz;
  BEGIN
    IF months NOT BETWEEN 0 AND 24 THEN
      RAISE EXCEPTION 'partitions are made for 0 to 24 months ahead' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOREACH parent IN ARRAY ARRAY['events', 'sessions', 'audit_entries'] LOOP
      CONTINUE WHEN to_regclass(format('roster.%I', parent)) IS NULL;
      FOR ahead IN 0..months LOOP
        since := date_trunc('month', at) + make_interval(months => ahead);
        BEGIN
          EXECUTE format('CREATE TABLE IF NOT EXISTS roster.%I PARTITION OF roster.%I FOR VALUES FROM (%L) TO (%L)',
            parent || to_char(since, '_YYYY_MM'), parent, roster.uuid_at(since), roster.uuid_at(since + interval '1 month'));
        EXCEPTION WHEN check_violation THEN
          -- The month began before its partition was made: its rows lie in the default one and may stay there.
          RAISE WARNING 'rows of % from % stay in the default partition', parent, since;
        END;
      END LOOP;
      -- Default privileges may have given somebody a right on the new partition that its parent does not give.
      FOR relation, holder IN
        SELECT DISTINCT oid, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END
        FROM pg_inherits JOIN pg_class ON oid = inhrelid, aclexplode(relacl)
        WHERE inhparent = format('roster.%I', parent)::regclass AND grantee <> relowner
      LOOP
        EXECUTE format('REVOKE ALL ON %s FROM %s', relation, holder);
      END LOOP;
    END LOOP;
  END $$;
  SELECT roster.ensure_partitions(now(), 3);
`;

/**
 * As in the foundation, and: an entry and a checkpoint are there for good; details may go, when a person's data is
 * erased. Default privileges may have given others a right on the new tables; whoever has the application's rights
 * already gets them anew.
 */
const grants = `
  CREATE OR REPLACE FUNCTION roster.grant_application_role(application name) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
  DECLARE
    relation regclass;
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
    IF to_regclass('roster.audit_entries') IS NOT NULL THEN
      EXECUTE format('REVOKE UPDATE, DELETE ON roster.audit_entries, roster.audit_checkpoints FROM %I', application);
      EXECUTE format('REVOKE UPDATE ON roster.audit_details FROM %I', application);
    END IF;
    EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON roster.migrations FROM %I', application);
    EXECUTE format('GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA roster TO %I', application);
    EXECUTE format('GRANT EXECUTE ON FUNCTION roster.ensure_partitions(timestamptz, integer) TO %I', application);
  END $$;
  DO $$
  DECLARE
    relation regclass;
    holder text;
    application name;
  BEGIN
    FOR relation, holder IN
      SELECT DISTINCT oid, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END FROM pg_class, aclexplode(relacl)
      WHERE oid IN ('roster.audit_entries'::regclass, 'roster.audit_details'::regclass, 'roster.audit_checkpoints'::regclass)
        AND grantee <> relowner
    LOOP
      EXECUTE format('REVOKE ALL ON %s FROM %s', relation, holder);
    END LOOP;
    FOR application IN
      SELECT DISTINCT pg_get_userbyid(grantee) FROM pg_class, aclexplode(relacl)
      WHERE oid = 'roster.events'::regclass AND privilege_type = 'INSERT' AND grantee NOT IN (0, relowner)
    LOOP
      PERFORM roster.grant_application_role(application);
    END LOOP;
  END $$;
`;
