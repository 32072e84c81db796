import { randomUUID } from 'node:crypto';

import { invite } from '../auth/invitees.js';
import { TestApp } from '../harness/app.js';
import { PASSWORD, unique } from '../harness/people.js';
import { awaitMail, codeIn, tokenIn } from '../mail/mailbox.js';

interface Begun {
  readonly flowId: string;
  readonly code: string;
  readonly token: string;
}

const NEXT = 'seven quiet bridges over a river';

/** The doors at which something that was begun is ended, and what each wants beside the proof. */
const DOORS: Readonly<Record<string, object>> = {
  'email/verify': {},
  'password/reset': { password: NEXT },
  'magic-link/consume': {},
  'invitations/accept': { password: NEXT },
};

describe('A4 steps', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await TestApp.start();
  });
  afterAll(() => app.stop());

  const end = (door: string, proof: object) =>
    app.send<{ code?: string }>('POST', `/api/v1/auth/${door}`, { body: { ...DOORS[door], ...proof } });

  async function begin(door: string, email: string, body: object = {}): Promise<Begun> {
    const answer = await app.send<{ flowId: string }>('POST', `/api/v1/auth/${door}`, { body: { email, ...body } });
    const [mail] = await awaitMail(app, email);
    return { flowId: answer.body.flowId, code: codeIn(mail!), token: tokenIn(mail!) };
  }

  /** What may be begun, and the one door that ends it. */
  const BEGINNINGS: [string, string, () => Promise<Begun>][] = [
    [
      'a registration',
      'email/verify',
      () => begin('register', `${unique('new')}@example.com`, { password: PASSWORD, name: 'Grace Hopper' }),
    ],
    ['a reset', 'password/reset', async () => begin('password/forgot', (await app.people.user()).email)],
    ['a magic link', 'magic-link/consume', async () => begin('magic-link', (await app.people.user()).email)],
    [
      'a change of the address',
      'email/verify',
      async () => {
        const [person, email] = [await app.people.person(), `${unique('new')}@example.com`];
        const { body } = await person.post<{ flowId: string }>('/api/v1/me/email', { email });
        const [mail] = await awaitMail(app, email);
        return { flowId: body.flowId, code: codeIn(mail!), token: tokenIn(mail!) };
      },
    ],
    [
      'an invitation',
      'invitations/accept',
      async () => {
        const { invitation, code, token } = await invite(app, await app.people.admin());
        return { flowId: invitation.flowId, code, token };
      },
    ],
  ];

  it.each(BEGINNINGS)(
    'of %s are ended at their own door and at no other, and are good for it still',
    async (...row) => {
      const [, own, make] = row;
      const { flowId, code, token } = await make();
      for (const door of Object.keys(DOORS).filter((other) => other !== own)) {
        expect(await end(door, { token })).toMatchObject({ status: 422, body: { code: 'link_invalid' } });
        expect(await end(door, { flowId, code })).toMatchObject({ status: 422, body: { code: 'code_invalid' } });
      }
      expect((await end(own, { flowId, code })).status).toBeLessThan(300);
    },
  );

  it.each(BEGINNINGS)('of %s do not take what another one was sent', async (_what, own, make) => {
    const [mine, theirs] = [await make(), await make()];
    const proof = { flowId: theirs.flowId, code: mine.code };
    // One pair in a million has the same code, and says nothing.
    if (mine.code !== theirs.code) expect((await end(own, proof)).body.code).toBe('code_invalid');
    expect((await end(own, { flowId: theirs.flowId, code: theirs.code })).status).toBeLessThan(300);
  });

  it.each(Object.keys(DOORS))('that were never begun are not ended at %s', async (door) => {
    expect((await end(door, { flowId: randomUUID(), code: '123456' })).body.code).toBe('code_invalid');
    expect((await end(door, { token: 'a'.repeat(43) })).body.code).toBe('link_invalid');
    expect((await end(door, {})).status).toBe(422);
  });
});
