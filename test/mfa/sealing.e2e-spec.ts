import { Jobs } from '../../src/jobs/index.js';
import { Mfa } from '../../src/mfa/index.js';
import { Secrets } from '../../src/platform/crypto/secrets.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import { confirmApp } from './enrolment.js';

const [OLD, NEW] = [Buffer.alloc(32, 7), Buffer.alloc(32, 8)];

describe('the secrets of authenticator apps', () => {
  it('outlive a change of SECRET_KEY: they are sealed anew while the one before is still known', async () => {
    const database = await freshDatabase(`sealing_${process.env['JEST_WORKER_ID']}`);
    const before = await TestApp.start({ database, secrets: new Secrets(OLD) });
    const grace = await before.people.person();
    const factor = await confirmApp(before, grace);
    await before.stop();

    const between = await TestApp.start({ database, secrets: new Secrets(NEW, OLD) });
    await between
      .get(Jobs)
      .known()
      .get('totp_secrets.reseal')!
      .handler({} as never, null as never);
    await between.stop();

    const after = await TestApp.start({ database, secrets: new Secrets(NEW) });
    const proof = { method: 'totp', code: factor.code(1) } as const;
    expect(await after.get(Mfa).prove(grace.id, proof)).toEqual(['otp', 'mfa']);
    await after.stop();
  });
});
