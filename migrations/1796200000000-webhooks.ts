import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Other people's servers that are told of facts, and each telling. */
export class Webhooks1796200000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE roster.webhooks (
        id uuid PRIMARY KEY,
        url text NOT NULL,
        event_types text[] NOT NULL,
        filter text,
        description text,
        ordered text NOT NULL CONSTRAINT webhooks_ordered_check CHECK (ordered IN ('none', 'subject')),
        secret bytea NOT NULL,
        previous_secret bytea,
        previous_secret_until timestamptz,
        disabled_at timestamptz,
        disabled_reason text CONSTRAINT webhooks_disabled_reason_check CHECK (disabled_reason IN ('by_hand', 'failing', 'gone', 'keeper_gone')),
        failing_since timestamptz,
        last_failure_at timestamptz,
        failed_hours integer NOT NULL DEFAULT 0,
        last_success_at timestamptz,
        since xid8 NOT NULL DEFAULT pg_snapshot_xmin(pg_current_snapshot()),
        in_front boolean NOT NULL DEFAULT false,
        created_at timestamptz NOT NULL,
        created_by uuid NOT NULL,
        keeper_id uuid NOT NULL,
        deleted_at timestamptz,
        version integer NOT NULL
      );
      CREATE INDEX webhooks_created_at_idx ON roster.webhooks (created_at, id);

      CREATE TABLE roster.webhook_deliveries (
        id uuid PRIMARY KEY,
        webhook_id uuid NOT NULL,
        kind text NOT NULL CONSTRAINT webhook_deliveries_kind_check CHECK (kind IN ('event', 'replay', 'redelivery', 'test')),
        replay_id uuid,
        event_id uuid NOT NULL,
        event_type text COLLATE "C" NOT NULL,
        subject text COLLATE "C",
        xid xid8 NOT NULL,
        seq bigint NOT NULL,
        body text NOT NULL,
        state text NOT NULL CONSTRAINT webhook_deliveries_state_check CHECK (state IN ('waiting', 'delivered', 'dead')),
        attempts integer NOT NULL,
        next_attempt_at timestamptz,
        lease uuid,
        first_attempt_at timestamptz,
        last_attempt_at timestamptz,
        sent_to text,
        status integer,
        error text,
        latency_ms integer,
        answer_headers jsonb,
        answer_body text,
        tries jsonb NOT NULL,
        created_at timestamptz NOT NULL,
        CONSTRAINT webhook_deliveries_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES roster.webhooks (id) ON DELETE CASCADE
      );
      CREATE INDEX webhook_deliveries_webhook_id_idx ON roster.webhook_deliveries (webhook_id, created_at, id);
      CREATE UNIQUE INDEX webhook_deliveries_once_idx ON roster.webhook_deliveries (webhook_id, event_id) WHERE kind = 'event';
      CREATE UNIQUE INDEX webhook_deliveries_replay_idx ON roster.webhook_deliveries (replay_id, event_id) WHERE kind = 'replay';
      CREATE INDEX webhook_deliveries_due_idx ON roster.webhook_deliveries (webhook_id, next_attempt_at, id)
        WHERE state = 'waiting' AND kind <> 'replay' AND next_attempt_at IS NOT NULL;
      CREATE INDEX webhook_deliveries_replay_due_idx ON roster.webhook_deliveries (webhook_id, next_attempt_at, id)
        WHERE state = 'waiting' AND kind = 'replay' AND next_attempt_at IS NOT NULL;
      CREATE INDEX webhook_deliveries_order_idx ON roster.webhook_deliveries (webhook_id, subject, xid, seq, id)
        WHERE state = 'waiting' AND kind IN ('event', 'replay');
      CREATE INDEX webhook_deliveries_blocked_idx ON roster.webhook_deliveries (webhook_id)
        WHERE state = 'waiting' AND next_attempt_at IS NULL;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE roster.webhook_deliveries, roster.webhooks');
  }
}
