import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What people prove themselves by beside a password, and the devices that they need not do it on. */
export class Factors1795400000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const deed of [factors, recoveryCodes, trustedDevices, challenges]) await runner.query(deed);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE roster.webauthn_challenges, roster.trusted_devices, roster.recovery_codes,
      roster.totp_tries, roster.factors`);
  }
}

const factors = `
  CREATE TABLE roster.factors (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('totp', 'passkey')),
    name text NOT NULL,
    secret bytea,
    last_step bigint,
    credential_id bytea,
    public_key bytea,
    counter bigint,
    transports text[],
    backed_up boolean,
    aaguid uuid,
    created_at timestamptz NOT NULL,
    confirmed_at timestamptz,
    last_used_at timestamptz,
    version integer NOT NULL,
    CONSTRAINT factors_user_id_fkey FOREIGN KEY (user_id) REFERENCES roster.users (id) ON DELETE CASCADE
  );
  CREATE INDEX factors_user_id_idx ON roster.factors (user_id);
  CREATE UNIQUE INDEX factors_credential_id_idx ON roster.factors (credential_id);
  CREATE TABLE roster.totp_tries (
    user_id uuid PRIMARY KEY,
    tries integer NOT NULL,
    blocked_until timestamptz,
    CONSTRAINT totp_tries_user_id_fkey FOREIGN KEY (user_id) REFERENCES roster.users (id) ON DELETE CASCADE
  );
`;

const recoveryCodes = `
  CREATE TABLE roster.recovery_codes (
    user_id uuid NOT NULL,
    hash bytea NOT NULL,
    created_at timestamptz NOT NULL,
    used_at timestamptz,
    PRIMARY KEY (user_id, hash),
    CONSTRAINT recovery_codes_user_id_fkey FOREIGN KEY (user_id) REFERENCES roster.users (id) ON DELETE CASCADE
  );
`;

const trustedDevices = `
  CREATE TABLE roster.trusted_devices (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL,
    token_hash bytea NOT NULL,
    name text NOT NULL,
    ip inet,
    user_agent text,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    last_used_at timestamptz,
    CONSTRAINT trusted_devices_user_id_fkey FOREIGN KEY (user_id) REFERENCES roster.users (id) ON DELETE CASCADE
  );
  CREATE INDEX trusted_devices_user_id_idx ON roster.trusted_devices (user_id);
  CREATE UNIQUE INDEX trusted_devices_token_hash_idx ON roster.trusted_devices (token_hash);
  CREATE INDEX trusted_devices_expires_at_idx ON roster.trusted_devices (expires_at);
`;

/** A challenge of a sign-in is made before anybody knows whose it will be. */
const challenges = `
  CREATE TABLE roster.webauthn_challenges (
    id uuid PRIMARY KEY,
    user_id uuid,
    purpose text NOT NULL CHECK (purpose IN ('register', 'sign_in', 'verify')),
    challenge bytea NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    CONSTRAINT webauthn_challenges_user_id_fkey FOREIGN KEY (user_id) REFERENCES roster.users (id) ON DELETE CASCADE
  );
  CREATE INDEX webauthn_challenges_user_id_idx ON roster.webauthn_challenges (user_id);
  CREATE INDEX webauthn_challenges_expires_at_idx ON roster.webauthn_challenges (expires_at);
`;
