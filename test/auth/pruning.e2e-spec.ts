import { EndedCredentials } from '../../src/auth/ended-credentials.service.js';
import { Keys } from '../../src/keys/index.js';
import { SessionsPruning } from '../../src/sessions/sessions-pruning.service.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import type { Person } from '../harness/people.js';

const DAY = 24 * 3_600_000;

/** Regressed: sessions and refresh tokens stayed for ever. */
describe('sessions that are over', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await TestApp.start({
      database: await freshDatabase(`pruning_${process.env['JEST_WORKER_ID']}`),
    });
  });
  afterAll(() => app.stop());

  const refresh = (refreshToken: string) =>
    app.send<{ refreshToken: string; code: string }>('POST', '/api/v1/auth/refresh', { body: { refreshToken } });
  const kept = async ({ sessionId }: Person): Promise<{ sessions: number; tokens: number }> => {
    const [row] = await app.sql<{ sessions: number; tokens: number }>(
      `SELECT (SELECT count(*)::int FROM roster.sessions WHERE id = $1) AS sessions,
         (SELECT count(*)::int FROM roster.refresh_tokens WHERE session_id = $1) AS tokens`,
      [sessionId],
    );
    return row!;
  };

  it('lose their refresh tokens, and go after SESSIONS_RETENTION; those that go on lose nothing', async () => {
    const [ended, open, left] = [await app.people.person(), await app.people.person(), await app.people.person()];
    expect((await refresh(open.refreshToken)).status).toBe(200);
    await ended.post('/api/v1/auth/logout');
    await app.get(SessionsPruning).prune();
    expect(await kept(ended)).toEqual({ sessions: 1, tokens: 0 });
    expect(await kept(open)).toEqual({ sessions: 1, tokens: 2 });
    expect(await kept(left)).toEqual({ sessions: 1, tokens: 1 });
    expect((await refresh(ended.refreshToken)).body.code).toBe('refresh_token_invalid');
    // S24: a used one is known as long as its session goes on, and shows that it was stolen.
    app.clock.advance(DAY);
    await app.get(SessionsPruning).prune();
    expect((await refresh(open.refreshToken)).status).toBe(401);
    expect(await app.sql('SELECT ended_because FROM roster.sessions WHERE id = $1', [open.sessionId])).toEqual([
      { ended_because: 'refresh_reused' },
    ]);
    app.clock.advance(90 * DAY);
    await app.get(SessionsPruning).prune();
    expect(await kept(ended)).toEqual({ sessions: 0, tokens: 0 });
    // It was not ended, but had its time; it has been over for sixty days.
    expect(await kept(left)).toEqual({ sessions: 1, tokens: 0 });
    app.clock.advance(30 * DAY);
    await app.get(SessionsPruning).prune();
    expect(await kept(left)).toEqual({ sessions: 0, tokens: 0 });
  });
});

/** Regressed: each rotation, revocation and invitation left a row for ever. */
describe('keys and invitations that are over', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await TestApp.start({
      database: await freshDatabase(`pruned_keys_${process.env['JEST_WORKER_ID']}`),
    });
  });
  afterAll(() => app.stop());

  it('go after CREDENTIALS_RETENTION, and those that are good stay', async () => {
    const ada = await app.people.admin();
    const made = async (path: string, body: object): Promise<string> => {
      const { status, body: answer } = await ada.post<{ id: string }>(path, body);
      expect(status).toBe(201);
      return answer.id;
    };
    const key = (name: string): Promise<string> => made('/api/v1/me/tokens', { name, scopes: ['me'] });
    const invitation = (name: string): Promise<string> =>
      made('/api/v1/invitations', { email: `${name}@pruned.example`, name });
    const [revoked, good, withdrawn, open] = [
      await key('revoked'),
      await key('good'),
      await invitation('withdrawn'),
      await invitation('open'),
    ];
    expect((await ada.delete(`/api/v1/me/tokens/${revoked}`)).status).toBe(204);
    expect((await ada.delete(`/api/v1/invitations/${withdrawn}`)).status).toBe(204);
    await app.get(Keys).rotate();
    await app.sql(`UPDATE roster.api_keys SET expires_at = NULL WHERE id = $1`, [good]);
    const there = async (): Promise<unknown> => ({
      keys: (await app.sql<{ id: string }>('SELECT id FROM roster.api_keys ORDER BY id')).map(({ id }) => id),
      invitations: (await app.sql<{ id: string }>('SELECT id FROM roster.invitations ORDER BY id')).map(({ id }) => id),
      states: (await app.sql<{ state: string }>('SELECT state FROM roster.signing_keys ORDER BY 1')).map(
        ({ state }) => state,
      ),
    });
    app.clock.advance(364 * DAY);
    await app.get(EndedCredentials).prune();
    const all = { keys: [revoked, good], invitations: [withdrawn, open], states: ['active', 'next', 'retired'] };
    expect(await there()).toEqual(all);
    app.clock.advance(2 * DAY);
    await app.get(EndedCredentials).prune();
    expect(await there()).toEqual({ keys: [good], invitations: [open], states: ['active', 'next'] });
  });
});
