import { Sessions } from '../../src/sessions/index.js';
import type { DatabaseAddress } from '../../src/platform/database/address.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import type { Person } from '../harness/people.js';

interface Tokens {
  accessToken: string;
  refreshToken: string;
  expiresIn: number;
  code: string;
}

const GRACE = 30_000;
const DAY = 24 * 3_600_000;

describe('refresh tokens', () => {
  let address: DatabaseAddress;
  let app: TestApp;
  let other: TestApp;
  let ada: Person;

  beforeAll(async () => {
    address = await freshDatabase('refresh_tokens');
    [app, other] = [await TestApp.start({ database: address }), await TestApp.start({ database: address })];
  });
  afterAll(async () => {
    await app.stop();
    await other.stop();
  });
  beforeEach(async () => {
    ada = await app.people.person();
  });
  afterEach(() => {
    for (const { clock } of [app, other]) clock.run();
  });

  /** Both processes have the same time. */
  function advance(milliseconds: number): void {
    for (const { clock } of [app, other]) clock.advance(milliseconds);
  }
  /** No time passes but what is said to. */
  function stand(): void {
    for (const { clock } of [app, other]) clock.stand();
  }
  const refresh = (refreshToken: string, at = app) =>
    at.send<Tokens>('POST', '/api/v1/auth/refresh', { body: { refreshToken } });
  async function successorOf(refreshToken: string, at = app): Promise<string> {
    const { status, body } = await refresh(refreshToken, at);
    expect(status).toBe(200);
    return body.refreshToken;
  }
  async function expectRefused(refreshToken: string, at = app): Promise<void> {
    expect(await refresh(refreshToken, at)).toMatchObject({ status: 401, body: { code: 'refresh_token_invalid' } });
  }
  const facts = async (sessionId = ada.sessionId): Promise<string[]> =>
    (
      await app.sql<{ type: string }>('SELECT type FROM roster.events WHERE subject = $1 ORDER BY xid, seq', [
        `sessions/${sessionId}`,
      ])
    ).map(({ type }) => type);
  const tokensOf = (sessionId: string) =>
    app.sql<{ successor: Buffer | null }>('SELECT successor FROM roster.refresh_tokens WHERE session_id = $1', [
      sessionId,
    ]);

  it('S24 A1 gives a hundred tabs at two processes the same successor, which is one token', async () => {
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, tab) => refresh(ada.refreshToken, tab % 2 ? app : other)),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(new Set(answers.map(({ body }) => body.refreshToken)).size).toBe(1);
    expect(answers[0]!.body.refreshToken).not.toBe(ada.refreshToken);
    expect(await tokensOf(ada.sessionId)).toHaveLength(2);
    expect(await facts()).toEqual(['session.started']);
    const [{ body: first }, { body: second }] = [answers[0]!, answers[1]!];
    for (const { accessToken } of [first, second])
      expect((await app.send('GET', '/api/v1/me', { token: accessToken })).status).toBe(200);
  });

  it('S24 gives the successor again until the grace is over, also when the successor was used meanwhile', async () => {
    stand();
    const successor = await successorOf(ada.refreshToken);
    advance(GRACE - 10_000);
    const next = await successorOf(successor);
    expect(await successorOf(ada.refreshToken, other)).toBe(successor);
    advance(9000);
    expect(await successorOf(ada.refreshToken)).toBe(successor);
    expect(await successorOf(successor)).toBe(next);
    expect(await facts()).toEqual(['session.started']);
  });

  it('S24 A1 takes whoever comes after the grace for a thief: the family ends, and that is recorded once', async () => {
    const successor = await successorOf(ada.refreshToken);
    advance(GRACE + 1000);
    await Promise.all(Array.from({ length: 20 }, (_, at) => expectRefused(ada.refreshToken, at % 2 ? app : other)));
    await expectRefused(successor);
    expect(await app.send('GET', '/api/v1/me', { token: ada.token })).toMatchObject({
      status: 401,
      body: { code: 'token_revoked' },
    });
    expect(await facts()).toEqual(['session.started', 'session.ended', 'session.refresh_token_reused']);
    const [{ data }] = (await app.sql<{ data: object }>(
      "SELECT data FROM roster.events WHERE type = 'session.refresh_token_reused' AND subject = $1",
      [`sessions/${ada.sessionId}`],
    )) as [{ data: object }];
    expect(data).toEqual({ sessionId: ada.sessionId, userId: ada.id });
  });

  it('S24 records one reuse when several old tokens of a family come at the same time', async () => {
    const old = [ada.refreshToken];
    for (let age = 1; age < 10; age += 1) old.push(await successorOf(old.at(-1)!));
    advance(GRACE + 1000);
    await Promise.all(old.slice(0, -1).map((token, at) => expectRefused(token, at % 2 ? app : other)));
    expect(await facts()).toEqual(['session.started', 'session.ended', 'session.refresh_token_reused']);
  });

  it('S24 ends the family also after the grace of the successor', async () => {
    const second = await successorOf(ada.refreshToken);
    advance(GRACE - 1000);
    const third = await successorOf(second);
    advance(GRACE + 1000);
    await expectRefused(second);
    await expectRefused(third);
    expect(await facts()).toContain('session.refresh_token_reused');
  });

  it('S24 A2 remembers after a restart', async () => {
    const before = await TestApp.start({ database: address });
    const successor = await successorOf(ada.refreshToken, before);
    await before.stop();
    const after = await TestApp.start({ database: address });
    after.clock.advance(app.clock.millis() - Date.now() + GRACE + 1000);
    await expectRefused(ada.refreshToken, after);
    await expectRefused(successor, after);
    expect(await facts()).toContain('session.refresh_token_reused');
    await after.stop();
  });

  it('S24 wipes the successor after the grace; the token is refused as before, and the family ends', async () => {
    const successor = await successorOf(ada.refreshToken);
    const kept = (await tokensOf(ada.sessionId)).filter((token) => token.successor !== null);
    expect(kept).toHaveLength(1);
    expect(kept[0]!.successor!.toString('latin1')).not.toContain(successor);
    await app.get(Sessions).wipeSuccessors();
    expect((await tokensOf(ada.sessionId)).filter((token) => token.successor !== null)).toHaveLength(1);
    advance(2 * GRACE + 1000);
    await app.get(Sessions).wipeSuccessors();
    expect((await tokensOf(ada.sessionId)).filter((token) => token.successor !== null)).toEqual([]);
    await expectRefused(ada.refreshToken);
    await expectRefused(successor);
    expect(await facts()).toContain('session.refresh_token_reused');
  });

  it('S24 ends the family also when a used token comes after it has expired', async () => {
    await successorOf(await successorOf(ada.refreshToken));
    advance(15 * DAY);
    const alive = await app.sql('SELECT id FROM roster.sessions WHERE id = $1 AND ended_at IS NULL', [ada.sessionId]);
    expect(alive).toHaveLength(1);
    await expectRefused(ada.refreshToken);
    expect(await facts()).toContain('session.refresh_token_reused');
  });

  it('S21 ends a session that nobody refreshes for 14 days', async () => {
    stand();
    const successor = await successorOf(ada.refreshToken);
    advance(14 * DAY - 1000);
    const next = await successorOf(successor);
    advance(14 * DAY);
    await expectRefused(next);
    expect(await facts()).toEqual(['session.started']);
  });

  it('S21 S25 ends a session after 30 days, however often it is refreshed, and its last token with it', async () => {
    let token = ada.refreshToken;
    for (let day = 1; day < 30; day += 1) {
      advance(DAY);
      token = await successorOf(token);
    }
    advance(DAY - 60_000);
    const last = await refresh(token);
    expect(last.status).toBe(200);
    expect(last.body.expiresIn).toBeGreaterThan(30);
    expect(last.body.expiresIn).toBeLessThanOrEqual(60);
    expect((await app.send('GET', '/api/v1/me', { token: last.body.accessToken })).status).toBe(200);
    advance(60_000);
    expect(await app.send('GET', '/api/v1/me', { token: last.body.accessToken })).toMatchObject({
      status: 401,
      body: { code: 'token_expired' },
    });
    await expectRefused(last.body.refreshToken);
  });

  it.each([
    ['suspended', (admin: Person) => admin.put(`/api/v1/users/${ada.id}/suspension`, { reason: 'left' })],
    ['deleted', (admin: Person) => admin.delete(`/api/v1/users/${ada.id}`)],
  ])('S20 refuses the refresh token of whoever was %s', async (_what, act) => {
    expect((await act(await app.people.admin())).status).toBeLessThan(300);
    await expectRefused(ada.refreshToken, other);
  });

  it('S19 refuses an expired access token at sign-out, but takes its successor', async () => {
    advance(601_000);
    const logout = (token: string) => app.send<{ code: string }>('POST', '/api/v1/auth/logout', { token });
    expect(await logout(ada.token)).toMatchObject({ status: 401, body: { code: 'token_expired' } });
    const { body } = await refresh(ada.refreshToken);
    expect((await logout(body.accessToken)).status).toBe(204);
    await expectRefused(body.refreshToken);
  });
});
