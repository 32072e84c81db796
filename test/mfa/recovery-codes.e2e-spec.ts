import { Mfa } from '../../src/mfa/index.js';
import type { MfaProof } from '../../src/mfa/index.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import type { Person } from '../harness/people.js';
import { unhurried } from '../jobs/awaited.js';
import { awaitWords } from '../mail/mailbox.js';
import type { Failure } from '../users/shapes.js';
import { confirmApp } from './enrolment.js';
import { factOf, newFactsAbout } from './shapes.js';

const CODES = '/api/v1/me/mfa/recovery-codes';
const MINUTE = 60_000;
const RECOVERED = ['rcv', 'mfa'];

interface Status {
  readonly remaining: number;
  readonly createdAt: string | null;
}

describe('recovery codes', () => {
  let apps: TestApp[];
  let app: TestApp;
  let mfa: Mfa;
  let grace: Person;
  let codes: readonly string[];

  beforeAll(async () => {
    const database = await freshDatabase(`recovery_${process.env['JEST_WORKER_ID']}`);
    apps = [await TestApp.start({ database }), await TestApp.start({ database })];
    app = apps[0]!;
    mfa = app.get(Mfa);
  });
  beforeEach(async () => {
    grace = await app.people.person();
    codes = (await confirmApp(app, grace)).recoveryCodes;
  });
  afterAll(() => Promise.all(apps.map((each) => each.stop())));

  const proof = (code: string): MfaProof => ({ method: 'recovery_code', code });
  const prove = (code: string, person = grace, at = mfa) => at.prove(person.id, proof(code));
  const remaining = async (): Promise<number> => (await grace.get<Status>(CODES)).body.remaining;

  it('are ten of 80 bits each, kept as hashes, and never shown again', async () => {
    expect(new Set(codes).size).toBe(10);
    for (const code of codes) expect(code).toMatch(/^[0-9a-hjkmnp-tv-z]{4}(-[0-9a-hjkmnp-tv-z]{4}){3}$/);
    const status = await grace.get<Status>(CODES);
    expect([status.status, status.body]).toEqual([200, { remaining: 10, createdAt: expect.any(String) as string }]);
    const rows = await app.sql<{ hash: Buffer }>('SELECT hash FROM roster.recovery_codes WHERE user_id = $1', [
      grace.id,
    ]);
    expect(rows.map(({ hash }) => hash.length)).toEqual(Array.from({ length: 10 }, () => 32));
    const kept = JSON.stringify(await app.sql('SELECT data, private FROM roster.events'));
    for (const code of codes) expect(kept).not.toContain(code);
  });

  it('are good once, however they are typed, and told of (S13, S17, A30)', async () => {
    const [first, second] = codes;
    expect(await prove(first!)).toEqual(RECOVERED);
    expect(await prove(first!)).toBeNull();
    const typed = ` ${second!.toUpperCase().replaceAll('-', ' ').replaceAll('0', 'O').replaceAll('1', 'I')} `;
    expect(await prove(typed)).toEqual(RECOVERED);
    expect(await prove(second!)).toBeNull();
    expect(await remaining()).toBe(8);
    expect((await newFactsAbout(app, grace.id)).slice(-2)).toEqual(['recovery_code.used', 'recovery_code.used']);
    const fact = await factOf(app, grace.id, 'recovery_code.used');
    expect([fact.data, fact.private['actorId']]).toEqual([{ userId: grace.id, remaining: 8 }, grace.id]);
    await awaitWords(app, grace.user.email, 'A recovery code was used to sign in.');
  });

  it.each(['', 'x', '0000-0000-0000-0000', '0'.repeat(5000), '\u0000', 'é'.repeat(16), "' OR 1=1--"])(
    'are not %j',
    async (code) => {
      expect(await prove(code)).toBeNull();
      expect(await remaining()).toBe(10);
    },
  );

  it('are one’s own', async () => {
    const eve = await app.people.person();
    await confirmApp(app, eve);
    expect(await prove(codes[0]!, eve)).toBeNull();
    expect(await prove(codes[0]!)).toEqual(RECOVERED);
  });

  it('let one of 100 in who come at once to two processes, in 10 rounds (S13, A30)', async () => {
    const both = apps.map((each) => each.get(Mfa));
    for (const code of codes) {
      const tries = unhurried(() => Array.from({ length: 100 }, (_, n) => prove(code, grace, both[n % 2])));
      const outcomes = await Promise.all(tries);
      expect(outcomes.filter((outcome) => outcome !== null)).toEqual([RECOVERED]);
    }
    expect(await remaining()).toBe(0);
    expect(await mfa.methodsOf(grace.id)).toEqual(['totp']);
    expect((await newFactsAbout(app, grace.id)).filter((type) => type === 'recovery_code.used')).toHaveLength(10);
  }, 180_000);

  it('are made anew, and then the old ones are void', async () => {
    await prove(codes[0]!);
    const made = await grace.post<{ codes: string[] }>(CODES);
    expect([made.status, made.headers['cache-control'], made.body.codes.length]).toEqual([200, 'no-store', 10]);
    expect(await prove(codes[1]!)).toBeNull();
    expect(await prove(made.body.codes[0]!)).toEqual(RECOVERED);
    expect(await remaining()).toBe(9);
    expect((await newFactsAbout(app, grace.id)).slice(-2)).toEqual(['recovery_codes.made', 'recovery_code.used']);
  });

  it('stand in for a factor: without one there are none', async () => {
    const nobody = await app.people.person();
    const refused = await nobody.post<Failure>(CODES);
    expect([refused.status, refused.body.code]).toEqual([409, 'second_factor_missing']);
    expect((await nobody.get<Status>(CODES)).body).toEqual({ remaining: 0, createdAt: null });
    expect(await newFactsAbout(app, nobody.id)).toEqual([]);
  });

  it('are not made anew without a recent sign-in (S16)', async () => {
    app.clock.advance(6 * MINUTE);
    const refused = await grace.post<Failure>(CODES);
    expect([refused.status, refused.body.code]).toEqual([403, 'reauthentication_required']);
    expect(await prove(codes[0]!)).toEqual(RECOVERED);
  });
});
