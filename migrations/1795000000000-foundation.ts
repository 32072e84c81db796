import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The first tables. Names of keys and indexes are those PostgreSQL would choose. Columns that are keys of a search are
 * COLLATE "C": their order is the order of bytes on every machine, so an index survives a change of libc.
 */
export class Foundation1795000000000 implements MigrationInterface {
  name = 'Foundation1795000000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const deed of [extensions, people, access, passwords, sessions, registrations, services, partitions, grants])
      await runner.query(deed);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP FUNCTION roster.grant_application_role(name), roster.ensure_partitions(timestamptz, integer), roster.uuid_at(timestamptz);
      DROP TABLE roster.settings, roster.mail_messages, roster.revocations, roster.signing_keys, roster.events,
        roster.registrations, roster.refresh_tokens, roster.sessions, roster.password_hashes,
        roster.user_roles, roster.role_permissions, roster.permissions, roster.roles, roster.users;
      DROP SEQUENCE roster.events_seq;
    `);
  }
}

/** For searches by a part of a word. Trusted since PostgreSQL 13: the owner of the database may create it. */
const extensions = `CREATE EXTENSION IF NOT EXISTS pg_trgm`;

const people = `
  CREATE TABLE roster.users (
    id uuid PRIMARY KEY,
    email text NOT NULL,
    email_key text COLLATE "C" NOT NULL,
    email_verified_at timestamptz,
    name text NOT NULL,
    name_key text COLLATE "C" NOT NULL,
    username text,
    username_key text COLLATE "C",
    phone text,
    locale text NOT NULL,
    timezone text,
    external_id text COLLATE "C",
    metadata jsonb NOT NULL,
    app_metadata jsonb NOT NULL,
    activated_at timestamptz,
    suspended_at timestamptz,
    suspended_until timestamptz,
    suspension_reason text,
    deleted_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    last_sign_in_at timestamptz,
    version integer NOT NULL
  );
  CREATE UNIQUE INDEX users_email_key_idx ON roster.users (email_key) WHERE deleted_at IS NULL;
  CREATE UNIQUE INDEX users_username_key_idx ON roster.users (username_key) WHERE deleted_at IS NULL;
  CREATE UNIQUE INDEX users_external_id_idx ON roster.users (external_id) WHERE deleted_at IS NULL;
  CREATE INDEX users_created_at_idx ON roster.users (created_at, id);
  CREATE INDEX users_email_key_id_idx ON roster.users (email_key, id);
  CREATE INDEX users_name_key_idx ON roster.users (name_key, id);
  CREATE INDEX users_username_sort_idx ON roster.users (username_key, id);
  CREATE INDEX users_last_sign_in_at_idx ON roster.users (last_sign_in_at, id);
  CREATE INDEX users_suspended_at_idx ON roster.users (suspended_at, id) WHERE suspended_at IS NOT NULL;
  CREATE INDEX users_deleted_at_idx ON roster.users (created_at, id) WHERE deleted_at IS NOT NULL;
  CREATE INDEX users_invited_idx ON roster.users (created_at, id) WHERE activated_at IS NULL;
  CREATE INDEX users_email_key_trgm_idx ON roster.users USING gin (email_key gin_trgm_ops);
  CREATE INDEX users_name_key_trgm_idx ON roster.users USING gin (name_key gin_trgm_ops);
  CREATE INDEX users_username_key_trgm_idx ON roster.users USING gin (username_key gin_trgm_ops);
`;

const access = `
  CREATE TABLE roster.roles (
    name text COLLATE "C" PRIMARY KEY,
    about text NOT NULL,
    built_in boolean NOT NULL,
    created_at timestamptz NOT NULL
  );
  CREATE TABLE roster.permissions (
    name text COLLATE "C" PRIMARY KEY,
    about text NOT NULL
  );
  CREATE TABLE roster.role_permissions (
    role text COLLATE "C" NOT NULL,
    permission text COLLATE "C" NOT NULL,
    PRIMARY KEY (role, permission),
    CONSTRAINT role_permissions_role_fkey FOREIGN KEY (role) REFERENCES roster.roles (name) ON DELETE CASCADE,
    CONSTRAINT role_permissions_permission_fkey FOREIGN KEY (permission) REFERENCES roster.permissions (name) ON DELETE CASCADE
  );
  CREATE INDEX role_permissions_permission_idx ON roster.role_permissions (permission);
  CREATE TABLE roster.user_roles (
    user_id uuid NOT NULL,
    role text COLLATE "C" NOT NULL,
    granted_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, role),
    CONSTRAINT user_roles_user_id_fkey FOREIGN KEY (user_id) REFERENCES roster.users (id) ON DELETE CASCADE,
    CONSTRAINT user_roles_role_fkey FOREIGN KEY (role) REFERENCES roster.roles (name) ON DELETE CASCADE
  );
  CREATE INDEX user_roles_role_idx ON roster.user_roles (role, user_id);
`;

const passwords = `
  CREATE TABLE roster.password_hashes (
    user_id uuid PRIMARY KEY,
    hash text NOT NULL,
    changed_at timestamptz NOT NULL,
    change_required_at timestamptz,
    CONSTRAINT password_hashes_user_id_fkey FOREIGN KEY (user_id) REFERENCES roster.users (id) ON DELETE CASCADE
  );
`;

/** Sessions are partitioned by the month in their id, so that old ones go by dropping a table. */
const sessions = `
  CREATE TABLE roster.sessions (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL,
    amr text[] NOT NULL,
    authenticated_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    ended_because text,
    ip inet,
    user_agent text,
    CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES roster.users (id) ON DELETE CASCADE
  ) PARTITION BY RANGE (id);
  CREATE TABLE roster.sessions_default PARTITION OF roster.sessions DEFAULT;
  CREATE INDEX sessions_open_idx ON roster.sessions (user_id) WHERE ended_at IS NULL;
  CREATE TABLE roster.refresh_tokens (
    hash bytea PRIMARY KEY,
    session_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    successor bytea,
    CONSTRAINT refresh_tokens_session_id_fkey FOREIGN KEY (session_id) REFERENCES roster.sessions (id) ON DELETE CASCADE
  );
  CREATE INDEX refresh_tokens_session_id_idx ON roster.refresh_tokens (session_id);
  CREATE INDEX refresh_tokens_successor_idx ON roster.refresh_tokens (used_at) WHERE successor IS NOT NULL;
`;

/** An account that is asked for is not yet a user: nobody can squat on the address of another. */
const registrations = `
  CREATE TABLE roster.registrations (
    id uuid PRIMARY KEY,
    email text NOT NULL,
    email_key text COLLATE "C" NOT NULL,
    name text NOT NULL,
    locale text NOT NULL,
    password_hash text NOT NULL,
    code_hash bytea,
    tries_left integer NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
  );
  CREATE INDEX registrations_email_key_idx ON roster.registrations (email_key) WHERE used_at IS NULL;
  CREATE INDEX registrations_expires_at_idx ON roster.registrations (expires_at);
`;

const services = `
  CREATE TABLE roster.settings (
    name text COLLATE "C" PRIMARY KEY,
    value text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
  );
  CREATE TABLE roster.signing_keys (
    kid text COLLATE "C" PRIMARY KEY,
    state text NOT NULL CHECK (state IN ('next', 'active', 'retired')),
    public_key jsonb NOT NULL,
    private_key bytea,
    created_at timestamptz NOT NULL,
    activated_at timestamptz,
    retired_at timestamptz
  );
  CREATE UNIQUE INDEX signing_keys_active_idx ON roster.signing_keys (state) WHERE state = 'active';
  CREATE UNIQUE INDEX signing_keys_next_idx ON roster.signing_keys (state) WHERE state = 'next';
  CREATE TABLE roster.revocations (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    subject text NOT NULL,
    revoked_at timestamptz NOT NULL
  );
  CREATE INDEX revocations_revoked_at_idx ON roster.revocations (revoked_at);
  CREATE TABLE roster.mail_messages (
    id uuid PRIMARY KEY,
    recipient text NOT NULL,
    subject text NOT NULL,
    text text NOT NULL,
    html text NOT NULL,
    created_at timestamptz NOT NULL
  );
  CREATE INDEX mail_messages_created_at_idx ON roster.mail_messages (created_at);

  -- A sequence of its own, for identity columns on partitioned tables need PostgreSQL 17.
  CREATE SEQUENCE roster.events_seq;
  CREATE TABLE roster.events (
    id uuid PRIMARY KEY,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    seq bigint NOT NULL DEFAULT nextval('roster.events_seq'),
    type text COLLATE "C" NOT NULL,
    subject text COLLATE "C",
    subject_version integer,
    data jsonb NOT NULL,
    private jsonb,
    occurred_at timestamptz NOT NULL
  ) PARTITION BY RANGE (id);
  CREATE TABLE roster.events_default PARTITION OF roster.events DEFAULT;
  CREATE INDEX events_order_idx ON roster.events (xid, seq);
  CREATE INDEX events_subject_idx ON roster.events (subject, xid, seq);
`;

const partitions = `
  CREATE FUNCTION roster.uuid_at(at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT rpad(lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0'), 32, '0')::uuid
  $$;
  -- Runs with the owner's rights, for the application's role may not create tables. It waits for a lock no longer than
  -- a request may, since everybody would queue behind it; the job that calls it tries again.
  CREATE FUNCTION roster.ensure_partitions(at timestamptz, months integer) RETURNS void
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
    FOREACH parent IN ARRAY ARRAY['events', 'sessions'] LOOP
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
 * The application's role reads and writes rows; it cannot alter a table, nor rewrite or remove a fact. It reaches
 * partitions through their parents only: a right on a partition of its own would go around what the parent refuses.
 */
const grants = `
  CREATE FUNCTION roster.grant_application_role(application name) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
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
    EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON roster.migrations FROM %I', application);
    EXECUTE format('GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA roster TO %I', application);
    EXECUTE format('GRANT EXECUTE ON FUNCTION roster.ensure_partitions(timestamptz, integer) TO %I', application);
  END $$;
  REVOKE ALL ON FUNCTION roster.grant_application_role(name), roster.ensure_partitions(timestamptz, integer) FROM PUBLIC;
`;
