-- What the migrations make, without the partitions of the months.

CREATE SEQUENCE roster.events_seq;

CREATE SEQUENCE roster.migrations_id_seq;

CREATE TABLE roster.api_keys (
  id uuid NOT NULL,
  user_id uuid NOT NULL,
  kind text NOT NULL,
  name text COLLATE "C" NOT NULL,
  prefix text NOT NULL,
  hash bytea NOT NULL,
  scopes text[] NOT NULL,
  created_at timestamp with time zone NOT NULL,
  created_by uuid NOT NULL,
  expires_at timestamp with time zone,
  last_used_at timestamp with time zone,
  last_used_ip inet,
  revoked_at timestamp with time zone,
  replaced_by uuid,
  overlap_until timestamp with time zone,
  version integer NOT NULL,
  CONSTRAINT api_keys_pkey PRIMARY KEY (id),
  CONSTRAINT api_keys_user_id_fkey FOREIGN KEY (user_id) REFERENCES roster.users(id) ON DELETE CASCADE,
  CONSTRAINT api_keys_kind_check CHECK ((kind = ANY (ARRAY['personal'::text, 'service'::text])))
);
CREATE INDEX api_keys_created_at_idx ON roster.api_keys USING btree (created_at, id);
CREATE UNIQUE INDEX api_keys_hash_idx ON roster.api_keys USING btree (hash);
CREATE INDEX api_keys_name_idx ON roster.api_keys USING btree (name, id);
CREATE INDEX api_keys_user_id_idx ON roster.api_keys USING btree (user_id, id);
GRANT DELETE, INSERT, SELECT, UPDATE ON roster.api_keys TO roster_app;

CREATE TABLE roster.audit_checkpoints (
  seq bigint NOT NULL,
  hash bytea NOT NULL,
  kid text COLLATE "C" NOT NULL,
  signature bytea NOT NULL,
  created_at timestamp(3) with time zone NOT NULL,
  CONSTRAINT audit_checkpoints_pkey PRIMARY KEY (seq)
);
GRANT INSERT, SELECT ON roster.audit_checkpoints TO roster_app;

CREATE TABLE roster.audit_details (
  entry_id uuid NOT NULL,
  salt bytea NOT NULL,
  details jsonb NOT NULL,
  CONSTRAINT audit_details_pkey PRIMARY KEY (entry_id)
);
CREATE INDEX audit_details_ip_idx ON roster.audit_details USING btree (((details ->> 'ip'::text)));
GRANT DELETE, INSERT, SELECT ON roster.audit_details TO roster_app;

CREATE TABLE roster.audit_entries (
  id uuid NOT NULL,
  seq bigint NOT NULL,
  occurred_at timestamp(3) with time zone NOT NULL,
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
  hash bytea NOT NULL,
  CONSTRAINT audit_entries_pkey PRIMARY KEY (id)
) PARTITION BY RANGE (id);
CREATE INDEX audit_entries_actor_id_idx ON ONLY roster.audit_entries USING btree (actor_id, seq, id);
CREATE INDEX audit_entries_occurred_at_idx ON ONLY roster.audit_entries USING btree (occurred_at, seq);
CREATE INDEX audit_entries_on_behalf_of_idx ON ONLY roster.audit_entries USING btree (on_behalf_of, seq, id) WHERE (on_behalf_of IS NOT NULL);
CREATE INDEX audit_entries_refused_idx ON ONLY roster.audit_entries USING btree (seq, id) WHERE (outcome = 'refused'::text);
CREATE INDEX audit_entries_request_id_idx ON ONLY roster.audit_entries USING btree (request_id, seq, id);
CREATE INDEX audit_entries_seq_idx ON ONLY roster.audit_entries USING btree (seq, id);
CREATE INDEX audit_entries_subject_idx ON ONLY roster.audit_entries USING btree (subject, seq, id);
CREATE INDEX audit_entries_type_idx ON ONLY roster.audit_entries USING btree (type, seq, id);
CREATE INDEX audit_entries_user_id_idx ON ONLY roster.audit_entries USING btree (((data ->> 'userId'::text)), seq, id);
GRANT INSERT, SELECT ON roster.audit_entries TO roster_app;

CREATE TABLE roster.audit_entries_default PARTITION OF roster.audit_entries DEFAULT;

CREATE TABLE roster.audit_retirements (
  seq bigint NOT NULL,
  hash bytea NOT NULL,
  signed_at timestamp(3) with time zone NOT NULL,
  kid text COLLATE "C" NOT NULL,
  signature bytea NOT NULL,
  created_at timestamp(3) with time zone NOT NULL,
  CONSTRAINT audit_retirements_pkey PRIMARY KEY (seq, kid)
);
GRANT INSERT, SELECT ON roster.audit_retirements TO roster_app;

CREATE TABLE roster.event_cursors (
  reader text COLLATE "C" NOT NULL,
  xid xid8 NOT NULL,
  seq bigint NOT NULL,
  CONSTRAINT event_cursors_pkey PRIMARY KEY (reader)
);
GRANT DELETE, INSERT, SELECT, UPDATE ON roster.event_cursors TO roster_app;

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
CREATE INDEX events_type_idx ON ONLY roster.events USING btree (type, xid, seq);
GRANT INSERT, SELECT ON roster.events TO roster_app;

CREATE TABLE roster.events_default PARTITION OF roster.events DEFAULT;

CREATE TABLE roster.events_retired (
  one boolean NOT NULL,
  xid xid8 NOT NULL,
  seq bigint NOT NULL,
  CONSTRAINT events_retired_pkey PRIMARY KEY (one)
);
GRANT SELECT ON roster.events_retired TO roster_app;

CREATE TABLE roster.export_chunks (
  export_id uuid NOT NULL,
  number integer NOT NULL,
  bytes bytea NOT NULL,
  CONSTRAINT export_chunks_pkey PRIMARY KEY (export_id, number),
  CONSTRAINT export_chunks_export_id_fkey FOREIGN KEY (export_id) REFERENCES roster.exports(id) ON DELETE CASCADE
);
GRANT DELETE, INSERT, SELECT, UPDATE ON roster.export_chunks TO roster_app;

CREATE TABLE roster.exports (
  id uuid NOT NULL,
  state text COLLATE "C" NOT NULL,
  format text NOT NULL,
  filter text,
  actor_id uuid,
  rows integer NOT NULL,
  total integer,
  bytes bigint NOT NULL,
  chunks integer NOT NULL,
  cursor text,
  problem text,
  job_id uuid,
  created_at timestamp with time zone NOT NULL,
  updated_at timestamp with time zone NOT NULL,
  finished_at timestamp with time zone,
  version integer NOT NULL,
  on_behalf_of uuid,
  CONSTRAINT exports_pkey PRIMARY KEY (id),
  CONSTRAINT exports_format_check CHECK ((format = ANY (ARRAY['csv'::text, 'ndjson'::text]))),
  CONSTRAINT exports_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'running'::text, 'completed'::text, 'cancelled'::text, 'failed'::text])))
);
CREATE INDEX exports_created_at_idx ON roster.exports USING btree (created_at, id);
CREATE INDEX exports_unfinished_idx ON roster.exports USING btree (updated_at) WHERE (finished_at IS NULL);
GRANT DELETE, INSERT, SELECT, UPDATE ON roster.exports TO roster_app;

CREATE TABLE roster.factors (
  id uuid NOT NULL,
  user_id uuid NOT NULL,
  kind text NOT NULL,
  name text NOT NULL,
  secret bytea,
  last_step bigint,
  credential_id bytea,
  public_key bytea,
  counter bigint,
  transports text[],
  backed_up boolean,
  aaguid uuid,
  created_at timestamp with time zone NOT NULL,
  confirmed_at timestamp with time zone,
  last_used_at timestamp with time zone,
  version integer NOT NULL,
  CONSTRAINT factors_pkey PRIMARY KEY (id),
  CONSTRAINT factors_user_id_fkey FOREIGN KEY (user_id) REFERENCES roster.users(id) ON DELETE CASCADE,
  CONSTRAINT factors_kind_check CHECK ((kind = ANY (ARRAY['totp'::text, 'passkey'::text])))
);
CREATE UNIQUE INDEX factors_credential_id_idx ON roster.factors USING btree (credential_id);
CREATE INDEX factors_user_id_idx ON roster.factors USING btree (user_id);
GRANT DELETE, INSERT, SELECT, UPDATE ON roster.factors TO roster_app;

CREATE TABLE roster.flows (
  id uuid NOT NULL,
  purpose text NOT NULL,
  user_id uuid,
  email_key text COLLATE "C" NOT NULL,
  token_hash bytea,
  code_hash bytea,
  tries_left integer NOT NULL,
  payload jsonb NOT NULL,
  created_at timestamp with time zone NOT NULL,
  code_expires_at timestamp with time zone NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  used_at timestamp with time zone,
  superseded_at timestamp with time zone,
  CONSTRAINT flows_pkey PRIMARY KEY (id),
  CONSTRAINT flows_user_id_fkey FOREIGN KEY (user_id) REFERENCES roster.users(id) ON DELETE CASCADE
);
CREATE INDEX flows_expires_at_idx ON roster.flows USING btree (expires_at);
CREATE INDEX flows_live_idx ON roster.flows USING btree (purpose, email_key) WHERE ((used_at IS NULL) AND (superseded_at IS NULL));
CREATE UNIQUE INDEX flows_token_hash_idx ON roster.flows USING btree (token_hash) WHERE (token_hash IS NOT NULL);
CREATE INDEX flows_user_id_idx ON roster.flows USING btree (user_id) WHERE (user_id IS NOT NULL);
GRANT DELETE, INSERT, SELECT, UPDATE ON roster.flows TO roster_app;

CREATE TABLE roster.guesses (
  account bytea NOT NULL,
  source bytea NOT NULL,
  failures integer NOT NULL,
  last_at timestamp with time zone NOT NULL,
  blocked_until timestamp with time zone,
  refused boolean NOT NULL,
  CONSTRAINT guesses_pkey PRIMARY KEY (account, source)
);
CREATE INDEX guesses_last_at_idx ON roster.guesses USING btree (last_at);
GRANT DELETE, INSERT, SELECT, UPDATE ON roster.guesses TO roster_app;

CREATE TABLE roster.idempotency_keys (
  id bytea NOT NULL,
  fingerprint bytea NOT NULL,
  answer bytea NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  CONSTRAINT idempotency_keys_pkey PRIMARY KEY (id)
);
CREATE INDEX idempotency_keys_expires_at_idx ON roster.idempotency_keys USING btree (expires_at);
GRANT DELETE, INSERT, SELECT, UPDATE ON roster.idempotency_keys TO roster_app;

CREATE TABLE roster.import_chunks (
  import_id uuid NOT NULL,
  first_row integer NOT NULL,
  rows json NOT NULL,
  CONSTRAINT import_chunks_pkey PRIMARY KEY (import_id, first_row),
  CONSTRAINT import_chunks_import_id_fkey FOREIGN KEY (import_id) REFERENCES roster.imports(id) ON DELETE CASCADE
);
GRANT DELETE, INSERT, SELECT, UPDATE ON roster.import_chunks TO roster_app;

CREATE TABLE roster.import_claims (
  import_id uuid NOT NULL,
  claim text COLLATE "C" NOT NULL,
  CONSTRAINT import_claims_pkey PRIMARY KEY (import_id, claim),
  CONSTRAINT import_claims_import_id_fkey FOREIGN KEY (import_id) REFERENCES roster.imports(id) ON DELETE CASCADE
);
GRANT DELETE, INSERT, SELECT, UPDATE ON roster.import_claims TO roster_app;

CREATE TABLE roster.import_rows (
  import_id uuid NOT NULL,
  number integer NOT NULL,
  id uuid NOT NULL,
  line integer NOT NULL,
  status text COLLATE "C" NOT NULL,
  user_id uuid,
  code text COLLATE "C",
  pointer text,
  detail text,
  CONSTRAINT import_rows_pkey PRIMARY KEY (import_id, number),
  CONSTRAINT import_rows_status_check CHECK ((status = ANY (ARRAY['created'::text, 'updated'::text, 'skipped'::text, 'failed'::text])))
);
CREATE INDEX import_rows_failed_idx ON roster.import_rows USING btree (import_id, number) WHERE (status = 'failed'::text);
GRANT DELETE, INSERT, SELECT, UPDATE ON roster.import_rows TO roster_app;

CREATE TABLE roster.imports (
  id uuid NOT NULL,
  state text COLLATE "C" NOT NULL,
  format text,
  on_conflict text NOT NULL,
  dry_run boolean NOT NULL,
  actor_id uuid,
  on_behalf_of uuid,
  permissions text[],
  bytes bigint NOT NULL,
  rows integer NOT NULL,
  "position" integer NOT NULL,
  created integer NOT NULL,
  updated integer NOT NULL,
  skipped integer NOT NULL,
  failed integer NOT NULL,
  problem text,
  job_id uuid,
  created_at timestamp with time zone NOT NULL,
  updated_at timestamp with time zone NOT NULL,
  finished_at timestamp with time zone,
  version integer NOT NULL,
  CONSTRAINT imports_pkey PRIMARY KEY (id),
  CONSTRAINT imports_on_conflict_check CHECK ((on_conflict = ANY (ARRAY['skip'::text, 'update'::text, 'fail'::text]))),
  CONSTRAINT imports_state_check CHECK ((state = ANY (ARRAY['uploading'::text, 'incomplete'::text, 'queued'::text, 'running'::text, 'completed'::text, 'cancelled'::text, 'failed'::text])))
);
CREATE INDEX imports_created_at_idx ON roster.imports USING btree (created_at, id);
CREATE INDEX imports_unfinished_idx ON roster.imports USING btree (updated_at) WHERE (finished_at IS NULL);
GRANT DELETE, INSERT, SELECT, UPDATE ON roster.imports TO roster_app;

CREATE TABLE roster.invitations (
  id uuid NOT NULL,
  user_id uuid NOT NULL,
  email text NOT NULL,
  email_key text COLLATE "C" NOT NULL,
  roles text[] NOT NULL,
  invited_by uuid,
  created_at timestamp with time zone NOT NULL,
  sent_at timestamp with time zone NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  accepted_at timestamp with time zone,
  revoked_at timestamp with time zone,
  flow_id uuid NOT NULL,
  version integer NOT NULL,
  CONSTRAINT invitations_pkey PRIMARY KEY (id),
  CONSTRAINT invitations_user_id_fkey FOREIGN KEY (user_id) REFERENCES roster.users(id) ON DELETE CASCADE
);
CREATE INDEX invitations_accepted_at_idx ON roster.invitations USING btree (created_at, id) WHERE (accepted_at IS NOT NULL);
CREATE INDEX invitations_created_at_idx ON roster.invitations USING btree (created_at, id);
CREATE INDEX invitations_email_key_idx ON roster.invitations USING btree (email_key, id);
CREATE INDEX invitations_email_key_trgm_idx ON roster.invitations USING gin (email_key gin_trgm_ops);
CREATE UNIQUE INDEX invitations_flow_id_idx ON roster.invitations USING btree (flow_id);
CREATE INDEX invitations_open_idx ON roster.invitations USING btree (created_at, id) WHERE ((accepted_at IS NULL) AND (revoked_at IS NULL));
CREATE UNIQUE INDEX invitations_open_user_id_idx ON roster.invitations USING btree (user_id) WHERE ((accepted_at IS NULL) AND (revoked_at IS NULL));
CREATE INDEX invitations_revoked_at_idx ON roster.invitations USING btree (created_at, id) WHERE (revoked_at IS NOT NULL);
CREATE INDEX invitations_user_id_idx ON roster.invitations USING btree (user_id);
GRANT DELETE, INSERT, SELECT, UPDATE ON roster.invitations TO roster_app;

CREATE TABLE roster.job_workers (
  id text COLLATE "C" NOT NULL,
  host text NOT NULL,
  pid integer NOT NULL,
  kinds text[] COLLATE "C" NOT NULL,
  started_at timestamp with time zone NOT NULL,
  beat_at timestamp with time zone NOT NULL,
  CONSTRAINT job_workers_pkey PRIMARY KEY (id)
);
GRANT DELETE, INSERT, SELECT, UPDATE ON roster.job_workers TO roster_app;

CREATE TABLE roster.jobs (
  id uuid NOT NULL,
  name text COLLATE "C" NOT NULL,
  queue text COLLATE "C",
  key text COLLATE "C",
  state text NOT NULL,
  payload jsonb,
  is_secret boolean NOT NULL,
  is_long boolean NOT NULL,
  attempts integer NOT NULL,
  spared integer NOT NULL,
  max_attempts integer NOT NULL,
  crashes integer NOT NULL,
  progress_done bigint,
  progress_total bigint,
  result jsonb,
  last_error text,
  actor_id uuid,
  worker text COLLATE "C",
  created_at timestamp with time zone NOT NULL,
  run_at timestamp with time zone NOT NULL,
  started_at timestamp with time zone,
  finished_at timestamp with time zone,
  cancel_requested_at timestamp with time zone,
  version integer NOT NULL,
  CONSTRAINT jobs_pkey PRIMARY KEY (id),
  CONSTRAINT jobs_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'running'::text, 'succeeded'::text, 'failed'::text, 'dead'::text, 'cancelled'::text])))
);
CREATE INDEX jobs_created_at_idx ON roster.jobs USING btree (created_at, id);
CREATE UNIQUE INDEX jobs_key_idx ON roster.jobs USING btree (name, key) WHERE ((key IS NOT NULL) AND (state = ANY (ARRAY['queued'::text, 'failed'::text])));
CREATE INDEX jobs_name_idx ON roster.jobs USING btree (name, created_at, id);
CREATE INDEX jobs_unfinished_idx ON roster.jobs USING btree (state, run_at) WHERE (state = ANY (ARRAY['queued'::text, 'running'::text, 'failed'::text, 'dead'::text]));
GRANT DELETE, INSERT, SELECT, UPDATE ON roster.jobs TO roster_app;

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
CREATE INDEX password_hashes_keyed_idx ON roster.password_hashes USING btree (user_id) WHERE (hash ~~ '$firebase-scrypt$%'::text);
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

CREATE TABLE roster.recovery_codes (
  user_id uuid NOT NULL,
  hash bytea NOT NULL,
  created_at timestamp with time zone NOT NULL,
  used_at timestamp with time zone,
  CONSTRAINT recovery_codes_pkey PRIMARY KEY (user_id, hash),
  CONSTRAINT recovery_codes_user_id_fkey FOREIGN KEY (user_id) REFERENCES roster.users(id) ON DELETE CASCADE
);
GRANT DELETE, INSERT, SELECT, UPDATE ON roster.recovery_codes TO roster_app;

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
  id uuid NOT NULL DEFAULT roster.new_id(),
  mfa_required boolean NOT NULL DEFAULT false,
  updated_at timestamp with time zone NOT NULL DEFAULT now(),
  version integer NOT NULL DEFAULT 1,
  CONSTRAINT roles_pkey PRIMARY KEY (name)
);
CREATE INDEX roles_created_at_idx ON roster.roles USING btree (created_at, id);
CREATE UNIQUE INDEX roles_id_idx ON roster.roles USING btree (id);
CREATE INDEX roles_name_idx ON roster.roles USING btree (name, id);
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
  actor_id uuid,
  name text,
  last_seen_at timestamp with time zone NOT NULL DEFAULT now(),
  version integer NOT NULL DEFAULT 1,
  CONSTRAINT sessions_pkey PRIMARY KEY (id),
  CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES roster.users(id) ON DELETE CASCADE
) PARTITION BY RANGE (id);
CREATE INDEX sessions_acting_idx ON ONLY roster.sessions USING btree (actor_id) WHERE ((ended_at IS NULL) AND (actor_id IS NOT NULL));
CREATE INDEX sessions_open_idx ON ONLY roster.sessions USING btree (user_id) WHERE (ended_at IS NULL);
CREATE INDEX sessions_user_id_idx ON ONLY roster.sessions USING btree (user_id, id);
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

CREATE TABLE roster.totp_tries (
  user_id uuid NOT NULL,
  tries integer NOT NULL,
  blocked_until timestamp with time zone,
  CONSTRAINT totp_tries_pkey PRIMARY KEY (user_id),
  CONSTRAINT totp_tries_user_id_fkey FOREIGN KEY (user_id) REFERENCES roster.users(id) ON DELETE CASCADE
);
GRANT DELETE, INSERT, SELECT, UPDATE ON roster.totp_tries TO roster_app;

CREATE TABLE roster.trusted_devices (
  id uuid NOT NULL,
  user_id uuid NOT NULL,
  token_hash bytea NOT NULL,
  name text NOT NULL,
  ip inet,
  user_agent text,
  created_at timestamp with time zone NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  last_used_at timestamp with time zone,
  CONSTRAINT trusted_devices_pkey PRIMARY KEY (id),
  CONSTRAINT trusted_devices_user_id_fkey FOREIGN KEY (user_id) REFERENCES roster.users(id) ON DELETE CASCADE
);
CREATE INDEX trusted_devices_expires_at_idx ON roster.trusted_devices USING btree (expires_at);
CREATE UNIQUE INDEX trusted_devices_token_hash_idx ON roster.trusted_devices USING btree (token_hash);
CREATE INDEX trusted_devices_user_id_idx ON roster.trusted_devices USING btree (user_id);
GRANT DELETE, INSERT, SELECT, UPDATE ON roster.trusted_devices TO roster_app;

CREATE TABLE roster.user_permissions (
  user_id uuid NOT NULL,
  permission text COLLATE "C" NOT NULL,
  granted_at timestamp with time zone NOT NULL,
  granted_by uuid,
  expires_at timestamp with time zone,
  reason text,
  CONSTRAINT user_permissions_pkey PRIMARY KEY (user_id, permission),
  CONSTRAINT user_permissions_permission_fkey FOREIGN KEY (permission) REFERENCES roster.permissions(name) ON DELETE CASCADE,
  CONSTRAINT user_permissions_user_id_fkey FOREIGN KEY (user_id) REFERENCES roster.users(id) ON DELETE CASCADE
);
CREATE INDEX user_permissions_permission_idx ON roster.user_permissions USING btree (permission);
GRANT DELETE, INSERT, SELECT, UPDATE ON roster.user_permissions TO roster_app;

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
  deletion_due_at timestamp with time zone,
  CONSTRAINT users_pkey PRIMARY KEY (id)
);
CREATE INDEX users_created_at_idx ON roster.users USING btree (created_at, id);
CREATE INDEX users_deleted_at_idx ON roster.users USING btree (created_at, id) WHERE (deleted_at IS NOT NULL);
CREATE INDEX users_deletion_due_at_idx ON roster.users USING btree (deletion_due_at, id) WHERE ((deletion_due_at IS NOT NULL) AND (deleted_at IS NULL));
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

CREATE TABLE roster.webauthn_challenges (
  id uuid NOT NULL,
  user_id uuid,
  purpose text NOT NULL,
  challenge bytea NOT NULL,
  created_at timestamp with time zone NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  used_at timestamp with time zone,
  CONSTRAINT webauthn_challenges_pkey PRIMARY KEY (id),
  CONSTRAINT webauthn_challenges_user_id_fkey FOREIGN KEY (user_id) REFERENCES roster.users(id) ON DELETE CASCADE,
  CONSTRAINT webauthn_challenges_purpose_check CHECK ((purpose = ANY (ARRAY['register'::text, 'sign_in'::text, 'verify'::text])))
);
CREATE INDEX webauthn_challenges_expires_at_idx ON roster.webauthn_challenges USING btree (expires_at);
CREATE INDEX webauthn_challenges_user_id_idx ON roster.webauthn_challenges USING btree (user_id);
GRANT DELETE, INSERT, SELECT, UPDATE ON roster.webauthn_challenges TO roster_app;

CREATE TABLE roster.webhook_deliveries (
  id uuid NOT NULL,
  webhook_id uuid NOT NULL,
  kind text NOT NULL,
  replay_id uuid,
  event_id uuid NOT NULL,
  event_type text COLLATE "C" NOT NULL,
  subject text COLLATE "C",
  xid xid8 NOT NULL,
  seq bigint NOT NULL,
  body text NOT NULL,
  state text NOT NULL,
  attempts integer NOT NULL,
  next_attempt_at timestamp with time zone,
  lease uuid,
  first_attempt_at timestamp with time zone,
  last_attempt_at timestamp with time zone,
  sent_to text,
  status integer,
  error text,
  latency_ms integer,
  answer_headers jsonb,
  answer_body text,
  tries jsonb NOT NULL,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (id),
  CONSTRAINT webhook_deliveries_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES roster.webhooks(id) ON DELETE CASCADE,
  CONSTRAINT webhook_deliveries_kind_check CHECK ((kind = ANY (ARRAY['event'::text, 'replay'::text, 'redelivery'::text, 'test'::text]))),
  CONSTRAINT webhook_deliveries_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'delivered'::text, 'dead'::text])))
);
CREATE INDEX webhook_deliveries_blocked_idx ON roster.webhook_deliveries USING btree (webhook_id) WHERE ((state = 'waiting'::text) AND (next_attempt_at IS NULL));
CREATE INDEX webhook_deliveries_due_idx ON roster.webhook_deliveries USING btree (webhook_id, next_attempt_at, id) WHERE ((state = 'waiting'::text) AND (kind <> 'replay'::text) AND (next_attempt_at IS NOT NULL));
CREATE UNIQUE INDEX webhook_deliveries_once_idx ON roster.webhook_deliveries USING btree (webhook_id, event_id) WHERE (kind = 'event'::text);
CREATE INDEX webhook_deliveries_order_idx ON roster.webhook_deliveries USING btree (webhook_id, subject, xid, seq, id) WHERE ((state = 'waiting'::text) AND (kind = ANY (ARRAY['event'::text, 'replay'::text])));
CREATE INDEX webhook_deliveries_replay_due_idx ON roster.webhook_deliveries USING btree (webhook_id, next_attempt_at, id) WHERE ((state = 'waiting'::text) AND (kind = 'replay'::text) AND (next_attempt_at IS NOT NULL));
CREATE UNIQUE INDEX webhook_deliveries_replay_idx ON roster.webhook_deliveries USING btree (replay_id, event_id) WHERE (kind = 'replay'::text);
CREATE INDEX webhook_deliveries_webhook_id_idx ON roster.webhook_deliveries USING btree (webhook_id, created_at, id);
GRANT DELETE, INSERT, SELECT, UPDATE ON roster.webhook_deliveries TO roster_app;

CREATE TABLE roster.webhooks (
  id uuid NOT NULL,
  url text NOT NULL,
  event_types text[] NOT NULL,
  filter text,
  description text,
  ordered text NOT NULL,
  secret bytea NOT NULL,
  previous_secret bytea,
  previous_secret_until timestamp with time zone,
  disabled_at timestamp with time zone,
  disabled_reason text,
  failing_since timestamp with time zone,
  last_failure_at timestamp with time zone,
  failed_hours integer NOT NULL DEFAULT 0,
  last_success_at timestamp with time zone,
  since xid8 NOT NULL DEFAULT pg_snapshot_xmin(pg_current_snapshot()),
  in_front boolean NOT NULL DEFAULT false,
  created_at timestamp with time zone NOT NULL,
  created_by uuid NOT NULL,
  keeper_id uuid NOT NULL,
  deleted_at timestamp with time zone,
  version integer NOT NULL,
  CONSTRAINT webhooks_pkey PRIMARY KEY (id),
  CONSTRAINT webhooks_disabled_reason_check CHECK ((disabled_reason = ANY (ARRAY['by_hand'::text, 'failing'::text, 'gone'::text, 'keeper_gone'::text]))),
  CONSTRAINT webhooks_ordered_check CHECK ((ordered = ANY (ARRAY['none'::text, 'subject'::text])))
);
CREATE INDEX webhooks_created_at_idx ON roster.webhooks USING btree (created_at, id);
GRANT DELETE, INSERT, SELECT, UPDATE ON roster.webhooks TO roster_app;

CREATE OR REPLACE FUNCTION roster.drop_empty_sessions(before timestamp with time zone)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET lock_timeout TO '100ms'
AS $function$
  DECLARE
    month regclass;
    filled boolean;
  BEGIN
    FOR month IN
      SELECT oid FROM pg_inherits JOIN pg_class ON oid = inhrelid
      WHERE inhparent = 'roster.sessions'::regclass AND relname ~ '^sessions_\d{4}_\d{2}$'
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
  END $function$;
GRANT EXECUTE ON FUNCTION roster.drop_empty_sessions(timestamp with time zone) TO roster_app;

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
  END $function$;
GRANT EXECUTE ON FUNCTION roster.ensure_partitions(timestamp with time zone,integer) TO roster_app;

CREATE OR REPLACE FUNCTION roster.grant_application_role(application name)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
  END $function$;

CREATE OR REPLACE FUNCTION roster.new_id()
 RETURNS uuid
 LANGUAGE sql
AS $function$
        SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
          PLACING substring(int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6),
          52, 1), 53, 1), 'hex')::uuid
      $function$;
GRANT EXECUTE ON FUNCTION roster.new_id() TO roster_app;

CREATE OR REPLACE FUNCTION roster.retire_audit(through bigint, most integer)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET lock_timeout TO '2s'
AS $function$
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
        WHERE inhparent = 'roster.audit_entries'::regclass AND relname ~ '^audit_entries_\d{4}_\d{2}$'
          AND to_date(right(relname, 7), 'YYYY_MM') + interval '1 month' <= now() - interval '30 days'
        ORDER BY relname
      LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', month) INTO filled;
        CONTINUE WHEN filled;
        EXECUTE format('DROP TABLE %s', month);
      END LOOP;
    END IF;
    RETURN cardinality(gone);
  END $function$;
GRANT EXECUTE ON FUNCTION roster.retire_audit(bigint,integer) TO roster_app;

CREATE OR REPLACE FUNCTION roster.retire_events(before timestamp with time zone, most integer, OUT months integer, OUT facts integer, OUT waits_for text)
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET lock_timeout TO '100ms'
AS $function$
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
      WHERE inhparent = 'roster.events'::regclass AND relname ~ '^events_\d{4}_\d{2}$'
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
  END $function$;
GRANT EXECUTE ON FUNCTION roster.retire_events(timestamp with time zone,integer) TO roster_app;

CREATE OR REPLACE FUNCTION roster.uuid_at(at timestamp with time zone)
 RETURNS uuid
 LANGUAGE sql
 IMMUTABLE
AS $function$
    SELECT rpad(lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0'), 32, '0')::uuid
  $function$;
GRANT EXECUTE ON FUNCTION roster.uuid_at(timestamp with time zone) TO roster_app;
