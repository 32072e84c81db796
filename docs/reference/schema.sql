-- What the migrations make, without the partitions of the months.

CREATE SEQUENCE roster.events_seq;

CREATE SEQUENCE roster.migrations_id_seq;

CREATE TABLE roster.events (
  id uuid NOT NULL,
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  seq bigint NOT NULL DEFAULT nextval('roster.events_seq'::regclass),
  type text COLLATE "C" NOT NULL,
  subject text COLLATE "C",
  subject_version integer,
  data jsonb NOT NULL,
  private jsonb,
  occurred_at timestamp with time zone NOT NULL,
  CONSTRAINT events_pkey PRIMARY KEY (id)
) PARTITION BY RANGE (id);
CREATE INDEX events_order_idx ON ONLY roster.events USING btree (xid, seq);
CREATE INDEX events_subject_idx ON ONLY roster.events USING btree (subject, xid, seq);
GRANT INSERT, SELECT ON roster.events TO roster_app;

CREATE TABLE roster.events_default PARTITION OF roster.events DEFAULT;

CREATE TABLE roster.idempotency_keys (
  id bytea NOT NULL,
  fingerprint bytea NOT NULL,
  answer bytea NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  CONSTRAINT idempotency_keys_pkey PRIMARY KEY (id)
);
CREATE INDEX idempotency_keys_expires_at_idx ON roster.idempotency_keys USING btree (expires_at);
GRANT DELETE, INSERT, SELECT, UPDATE ON roster.idempotency_keys TO roster_app;

CREATE TABLE roster.mail_messages (
  id uuid NOT NULL,
  recipient text NOT NULL,
  subject text NOT NULL,
  text text NOT NULL,
  html text NOT NULL,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT mail_messages_pkey PRIMARY KEY (id)
);
CREATE INDEX mail_messages_created_at_idx ON roster.mail_messages USING btree (created_at);
GRANT DELETE, INSERT, SELECT, UPDATE ON roster.mail_messages TO roster_app;

CREATE TABLE roster.migrations (
  id integer NOT NULL DEFAULT nextval('roster.migrations_id_seq'::regclass),
  "timestamp" bigint NOT NULL,
  name character varying NOT NULL,
  CONSTRAINT migrations_pkey PRIMARY KEY (id)
);
GRANT SELECT ON roster.migrations TO roster_app;

CREATE TABLE roster.password_hashes (
  user_id uuid NOT NULL,
  hash text NOT NULL,
  changed_at timestamp with time zone NOT NULL,
  change_required_at timestamp with time zone,
  CONSTRAINT password_hashes_pkey PRIMARY KEY (user_id),
  CONSTRAINT password_hashes_user_id_fkey FOREIGN KEY (user_id) REFERENCES roster.users(id) ON DELETE CASCADE
);
GRANT DELETE, INSERT, SELECT, UPDATE ON roster.password_hashes TO roster_app;

CREATE TABLE roster.permissions (
  name text COLLATE "C" NOT NULL,
  about text NOT NULL,
  CONSTRAINT permissions_pkey PRIMARY KEY (name)
);
GRANT DELETE, INSERT, SELECT, UPDATE ON roster.permissions TO roster_app;

CREATE TABLE roster.rate_limits (
  key character varying(255) NOT NULL,
  points integer NOT NULL,
  expire bigint,
  CONSTRAINT rate_limits_pkey PRIMARY KEY (key)
);
CREATE INDEX rate_limits_expire_idx ON roster.rate_limits USING btree (expire);
GRANT DELETE, INSERT, SELECT, UPDATE ON roster.rate_limits TO roster_app;

CREATE TABLE roster.refresh_tokens (
  hash bytea NOT NULL,
  session_id uuid NOT NULL,
  created_at timestamp with time zone NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  used_at timestamp with time zone,
  successor bytea,
  CONSTRAINT refresh_tokens_pkey PRIMARY KEY (hash),
  CONSTRAINT refresh_tokens_session_id_fkey FOREIGN KEY (session_id) REFERENCES roster.sessions(id) ON DELETE CASCADE
);
CREATE INDEX refresh_tokens_session_id_idx ON roster.refresh_tokens USING btree (session_id);
CREATE INDEX refresh_tokens_successor_idx ON roster.refresh_tokens USING btree (used_at) WHERE (successor IS NOT NULL);
GRANT DELETE, INSERT, SELECT, UPDATE ON roster.refresh_tokens TO roster_app;

CREATE TABLE roster.registrations (
  id uuid NOT NULL,
  email text NOT NULL,
  email_key text COLLATE "C" NOT NULL,
  name text NOT NULL,
  locale text NOT NULL,
  password_hash text NOT NULL,
  code_hash bytea,
  tries_left integer NOT NULL,
  created_at timestamp with time zone NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  used_at timestamp with time zone,
  CONSTRAINT registrations_pkey PRIMARY KEY (id)
);
CREATE INDEX registrations_email_key_idx ON roster.registrations USING btree (email_key) WHERE (used_at IS NULL);
CREATE INDEX registrations_expires_at_idx ON roster.registrations USING btree (expires_at);
GRANT DELETE, INSERT, SELECT, UPDATE ON roster.registrations TO roster_app;

CREATE TABLE roster.revocations (
  id uuid NOT NULL,
  kind text NOT NULL,
  subject text NOT NULL,
  revoked_at timestamp with time zone NOT NULL,
  CONSTRAINT revocations_pkey PRIMARY KEY (id)
);
CREATE INDEX revocations_revoked_at_idx ON roster.revocations USING btree (revoked_at);
GRANT DELETE, INSERT, SELECT, UPDATE ON roster.revocations TO roster_app;

CREATE TABLE roster.role_permissions (
  role text COLLATE "C" NOT NULL,
  permission text COLLATE "C" NOT NULL,
  CONSTRAINT role_permissions_pkey PRIMARY KEY (role, permission),
  CONSTRAINT role_permissions_permission_fkey FOREIGN KEY (permission) REFERENCES roster.permissions(name) ON DELETE CASCADE,
  CONSTRAINT role_permissions_role_fkey FOREIGN KEY (role) REFERENCES roster.roles(name) ON DELETE CASCADE
);
CREATE INDEX role_permissions_permission_idx ON roster.role_permissions USING btree (permission);
GRANT DELETE, INSERT, SELECT, UPDATE ON roster.role_permissions TO roster_app;

CREATE TABLE roster.roles (
  name text COLLATE "C" NOT NULL,
  about text NOT NULL,
  built_in boolean NOT NULL,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT roles_pkey PRIMARY KEY (name)
);
GRANT DELETE, INSERT, SELECT, UPDATE ON roster.roles TO roster_app;

CREATE TABLE roster.sessions (
  id uuid NOT NULL,
  user_id uuid NOT NULL,
  amr text[] NOT NULL,
  authenticated_at timestamp with time zone NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  ended_at timestamp with time zone,
  ended_because text,
  ip inet,
  user_agent text,
  CONSTRAINT sessions_pkey PRIMARY KEY (id),
  CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES roster.users(id) ON DELETE CASCADE
) PARTITION BY RANGE (id);
CREATE INDEX sessions_open_idx ON ONLY roster.sessions USING btree (user_id) WHERE (ended_at IS NULL);
GRANT DELETE, INSERT, SELECT, UPDATE ON roster.sessions TO roster_app;

CREATE TABLE roster.sessions_default PARTITION OF roster.sessions DEFAULT;

CREATE TABLE roster.settings (
  name text COLLATE "C" NOT NULL,
  value text NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  CONSTRAINT settings_pkey PRIMARY KEY (name)
);
GRANT DELETE, INSERT, SELECT, UPDATE ON roster.settings TO roster_app;

CREATE TABLE roster.signing_keys (
  kid text COLLATE "C" NOT NULL,
  state text NOT NULL,
  public_key jsonb NOT NULL,
  private_key bytea,
  created_at timestamp with time zone NOT NULL,
  activated_at timestamp with time zone,
  retired_at timestamp with time zone,
  CONSTRAINT signing_keys_pkey PRIMARY KEY (kid),
  CONSTRAINT signing_keys_state_check CHECK ((state = ANY (ARRAY['next'::text, 'active'::text, 'retired'::text])))
);
CREATE UNIQUE INDEX signing_keys_active_idx ON roster.signing_keys USING btree (state) WHERE (state = 'active'::text);
CREATE UNIQUE INDEX signing_keys_next_idx ON roster.signing_keys USING btree (state) WHERE (state = 'next'::text);
GRANT DELETE, INSERT, SELECT, UPDATE ON roster.signing_keys TO roster_app;

CREATE TABLE roster.user_roles (
  user_id uuid NOT NULL,
  role text COLLATE "C" NOT NULL,
  granted_at timestamp with time zone NOT NULL,
  CONSTRAINT user_roles_pkey PRIMARY KEY (user_id, role),
  CONSTRAINT user_roles_role_fkey FOREIGN KEY (role) REFERENCES roster.roles(name) ON DELETE CASCADE,
  CONSTRAINT user_roles_user_id_fkey FOREIGN KEY (user_id) REFERENCES roster.users(id) ON DELETE CASCADE
);
CREATE INDEX user_roles_role_idx ON roster.user_roles USING btree (role, user_id);
GRANT DELETE, INSERT, SELECT, UPDATE ON roster.user_roles TO roster_app;

CREATE TABLE roster.users (
  id uuid NOT NULL,
  email text NOT NULL,
  email_key text COLLATE "C" NOT NULL,
  email_verified_at timestamp with time zone,
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
  activated_at timestamp with time zone,
  suspended_at timestamp with time zone,
  suspended_until timestamp with time zone,
  suspension_reason text,
  deleted_at timestamp with time zone,
  created_at timestamp with time zone NOT NULL,
  updated_at timestamp with time zone NOT NULL,
  last_sign_in_at timestamp with time zone,
  version integer NOT NULL,
  CONSTRAINT users_pkey PRIMARY KEY (id)
);
CREATE INDEX users_created_at_idx ON roster.users USING btree (created_at, id);
CREATE INDEX users_deleted_at_idx ON roster.users USING btree (created_at, id) WHERE (deleted_at IS NOT NULL);
CREATE INDEX users_email_key_id_idx ON roster.users USING btree (email_key, id);
CREATE UNIQUE INDEX users_email_key_idx ON roster.users USING btree (email_key) WHERE (deleted_at IS NULL);
CREATE INDEX users_email_key_trgm_idx ON roster.users USING gin (email_key gin_trgm_ops);
CREATE UNIQUE INDEX users_external_id_idx ON roster.users USING btree (external_id) WHERE (deleted_at IS NULL);
CREATE INDEX users_invited_idx ON roster.users USING btree (created_at, id) WHERE (activated_at IS NULL);
CREATE INDEX users_last_sign_in_at_idx ON roster.users USING btree (last_sign_in_at, id);
CREATE INDEX users_name_key_idx ON roster.users USING btree (name_key, id);
CREATE INDEX users_name_key_trgm_idx ON roster.users USING gin (name_key gin_trgm_ops);
CREATE INDEX users_suspended_at_idx ON roster.users USING btree (suspended_at, id) WHERE (suspended_at IS NOT NULL);
CREATE UNIQUE INDEX users_username_key_idx ON roster.users USING btree (username_key) WHERE (deleted_at IS NULL);
CREATE INDEX users_username_key_trgm_idx ON roster.users USING gin (username_key gin_trgm_ops);
CREATE INDEX users_username_sort_idx ON roster.users USING btree (username_key, id);
GRANT DELETE, INSERT, SELECT, UPDATE ON roster.users TO roster_app;

CREATE OR REPLACE FUNCTION roster.ensure_partitions(at timestamp with time zone, months integer)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET lock_timeout TO '2s'
AS $function$
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
  END $function$;
GRANT EXECUTE ON FUNCTION roster.ensure_partitions(timestamp with time zone,integer) TO roster_app;

CREATE OR REPLACE FUNCTION roster.grant_application_role(application name)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
  END $function$;

CREATE OR REPLACE FUNCTION roster.uuid_at(at timestamp with time zone)
 RETURNS uuid
 LANGUAGE sql
 IMMUTABLE
AS $function$
    SELECT rpad(lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0'), 32, '0')::uuid
  $function$;
GRANT EXECUTE ON FUNCTION roster.uuid_at(timestamp with time zone) TO roster_app;
