import { jest } from '@jest/globals';

import { TestApp } from '../harness/app.js';
import { unique } from '../harness/people.js';
import type { Person } from '../harness/people.js';
import { awaitMail, mailTo, otherThan } from '../mail/mailbox.js';
import type { Failure, PageOf, Shown } from '../users/shapes.js';
import { invite, newestProofs, tokenIn } from './invitees.js';
import type { Invitation } from './invitees.js';

// A hundred passwords are hashed at a time, on a machine that is busy with other tests.
jest.setTimeout(180_000);

const PASSWORD = 'seven quiet bridges over a river';
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const at = (id: string, rest = ''): string => `/api/v1/invitations/${id}${rest}`;

const WHY = { reason: 'They never saw the first' };

describe('invitations', () => {
  let app: TestApp;
  let ada: Person;

  beforeAll(async () => {
    app = await TestApp.start();
  });
  beforeEach(async () => {
    ada = await app.people.admin();
  });
  afterEach(() => app.clock.run());
  afterAll(() => app.stop());

  type Accepted = Shown & Failure;
  const accept = (proof: object, more: object = {}) =>
    app.send<Accepted>('POST', '/api/v1/auth/invitations/accept', { body: { password: PASSWORD, ...proof, ...more } });
  const login = (identifier: string) =>
    app.send<Failure>('POST', '/api/v1/auth/login', { body: { identifier, password: PASSWORD } });
  const show = async (id: string): Promise<Invitation> => (await ada.get<Invitation>(at(id))).body;

  interface Fact {
    readonly type: string;
    readonly version: number;
    readonly data: object;
    readonly private: { readonly actorId: string | null };
  }
  const factsOf = (id: string): Promise<Fact[]> =>
    app.sql<Fact>(
      `SELECT type, subject_version AS version, data, private FROM roster.events WHERE subject = $1 ORDER BY xid, seq`,
      [`invitations/${id}`],
    );
  const typesOf = async (id: string): Promise<string[]> => (await factsOf(id)).map(({ type }) => type);

  describe('are sent', () => {
    it('to somebody new, who is made: invited, with the roles that were named', async () => {
      const email = `${unique('New.')}@Example.com`;
      const { invitation } = await invite(app, ada, { email, locale: 'de', roles: ['admin', 'user'] });
      expect(invitation).toMatchObject({
        email,
        status: 'pending',
        roles: ['admin', 'user'],
        invitedBy: ada.id,
        acceptedAt: null,
        revokedAt: null,
        version: 1,
      });
      const { body: user } = await ada.get<Shown>(`/api/v1/users/${invitation.userId}`);
      expect(user).toMatchObject({ email, status: 'invited', roles: ['admin', 'user'], locale: 'de' });
      expect(Date.parse(invitation.expiresAt) - Date.parse(invitation.sentAt)).toBe(7 * DAY);
      const { id, userId, flowId } = invitation;
      expect(await factsOf(id)).toMatchObject([
        {
          type: 'invitation.sent',
          version: 1,
          data: { invitationId: id, userId, flowId },
          private: { actorId: ada.id },
        },
      ]);
      expect(await app.factsAbout(userId)).toEqual(['user.created']);
      const [mail] = await awaitMail(app, email);
      expect(mail!.subject).toBe('Sie sind eingeladen');
    });

    it('with the role "user" and in English where nothing else is said', async () => {
      const { invitation } = await invite(app, ada);
      expect(invitation.roles).toEqual(['user']);
      expect((await awaitMail(app, invitation.email))[0]!.subject).toBe('You are invited');
    });

    it('to somebody who is invited already, who stays as they are; an earlier one is revoked', async () => {
      const user = await app.people.user({ name: 'Grace' }, { invited: true });
      const first = await invite(app, ada, { email: user.email, name: 'Somebody Else', roles: [] });
      expect(first.invitation).toMatchObject({ userId: user.id, roles: ['user'] });
      const second = await ada.post<Invitation>('/api/v1/invitations', { email: user.email.toUpperCase(), name: 'X' });
      expect(second).toMatchObject({ status: 201, body: { userId: user.id, email: user.email } });
      expect((await ada.get<Shown>(`/api/v1/users/${user.id}`)).body.name).toBe('Grace');
      expect(await show(first.invitation.id)).toMatchObject({ status: 'revoked', version: 2 });
      expect(await typesOf(first.invitation.id)).toEqual(['invitation.sent', 'invitation.revoked']);
      expect((await accept({ token: first.token })).body.code).toBe('link_invalid');
      const { token } = await newestProofs(app, user.email, 2);
      expect((await accept({ token })).status).toBe(200);
    });

    it('not to somebody who has an account', async () => {
      const { email } = await app.people.user();
      const refused = await ada.post<Failure>('/api/v1/invitations', { email, name: 'X' });
      expect(refused).toMatchObject({ status: 409, body: { code: 'email_taken', errors: [{ pointer: '/email' }] } });
      expect(await mailTo(app, email)).toEqual([]);
    });

    it('with no more than the inviter holds, and to nobody who may do more', async () => {
      const eve = await app.people.withPermissions('invitations:write');
      const email = `${unique('high')}@example.com`;
      const refused = await eve.post<Failure>('/api/v1/invitations', { email, name: 'X', roles: ['admin'] });
      expect(refused).toMatchObject({ status: 403, body: { code: 'privilege_ceiling' } });
      expect(await app.sql('SELECT FROM roster.users WHERE email = $1', [email])).toEqual([]);
      const unknown = await eve.post<Failure>('/api/v1/invitations', { email, name: 'X', roles: ['nobody'] });
      expect(unknown).toMatchObject({ status: 422, body: { code: 'role_unknown' } });
      const { invitation } = await invite(app, ada, { roles: ['admin'] });
      for (const deed of [
        eve.post<Failure>('/api/v1/invitations', { email: invitation.email, name: 'X' }),
        eve.post<Failure>(at(invitation.id, '/resend'), WHY),
        eve.delete<Failure>(at(invitation.id)),
      ])
        expect(await deed).toMatchObject({ status: 403, body: { code: 'privilege_ceiling' } });
      expect(await typesOf(invitation.id)).toEqual(['invitation.sent']);
    });

    it('by one of many who invite the same address at once', async () => {
      const email = `${unique('race')}@example.com`;
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => ada.post<Invitation & Failure>('/api/v1/invitations', { email, name: 'R' })),
      );
      const statuses = new Set(answers.map(({ status, body }) => `${status} ${body.code ?? ''}`.trim()));
      expect([...statuses].filter((each) => each !== '201' && each !== '409 email_taken')).toEqual([]);
      const open = await app.sql(
        'SELECT FROM roster.invitations WHERE email = $1 AND accepted_at IS NULL AND revoked_at IS NULL',
        [email],
      );
      expect(open).toHaveLength(1);
    });

    it('keep neither the token nor the code', async () => {
      const { invitation, token, code } = await invite(app, ada);
      const [row] = await app.sql<{ text: string }>(
        'SELECT f::text || i::text AS text FROM roster.flows f JOIN roster.invitations i ON i.flow_id = f.id WHERE i.id = $1',
        [invitation.id],
      );
      expect(row!.text).not.toContain(token);
      expect(row!.text.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '')).not.toMatch(new RegExp(`\\b${code}\\b`));
    });
  });

  it.each([
    ['open', 201],
    ['invite', 201],
    ['closed', 403],
  ])('where REGISTRATION is %s, inviting answers %i', async (REGISTRATION, status) => {
    const other = await TestApp.start({ settings: { REGISTRATION } });
    try {
      const admin = await other.people.admin();
      const body = { email: `${unique('mode')}@example.com`, name: 'Grace' };
      const answer = await admin.post<Failure>('/api/v1/invitations', body);
      expect([answer.status, answer.body.code]).toEqual([status, status === 403 ? 'registration_closed' : undefined]);
    } finally {
      await other.stop();
    }
  });

  describe('are accepted', () => {
    it.each(['token', 'code'])(
      'with the %s of the mail: the account is active, and the address proved',
      async (how) => {
        const { invitation, token, code } = await invite(app, ada);
        const { email, userId } = invitation;
        expect((await login(email)).status).toBe(401);
        const accepted = await accept(how === 'token' ? { token } : { flowId: invitation.flowId.toUpperCase(), code });
        expect(accepted).toMatchObject({
          status: 200,
          body: { id: userId, email, emailVerified: true, status: 'active', name: 'Grace Hopper', version: 2 },
        });
        expect((await login(email)).status).toBe(200);
        const after = await show(invitation.id);
        expect(after).toMatchObject({ status: 'accepted', version: 2, acceptedAt: expect.any(String) as string });
        const facts = ['user.created', 'sign_in.refused', 'user.activated', 'password.changed'];
        expect((await app.factsAbout(userId)).slice(0, 4)).toEqual(facts);
        expect((await factsOf(invitation.id)).at(-1)).toMatchObject({
          type: 'invitation.accepted',
          version: 2,
          data: { invitationId: invitation.id, userId },
          private: { actorId: userId },
        });
      },
    );

    it('under another name, if they want one', async () => {
      const { token } = await invite(app, ada);
      expect((await accept({ token }, { name: 'Grace Brewster Hopper' })).body.name).toBe('Grace Brewster Hopper');
    });

    it('S13 once', async () => {
      const { invitation, token, code } = await invite(app, ada);
      expect((await accept({ token })).status).toBe(200);
      expect(await accept({ token })).toMatchObject({ status: 422, body: { code: 'link_invalid' } });
      const again = await accept({ flowId: invitation.flowId, code });
      expect(again).toMatchObject({ status: 422, body: { code: 'code_invalid' } });
    });

    it('S13 by one of a hundred at once', async () => {
      const { invitation, token } = await invite(app, ada);
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, n) => accept({ token }, { name: `Number ${n}` })),
      );
      const made = answers.filter(({ status }) => status === 200);
      // Whoever waits too long for the hashing is told to come again, and finds the link used.
      const told = ['link_invalid', 'too_many_sign_ins', 'service_unavailable'];
      const strange = answers.filter(({ status, body }) => status !== 200 && !told.includes(body.code));
      expect([made.length, strange.map(({ text }) => text)]).toEqual([1, []]);
      const accepted = (await typesOf(invitation.id)).filter((type) => type === 'invitation.accepted');
      expect(accepted).toHaveLength(1);
      expect(await show(invitation.id)).toMatchObject({ status: 'accepted', version: 2 });
      expect((await accept({ token })).body.code).toBe('link_invalid');
    });

    it('S13 by a code five times tried at most, for ten minutes', async () => {
      const { invitation, code } = await invite(app, ada);
      const { flowId } = invitation;
      for (let tries = 0; tries < 5; tries += 1)
        expect((await accept({ flowId, code: otherThan(code) })).body.code).toBe('code_invalid');
      expect((await accept({ flowId, code })).body.code).toBe('code_invalid');
      const late = await invite(app, ada);
      app.clock.advance(10 * MINUTE + 1);
      expect((await accept({ flowId: late.invitation.flowId, code: late.code })).body.code).toBe('code_invalid');
      expect((await accept({ token: late.token })).status).toBe(200);
    });

    it('S4 not with a password that the policy refuses: the link stays good', async () => {
      const { invitation, token } = await invite(app, ada);
      for (const password of ['short', 'passwordpassword', invitation.email]) {
        const refused = await accept({ token }, { password });
        expect([refused.status, refused.body.errors?.[0]?.pointer]).toEqual([422, '/password']);
      }
      expect((await accept({ token })).status).toBe(200);
    });

    it('not before they are proved: neither both proofs, nor half of one, nor one of something else', async () => {
      const { invitation, token, code } = await invite(app, ada);
      const { flowId } = invitation;
      for (const proof of [{}, { token, flowId, code }, { flowId }, { code }, { token, code }])
        expect(await accept(proof)).toMatchObject({ status: 422, body: { code: 'validation_failed' } });
      expect((await accept({ token: `${token.slice(0, -1)}_` })).body.code).toBe('link_invalid');
      const other = await invite(app, ada);
      if (other.code !== code) expect((await accept({ flowId, code: other.code })).body.code).toBe('code_invalid');
      expect((await accept({ token })).status).toBe(200);
    });

    it('S28 by nothing that merely follows the link', async () => {
      const { invitation, token } = await invite(app, ada);
      const paths = [`/account/accept-invitation?token=${token}`, `/api/v1/auth/invitations/accept?token=${token}`];
      for (const path of paths)
        for (const method of ['GET', 'HEAD', 'OPTIONS'])
          expect((await app.send(method, path)).status).not.toBeGreaterThanOrEqual(500);
      expect(await show(invitation.id)).toMatchObject({ status: 'pending', version: 1 });
      expect((await accept({ token })).status).toBe(200);
    });

    it('not by somebody who was suspended, but once that is over', async () => {
      const { invitation, token } = await invite(app, ada);
      const suspension = `/api/v1/users/${invitation.userId}/suspension`;
      await ada.put(suspension, { reason: 'wait' });
      expect(await accept({ token })).toMatchObject({ status: 403, body: { code: 'account_suspended' } });
      await ada.delete(suspension);
      expect((await accept({ token })).status).toBe(200);
    });

    it('not by somebody who was deleted, nor at an address that is no longer theirs', async () => {
      const gone = await invite(app, ada);
      await ada.delete(`/api/v1/users/${gone.invitation.userId}`);
      expect((await accept({ token: gone.token })).body.code).toBe('link_invalid');
      for (const deed of [
        ada.post<Failure>(at(gone.invitation.id, '/resend'), WHY),
        ada.delete<Failure>(at(gone.invitation.id)),
      ])
        expect(await deed).toMatchObject({ status: 404, body: { code: 'user_not_found' } });
      const moved = await invite(app, ada);
      await ada.patch(`/api/v1/users/${moved.invitation.userId}`, { email: `${unique('moved')}@example.com` });
      expect((await accept({ token: moved.token })).body.code).toBe('link_invalid');
    });

    it('in seven days, not later; then they are expired, which is another version', async () => {
      app.clock.stand();
      const inTime = await invite(app, ada);
      const late = await invite(app, ada);
      app.clock.advance(7 * DAY - 5000);
      ada = await app.people.admin();
      expect(await show(late.invitation.id)).toMatchObject({ status: 'pending', version: 1 });
      expect((await accept({ token: inTime.token })).status).toBe(200);
      app.clock.advance(6000);
      expect((await accept({ token: late.token })).body.code).toBe('link_invalid');
      const expired = await ada.get<Invitation>(at(late.invitation.id), { 'if-none-match': '"1.json"' });
      expect([expired.status, expired.headers.etag, expired.body.status]).toEqual([200, '"2.json"', 'expired']);
      expect((await ada.post<Invitation>(at(late.invitation.id, '/resend'), WHY)).body).toMatchObject({
        status: 'pending',
        version: 3,
      });
    });
  });

  describe('are mailed once more', () => {
    it('with a newer link; the old one is dead', async () => {
      const { invitation, token: old, code: oldCode } = await invite(app, ada);
      app.clock.advance(MINUTE);
      ada = await app.people.admin();
      const again = await ada.post<Invitation>(at(invitation.id, '/resend'), WHY);
      expect(again).toMatchObject({ status: 200, body: { id: invitation.id, status: 'pending', version: 2 } });
      expect(again.body.flowId).not.toBe(invitation.flowId);
      expect(again.body.expiresAt > invitation.expiresAt).toBe(true);
      expect(again.body.createdAt).toBe(invitation.createdAt);
      const { token } = await newestProofs(app, invitation.email, 2);
      expect((await accept({ token: old })).body.code).toBe('link_invalid');
      expect((await accept({ flowId: invitation.flowId, code: oldCode })).body.code).toBe('code_invalid');
      expect((await accept({ token })).status).toBe(200);
      expect(await typesOf(invitation.id)).toEqual(['invitation.sent', 'invitation.resent', 'invitation.accepted']);
    });

    it('to the address that they have by now', async () => {
      const { invitation, token: old } = await invite(app, ada);
      const email = `${unique('by.now')}@example.com`;
      await ada.patch(`/api/v1/users/${invitation.userId}`, { email });
      expect((await ada.post<Invitation>(at(invitation.id, '/resend'), WHY)).body).toMatchObject({ email });
      const [mail] = await awaitMail(app, email);
      expect((await accept({ token: old })).body.code).toBe('link_invalid');
      expect((await accept({ token: tokenIn(mail!) })).body).toMatchObject({ email, status: 'active' });
    });

    it('not when they are over', async () => {
      const accepted = await invite(app, ada);
      await accept({ token: accepted.token });
      const revoked = await invite(app, ada);
      await ada.delete(at(revoked.invitation.id));
      for (const { invitation } of [accepted, revoked]) {
        const refused = await ada.post<Failure>(at(invitation.id, '/resend'), WHY);
        expect(refused).toMatchObject({ status: 409, body: { code: 'invitation_over' } });
        expect(await awaitMail(app, invitation.email)).toHaveLength(1);
      }
    });
  });

  describe('are revoked', () => {
    it('once: the link is dead, the user stays', async () => {
      const { invitation, token, code } = await invite(app, ada);
      const { id, userId, flowId } = invitation;
      for (let times = 0; times < 2; times += 1) expect((await ada.delete(at(id))).status).toBe(204);
      expect(await show(id)).toMatchObject({ status: 'revoked', version: 2, revokedAt: expect.any(String) as string });
      expect((await accept({ token })).body.code).toBe('link_invalid');
      expect((await accept({ flowId, code })).body.code).toBe('code_invalid');
      expect((await ada.get<Shown>(`/api/v1/users/${userId}`)).body.status).toBe('invited');
      expect(await typesOf(id)).toEqual(['invitation.sent', 'invitation.revoked']);
    });

    it('not when they were accepted, nor by whoever saw another version', async () => {
      const { invitation, token } = await invite(app, ada);
      const stale = await ada.delete<Failure>(at(invitation.id), { 'if-match': '"2.json"' });
      expect(stale).toMatchObject({ status: 412, body: { code: 'precondition_failed' } });
      await accept({ token });
      const refused = await ada.delete<Failure>(at(invitation.id));
      expect(refused).toMatchObject({ status: 409, body: { code: 'invitation_over' } });
    });

    it('or accepted, never both, when both are tried at once', async () => {
      for (let round = 0; round < 10; round += 1) {
        const { invitation, token } = await invite(app, ada);
        const [accepted, revoked] = await Promise.all([accept({ token }), ada.delete(at(invitation.id))]);
        const { status } = await show(invitation.id);
        expect([accepted.status, revoked.status, status]).toEqual(
          accepted.status === 200 ? [200, 409, 'accepted'] : [422, 204, 'revoked'],
        );
      }
    });
  });

  describe('are listed', () => {
    const list = async (query: Record<string, string>): Promise<PageOf<Invitation>> => {
      const answer = await ada.get<PageOf<Invitation>>(`/api/v1/invitations?${new URLSearchParams(query).toString()}`);
      expect(answer).toMatchObject({ status: 200 });
      return answer.body;
    };

    it('by status, by address and by day, each page after the other, both ways', async () => {
      const mark = unique('list');
      const address = (n: number): string => `${mark}.${n}@example.com`;
      const made: Invitation[] = [];
      for (let n = 0; n < 4; n += 1) made.push((await invite(app, ada, { email: address(n) })).invitation);
      await accept({ token: (await newestProofs(app, address(0))).token });
      await ada.delete(at(made[1]!.id));
      const mine = `email sw "${mark}"`;
      for (const [status, which] of [
        ['accepted', [0]],
        ['revoked', [1]],
        ['pending', [2, 3]],
        ['expired', []],
      ] as const) {
        const { data } = await list({ filter: `${mine} and status eq "${status}"`, sort: 'email' });
        expect([status, data.map(({ email }) => email)]).toEqual([status, which.map(address)]);
      }
      const notPending = await list({ filter: `${mine} and status ne "pending"`, sort: '-email', count: 'exact' });
      expect(notPending.data.map(({ email }) => email)).toEqual([address(1), address(0)]);
      expect(notPending.page).toMatchObject({ total: 2, totalIsEstimate: false });
      for (const sort of ['createdAt', 'email']) {
        const first = await list({ filter: mine, sort, limit: '3' });
        const second = await list({ filter: mine, sort, limit: '3', cursor: first.page.nextCursor! });
        expect([...first.data, ...second.data].map(({ id }) => id)).toEqual(made.map(({ id }) => id));
        const back = await list({ filter: mine, sort: `-${sort}` });
        expect(back.data.map(({ id }) => id)).toEqual(made.map(({ id }) => id).reverse());
      }
      const third = made[2]!.createdAt;
      const since = await list({ filter: `${mine} and createdAt ge "${third}"`, sort: 'createdAt', fields: 'email' });
      expect(since.data).toEqual([2, 3].map((n) => ({ id: made[n]!.id, email: address(n) })));
      app.clock.advance(8 * DAY);
      ada = await app.people.admin();
      const expired = await list({ filter: `email co "${mark}" and status eq "expired"`, sort: 'email' });
      expect(expired.data.map(({ email, status }) => [email, status])).toEqual([
        [address(2), 'expired'],
        [address(3), 'expired'],
      ]);
      const whole = await list({ filter: `email eq "${address(3).toUpperCase()}"` });
      expect(whole.data.map(({ id }) => id)).toEqual([made[3]!.id]);
    });
  });

  it('are nobody’s business without the permission', async () => {
    const { invitation } = await invite(app, ada);
    const reader = await app.people.withPermissions('invitations:read');
    const nobody = await app.people.person();
    expect((await reader.get(at(invitation.id))).status).toBe(200);
    for (const refused of [
      await nobody.get<Failure>('/api/v1/invitations'),
      await nobody.get<Failure>(at(invitation.id)),
      await reader.post<Failure>(at(invitation.id, '/resend'), WHY),
      await reader.delete<Failure>(at(invitation.id)),
    ])
      expect(refused).toMatchObject({ status: 403, body: { code: 'permission_denied' } });
    const unknown = await ada.get<Failure>(at('01a1fb89-a690-7530-90c7-ac334b01292e'));
    expect(unknown).toMatchObject({ status: 404, body: { code: 'invitation_not_found' } });
  });
});
